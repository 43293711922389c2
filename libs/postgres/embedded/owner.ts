import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { EmbeddedPostgresError, systemCode, unwritable } from './errors.ts'

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

/** When the process started, as a word that no later process of the same id will repeat; undefined when it is gone. */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // One that has ended is listed until its parent hears of it.
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
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
