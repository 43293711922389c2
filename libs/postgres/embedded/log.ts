import { copyFileSync, existsSync, openSync, readFileSync, renameSync, statSync, truncateSync } from 'node:fs'
import { systemCode, unwritable } from './errors.ts'

const mostBytes = 8 * 1024 * 1024

/** A descriptor to append with; what has grown too large is moved to LOG.1 before. @throws EmbeddedPostgresError folder-unwritable */
export function openLog(log: string): number {
  try {
    if (isTooLarge(log)) renameSync(log, `${log}.1`)
    return openSync(log, 'a', 0o600)
  } catch (error) {
    throw unwritable(log, error)
  }
}

/** The same for a log that is being appended to: what it holds is copied, and it goes on empty. Lines written meanwhile may be lost. Never throws: what fails is tried again at the next time. */
export function trimLog(log: string): void {
  try {
    if (!isTooLarge(log)) return
    copyFileSync(log, `${log}.1`)
    truncateSync(log)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

/** What was logged after the first `from` bytes. */
export function logged(log: string, from: number): string | undefined {
  const text = readFileSync(log).subarray(from).toString('utf8').trim()
  return text === '' ? undefined : text
}

function isTooLarge(log: string): boolean {
  return existsSync(log) && statSync(log).size > mostBytes
}
