import { closeSync, fsyncSync, openSync } from 'node:fs'

/**
 * What was made, linked or renamed in the folder keeps its name from now on, also when the machine stops, wherever folders can be synced and this one be
 * read. Where they cannot, nothing is told: what was done there is done.
 */
export function syncFolder(path: string): void {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    fsyncSync(descriptor)
  } catch {
    return
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
