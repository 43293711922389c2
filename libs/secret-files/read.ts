import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { systemCode } from '#libs/process/index'
import { notAFile, readableByOthers, SecretFileError, unreadable } from './error.ts'

/**
 * What the file holds, without the space around it; undefined where there is no such file. A pipe is refused, and not waited for: nobody writes into it a
 * second time.
 * @throws SecretFileError readable-by-others, not-a-file, unreadable
 */
export function readSecretFile(path: string): string | undefined {
  return read(path, constants.O_RDONLY | constants.O_NONBLOCK, (found) => found.isFile())
}

/**
 * As `readSecretFile`, and a pipe too, which is waited for until whoever writes into it is done: for what a person gives a command to read.
 * @throws SecretFileError readable-by-others, not-a-file, unreadable
 */
export function readSecretOnce(path: string): string | undefined {
  return read(path, constants.O_RDONLY, (found) => found.isFile() || found.isFIFO())
}

function read(path: string, flags: number, isTaken: (found: Stats) => boolean): string | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, flags)
    const found = fstatSync(descriptor)
    if (!isTaken(found)) throw notAFile(path)
    const allowed = allowedMode(found.uid, process.geteuid?.())
    if ((found.mode & 0o077 & ~allowed) !== 0) throw readableByOthers(path, allowed.toString(8))
    return readFileSync(descriptor, 'utf8').trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof SecretFileError ? error : unreadable(path, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/**
 * Its owner's alone; but a secret that an orchestrator mounts is root's, and can be given to a plain user by its group alone. Postgres takes the key of its
 * certificate likewise.
 */
export function allowedMode(owner: number, us: number | undefined): number {
  return owner === 0 && us !== 0 ? 0o640 : 0o600
}
