import { DatabaseSync } from 'node:sqlite'
import { unwritable } from './errors.ts'

/**
 * Takes `file` for this process, and returns the release; undefined when another process, or another caller in this one, has it.
 * The operating system holds the lock and gives it free when the process ends, however it ends. The file stays behind, empty.
 * @throws ServerError folder-unwritable
 */
export function tryLock(file: string): (() => void) | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) return undefined
    throw unwritable(file, error)
  }
  const held = database
  return () => {
    if (held.isOpen) held.close()
  }
}

const busy = 5

const isBusy = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === busy
