import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from './system-code.ts'

const mostBytes = 8 * 1024 * 1024

export interface OpenLog {
  readonly path: string
  /** To append with. */
  readonly descriptor: number
  /** How much it held when it was opened. */
  readonly size: number
}

/** For this user alone; what has grown too large is moved to LOG.1 before. Throws what the system says. */
export function openLog(log: string): OpenLog {
  mkdirSync(dirname(log), { recursive: true })
  if (isTooLarge(log)) renameSync(log, `${log}.1`)
  return { path: log, descriptor: openSync(log, 'a', 0o600), size: statSync(log).size }
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
  const text = existsSync(log) ? readFileSync(log).subarray(from).toString('utf8').trim() : ''
  return text === '' ? undefined : text
}

function isTooLarge(log: string): boolean {
  return existsSync(log) && statSync(log).size > mostBytes
}
