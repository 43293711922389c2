import type { Counters } from './counters.ts'

export interface MemoryCountersOptions {
  readonly clock: () => Date
  /** How many windows are remembered; beyond, the one that began first is forgotten. */
  readonly limit: number
}

/** The counters of a single process. */
export function memoryCounters({ clock, limit }: MemoryCountersOptions): Counters {
  /** In the order in which the windows began. */
  const windows = new Map<string, { sum: number; readonly end: number }>()
  return {
    state: 'connected',
    async add(key, windowMilliseconds, by = 1) {
      const now = clock().getTime()
      const found = windows.get(key)
      if (found !== undefined && found.end > now) return (found.sum += by)
      windows.delete(key)
      const [oldest] = windows.keys()
      if (windows.size >= limit && oldest !== undefined) windows.delete(oldest)
      windows.set(key, { sum: by, end: now + windowMilliseconds })
      return by
    },
    async close() {
      windows.clear()
    },
  }
}
