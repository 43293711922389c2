import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** When the process started, as a word that no later process of the same id will repeat; undefined when it is gone. */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim()
    }
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // One that has ended is listed until its parent hears of it.
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
