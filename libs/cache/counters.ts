import type { State } from './channel.ts'

/** Counts that all processes share. */
export interface Counters {
  readonly state: State
  /**
   * Adds `by` (a whole number, 1 when absent) to what was counted for the key in its window, and returns the sum. A window begins
   * with the first add and ends `windowMilliseconds` later; later adds do not prolong it, and the next one begins another. Adds of any
   * processes are one after the other: no two are given the same sum.
   * Undefined when the store is away, full of waiting adds, or silent for 100 milliseconds; then it may still have counted. Never
   * rejects.
   */
  add(key: string, windowMilliseconds: number, by?: number): Promise<number | undefined>
  close(): Promise<void>
}
