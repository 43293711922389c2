import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { Command } from 'commander'
import type { Found } from '#libs/credentials/index'
import type { World } from './command.ts'
import { codeOf, Failure } from './failure.ts'
import { secretsInBytes } from './secrets-in-bytes.ts'
import { printable } from './words.ts'

/** Named by what is public of it: a key by its environment and kid, an admin token by its id. */
type Leak = {
  readonly file: string
  readonly line: number
  readonly column: number
} & ({ readonly environment: string; readonly kid: string } | { readonly token: string })

interface Unreadable {
  readonly file: string
  /** The system's code of the failure. */
  readonly code: string
}

/** Bytes that are looked into at a time. */
const chunk = 1024 * 1024

/** Finds keys and admin tokens in files and folders, and never repeats one. Ends with 1 when there is any, or what cannot be read, so that a hook refuses the commit. */
export function scanCommand(world: World): Command {
  return new Command('scan')
    .description('find provisioning keys and admin tokens in files and folders')
    .argument('<path...>', 'files and folders; what is named .git is passed over')
    .option('--json', 'print data alone, for programs')
    .action(async (paths: string[], _options, command: Command) => {
      const found: Leak[] = []
      const unreadable: Unreadable[] = []
      for (const path of paths) {
        if (path === '')
          throw new Failure('usage', 'A path is empty. Name files and folders, such as "." for this one.')
        for await (const one of keysAt(resolve(world.folder, path), path)) {
          if ('code' in one) unreadable.push(one)
          else found.push(one)
        }
      }
      if (command.optsWithGlobals()['json'] === true) world.out(`${JSON.stringify(found)}\n`)
      else for (const one of found) world.out(lineOf(one))
      for (const { file, code } of unreadable) world.err(`${printable(file)} cannot be read (${code}).\n`)
      if (found.length + unreadable.length > 0) throw new Failure('failed', whatToDo(found, unreadable))
    })
}

function whatToDo(found: readonly Leak[], { length }: readonly Unreadable[]): string {
  const told = [
    ...(found.length === 0
      ? []
      : [
          `${counted(found)} found. Revoke each (latchkey keys revoke <kid>, latchkey tokens revoke <id>, or post it to /leaks of the server), mint another, and take it out of the file and its history.${ofTheFolder(found)}`,
        ]),
    ...(length === 0
      ? []
      : [
          `What may be in ${length === 1 ? 'the path that' : `the ${length} paths that`} cannot be read is not known. Scan again as a user who may read it, or name what is there.`,
        ]),
  ]
  return told.join(' ')
}

function ofTheFolder(found: readonly Leak[]): string {
  if (!found.some((one) => 'token' in one)) return ''
  return ' An admin token whose id the server does not know may be the one of its data folder: remove the file admin-token there and start it again.'
}

function counted(found: readonly Leak[]): string {
  const tokens = found.filter((one) => 'token' in one).length
  const keys = found.length - tokens
  const told = [
    ...(keys === 0 ? [] : [keys === 1 ? 'A key' : `${keys} keys`]),
    ...(tokens === 0 ? [] : [tokens === 1 ? 'An admin token' : `${tokens} admin tokens`]),
  ]
  return `${told.join(' and ').replace(' An ', ' an ')} ${found.length === 1 ? 'was' : 'were'}`
}

function lineOf(leak: Leak): string {
  const what = 'token' in leak ? `an admin token, id ${leak.token}` : `a ${leak.environment} key, kid ${leak.kid}`
  return `${printable(leak.file)}:${leak.line}:${leak.column}: ${what}\n`
}

function nameOf(found: Found) {
  if (found.kind === 'admin-token') return { token: found.id }
  return { environment: found.environment, kid: found.kid }
}

/** A path that is named is looked into wherever it leads, be it a link or a pipe. */
async function* keysAt(path: string, shown: string): AsyncGenerator<Leak | Unreadable> {
  try {
    if ((await lstat(path)).isSymbolicLink()) yield* keysOf([Buffer.from(await readlink(path))], shown)
    const entry = await stat(path)
    if (entry.isDirectory()) yield* keysIn(Buffer.from(path), shown)
    else yield* keysOf(createReadStream(path, { highWaterMark: chunk }), shown)
  } catch (error) {
    yield { file: shown, code: codeOf(error) ?? 'unknown' }
  }
}

/** Links are looked at as they are, and not followed. Names are bytes: not all are text. */
async function* keysIn(folder: Buffer, shown: string): AsyncGenerator<Leak | Unreadable> {
  const names = await readdir(folder, { encoding: 'buffer' })
  for (const name of names.sort(Buffer.compare)) {
    const [path, file] = [Buffer.concat([folder, Buffer.from(sep), name]), join(shown, name.toString())]
    try {
      const entry = await lstat(path)
      if (entry.isSymbolicLink()) yield* keysOf([await readlink(path, { encoding: 'buffer' })], file)
      else if (entry.isFile()) yield* keysOf(createReadStream(path, { highWaterMark: chunk }), file)
      else if (entry.isDirectory() && name.toString() !== '.git') yield* keysIn(path, file)
    } catch (error) {
      yield { file, code: codeOf(error) ?? 'unknown' }
    }
  }
}

async function* keysOf(bytes: AsyncIterable<Buffer> | readonly Buffer[], file: string): AsyncGenerator<Leak> {
  for await (const { line, column, found } of secretsInBytes(bytes)) yield { file, line, column, ...nameOf(found) }
}
