import { execFileSync } from 'node:child_process'
import { readdirSync, readlinkSync, rmSync } from 'node:fs'
import { sep } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds in which a process may end in peace. */
const patience = 20_000

/**
 * Keeps a folder for whoever started this: when standard input closes, which it does however that process ends, whatever works in the folder is
 * ended, and the folder removed.
 */
const [, , folder = ''] = process.argv
process.stdin.resume().once('close', () => void endAll())

async function endAll(): Promise<void> {
  const asked = new Set<number>()
  const late = performance.now() + patience
  for (let pids = workingIn(folder); pids.length > 0; pids = workingIn(folder)) {
    const isLate = performance.now() > late
    for (const pid of isLate ? pids : pids.filter((one) => !asked.has(one))) {
      asked.add(pid)
      signal(pid, isLate ? 'SIGKILL' : 'SIGINT')
      // One that a test stopped hears of nothing else.
      signal(pid, 'SIGCONT')
    }
    await pause(20)
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

/** The processes whose working directory is there: each server and program of a test has one. */
function workingIn(path: string): number[] {
  const isWithin = (place: string): boolean => place === path || place.startsWith(path + sep)
  return process.platform === 'linux' ? listed().filter((pid) => isWithin(placeOf(pid))) : told(isWithin)
}

function listed(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid))
}

function placeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

/** By lsof: of each process a line `pPID`, and further on one `nPATH`. */
function told(isWithin: (place: string) => boolean): number[] {
  const pids: number[] = []
  let pid = 0
  for (const line of execFileSync('lsof', ['-a', '-d', 'cwd', '-Fpn'], { encoding: 'utf8' }).split('\n')) {
    if (line.startsWith('p')) pid = Number(line.slice(1))
    if (line.startsWith('n') && isWithin(line.slice(1))) pids.push(pid)
  }
  return pids
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}
