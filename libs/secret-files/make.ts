import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncFolder, systemCode } from '#libs/process/index'
import { notDurable, unmakeable } from './error.ts'
import { readSecretFile } from './read.ts'

/**
 * What the file holds, without the space around it. Where there is none it is made first, of one line, whole before anybody can read it: of
 * several programs that make it at once, in whatever containers, all are given what one of them wrote. Once this returns it is as durable as `syncFolder`
 * makes its name, whoever made it.
 * @throws SecretFileError as `readSecretFile`; unmakeable, and then there is none; not-durable, and then there may be one
 */
export function makeSecretFile(path: string, content: () => string): string {
  const present = readSecretFile(path)
  if (present !== undefined) {
    // Whoever made it may be about to sync its folder, or have failed to.
    keepName(path)
    return present
  }
  const line = `${content()}\n`
  const draft = `${path}.${randomUUID()}`
  try {
    fill(openNew(draft), line)
    linkSync(draft, path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw unmakeable(path, error)
  } finally {
    rmSync(draft, { force: true })
  }
  keepName(path)
  const kept = readSecretFile(path)
  if (kept === undefined) throw unmakeable(path, new Error('taken away at once'))
  return kept
}

/** A file of its own name, empty, for a secret that is not there yet. */
export interface ReservedFile {
  /**
   * What is written is durable when it is done. To be called once.
   * @throws SecretFileError unmakeable
   */
  write(content: string): void
  /** Takes the file away, whatever has become of it. */
  discard(): void
}

/**
 * Makes the file before there is anything to write, and its name as durable as `syncFolder` does. One that is there is left as it is.
 * @throws SecretFileError unmakeable, with code EEXIST where it is there; not-durable, and then there is none
 */
export function reserveSecretFile(path: string): ReservedFile {
  const descriptor = opened(path)
  let isOpen = true
  const file: ReservedFile = {
    write(content) {
      isOpen = false
      try {
        fill(descriptor, content)
      } catch (error) {
        throw unmakeable(path, error)
      }
    },
    discard() {
      if (isOpen) closeSync(descriptor)
      isOpen = false
      rmSync(path, { force: true })
    },
  }
  try {
    keepName(path)
  } catch (error) {
    file.discard()
    throw error
  }
  return file
}

function keepName(path: string): void {
  try {
    syncFolder(dirname(path))
  } catch (error) {
    throw notDurable(path, error)
  }
}

function opened(path: string): number {
  try {
    return openNew(path)
  } catch (error) {
    throw unmakeable(path, error)
  }
}

const openNew = (path: string): number => openSync(path, 'wx', 0o600)

/** Closes it too. */
function fill(descriptor: number, content: string): void {
  try {
    writeFileSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
