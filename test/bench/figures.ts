export interface Spread {
  /** Milliseconds. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** A floor that was measured beside an operation, and what part of it the operation reached. */
export interface Floor extends Spread {
  readonly name: string
  readonly perSecond: number
  readonly ratio: number
}

export interface Figures extends Spread {
  readonly name: string
  readonly connections: number
  readonly requests: number
  readonly perSecond: number
  /** Processor time per request in microseconds, of the program and of Postgres: comparable also on a busy machine. */
  readonly processor: number
  readonly postgres: number
  /** What part of one core the measuring side used. */
  readonly driver: number
  /** What part of the machine went to others: where it is much, what is measured says little. */
  readonly others: number
}

export function spread(milliseconds: number[]): Spread {
  const sorted = Float64Array.from(milliseconds).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** How much of one core this process used since. */
export function ownShare(): () => number {
  const began = performance.now()
  const used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    return (user + system) / 1000 / (performance.now() - began)
  }
}

/** Of an even number of values, the upper of the two in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
