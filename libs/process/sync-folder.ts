import { closeSync, fsyncSync, openSync } from 'node:fs'
import { systemCode } from './system-code.ts'

/** Folders cannot be synced there, or not by us, or nothing was changed in them. */
const passedOver = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS', 'EACCES', 'EPERM', 'EROFS'])

/**
 * What was made, linked or renamed in the folder keeps its name from now on, also when the machine stops, wherever folders can be synced and
 * we may read this one. Elsewhere nothing is told, and the system keeps the name when it will: what was done there is done.
 * @throws the error of the system where it should have been synced and was not, such as EIO and ENOSPC
 */
export function syncFolder(path: string): void {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    fsyncSync(descriptor)
  } catch (error) {
    if (!passedOver.has(systemCode(error) ?? '')) throw error
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
