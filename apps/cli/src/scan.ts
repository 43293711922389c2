import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import type { World } from './command.ts'
import { codeOf, Failure } from './failure.ts'
import { type KeyInText, keysInBytes } from './keys-in-bytes.ts'
import { printable } from './words.ts'

interface Found extends KeyInText {
  readonly file: string
}

/** Bytes that are looked into at a time. */
const chunk = 1024 * 1024

/** Finds keys in files and folders, and never repeats one. Ends with 1 when there is any, so that a hook refuses the commit. */
export function scanCommand(world: World): Command {
  return new Command('scan')
    .description('find provisioning keys in files and folders')
    .argument('<path...>', 'files and folders; what is named .git is passed over')
    .option('--json', 'print data alone, for programs')
    .action(async (paths: string[], _options, command: Command) => {
      const found: Found[] = []
      for (const path of paths) for await (const one of keysBelow(resolve(world.folder, path), path)) found.push(one)
      if (command.optsWithGlobals()['json'] === true) world.out(`${JSON.stringify(found)}\n`)
      else for (const one of found) world.out(lineOf(one))
      if (found.length === 0) return
      throw new Failure(
        'failed',
        `${found.length === 1 ? 'A key was' : `${found.length} keys were`} found. Revoke each (latchkey keys revoke <kid>, or post it to /leaks of the server), mint another, and take it out of the file and its history.`,
      )
    })
}

function lineOf({ file, line, column, environment, kid }: Found): string {
  return `${printable(file)}:${line}:${column}: a ${environment} key, kid ${kid}\n`
}

/** Links are looked at as they are, and not followed. */
async function* keysBelow(path: string, shown: string): AsyncGenerator<Found> {
  const entry = await lstat(path).catch((error: unknown) => {
    throw unreadable(shown, error)
  })
  if (entry.isSymbolicLink()) {
    yield* keysOf([Buffer.from(await readlink(path))], shown)
  } else if (entry.isDirectory()) {
    const names = await readdir(path)
    for (const name of names.sort()) if (name !== '.git') yield* keysBelow(join(path, name), join(shown, name))
  } else if (entry.isFile()) {
    yield* keysOf(createReadStream(path, { highWaterMark: chunk }), shown)
  }
}

async function* keysOf(bytes: AsyncIterable<Buffer> | readonly Buffer[], file: string): AsyncGenerator<Found> {
  try {
    for await (const { line, column, environment, kid } of keysInBytes(bytes))
      yield { file, line, column, environment, kid }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(shown: string, error: unknown): Failure {
  return new Failure('notFound', `${printable(shown)} cannot be read (${codeOf(error) ?? 'unknown'}).`)
}
