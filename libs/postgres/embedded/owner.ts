import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { startOf, systemCode } from '#libs/process/index'
import { EmbeddedPostgresError, unwritable } from './errors.ts'

/**
 * Takes the folder for this process, so that only a Postgres whose starter is gone is ever taken over.
 * The owner file names a process and when it started, so a reused process id does not count as the owner.
 * Returns the release.
 * @throws EmbeddedPostgresError folder-in-use, folder-unwritable
 */
export function ownFolder(folder: string): () => void {
  const file = `${folder}.owner`
  const ours = `${process.pid} ${startOf(process.pid) ?? ''}`
  for (;;) {
    const draft = `${file}.${process.pid}`
    try {
      writeFileSync(draft, ours, { mode: 0o600 })
      linkSync(draft, file)
      return () => {
        if (read(file) === ours) rmSync(file, { force: true })
      }
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw unwritable(folder, error)
    } finally {
      rmSync(draft, { force: true })
    }
    const found = read(file)
    if (found === undefined) continue
    if (lives(found)) throw inUse(folder, found)
    setAside(file, found)
  }
}

function lives(owner: string): boolean {
  const [pid, ...start] = owner.split(' ')
  return startOf(Number(pid)) === start.join(' ')
}

/** Removes a dead owner's file; where another process was quicker and the file is its own, puts that one back. */
function setAside(file: string, dead: string): void {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    if (read(aside) !== dead) linkSync(aside, file)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unwritable(file, error)
  }
}

function inUse(folder: string, owner: string): EmbeddedPostgresError {
  const pid = owner.split(' ')[0]
  return new EmbeddedPostgresError(
    'folder-in-use',
    `The data in ${folder} is in use by the running process ${pid}: stop that one, or name another data folder.`,
  )
}
