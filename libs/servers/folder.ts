import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { systemCode } from '#libs/process/index'
import { ServerError, unwritable } from './errors.ts'
import { tryLock } from './lock.ts'

const record = z.object({ pid: z.number(), start: z.string(), port: z.number(), settings: z.string() })

/** What a running server is remembered by, for the start after a killed run. */
export type RunningRecord = z.infer<typeof record>

export interface ServerFolder {
  readonly path: string
  remember(running: RunningRecord): void
  /** The server that was started here last, dead or alive. */
  recall(): RunningRecord | undefined
  forget(): void
  release(): void
}

/**
 * Makes the folder when it is absent and takes it for this process.
 * @throws ServerError folder-in-use, folder-unwritable
 */
export function takeFolder(folder: string): ServerFolder {
  const path = resolve(folder)
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unwritable(path, error)
  }
  const release = tryLock(join(path, 'lock'))
  if (release === undefined) {
    throw new ServerError(
      'folder-in-use',
      `The server in ${path} was started by a run that still goes on: stop that one, or name another folder.`,
    )
  }
  const file = join(path, 'running.json')
  return {
    path,
    release,
    remember(running) {
      try {
        writeFileSync(`${file}.new`, JSON.stringify(running), { mode: 0o600 })
        renameSync(`${file}.new`, file)
      } catch (error) {
        throw unwritable(file, error)
      }
    },
    recall() {
      try {
        return record.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
      } catch (error) {
        if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
        throw unwritable(file, error)
      }
    },
    forget: () => rmSync(file, { force: true }),
  }
}
