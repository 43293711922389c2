import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Processor time that processes have used so far, in seconds; NaN where there is no /proc. */
export function processorTime(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + own(pid), 0)
}

/** The same of a Postgres server: its postmaster, and every process that it started, also those that have ended. */
export function postgresTime(postmaster: number): number {
  try {
    const children = readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && fieldsOf(name)[1] === String(postmaster),
    )
    const ended = ticks(fieldsOf(postmaster).slice(13, 15))
    return own(postmaster) + ended + processorTime(children.map(Number))
  } catch {
    return Number.NaN
  }
}

/** Processor time that everything on this machine has used so far, and what the host withheld, in seconds; NaN where there is no /proc. */
export function machineTime(): number {
  try {
    // user, nice, system, idle, iowait, irq, softirq, steal
    const [user, nice, system, , , irq, softirq, steal] =
      /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? []
    return (
      [user, nice, system, irq, softirq, steal].reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / 100
    )
  } catch {
    return Number.NaN
  }
}

/** Resident memory of processes in MiB, as Linux counts it; NaN elsewhere. */
export function residentMemory(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(read(pid, 'status'))?.[1]) / 1024, 0)
  } catch {
    return Number.NaN
  }
}

/** The most that each process held since its peak was reset, summed, in MiB; NaN where Linux does not tell. */
export function peakMemory(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => sum + Number(/VmHWM:\s+(\d+)/.exec(read(pid, 'status'))?.[1]) / 1024, 0)
  } catch {
    return Number.NaN
  }
}

export function resetPeakMemory(pids: readonly number[]): void {
  // 5 is for the peak (proc(5)); elsewhere than on Linux there is none to reset.
  for (const pid of pids) if (existsSync(`/proc/${pid}/clear_refs`)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

export function machine(): string {
  const [first] = cpus()
  return `${cpus().length} cores (${first?.model.trim() ?? 'unknown'}), ${process.platform} ${process.arch}, Node ${process.version}`
}

function own(pid: number): number {
  try {
    return ticks(fieldsOf(pid).slice(11, 13))
  } catch {
    return Number.NaN
  }
}

/** The fields of /proc/PID/stat from the state on: the parent is the second, user and system time the twelfth and thirteenth. */
function fieldsOf(pid: number | string): string[] {
  try {
    return read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
  } catch {
    return []
  }
}

function ticks(fields: readonly string[]): number {
  return fields.length < 2 ? Number.NaN : (Number(fields[0]) + Number(fields[1])) / 100
}

function read(pid: number | string, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, 'utf8')
}
