import type { Nonces } from './nonces.ts'

export interface MemoryNoncesOptions {
  readonly clock: () => Date
  /** So many are remembered. While so many are not over, no more are taken: one that is forgotten could be used again. */
  readonly limit: number
}

/** Milliseconds. */
const sweepEvery = 1_000

/** The nonces of a single process, from its start on. */
export function memoryNonces({ clock, limit }: MemoryNoncesOptions): Nonces {
  const since = clock()
  /** When each is over. */
  const taken = new Map<string, number>()
  let sweepAt = Math.min(limit, 1_000)
  let sweptAt = -Infinity
  const sweep = (now: number): void => {
    for (const [nonce, end] of taken) if (end <= now) taken.delete(nonce)
    sweepAt = Math.min(limit, Math.max(1_000, taken.size * 2))
    sweptAt = now
  }
  return {
    state: 'connected',
    since,
    async take(nonce, milliseconds) {
      const now = clock().getTime()
      if ((taken.get(nonce) ?? 0) > now) return false
      // To look through all of them takes long: while it is full, not for each that comes.
      if (taken.size >= sweepAt && Math.abs(now - sweptAt) >= sweepEvery) sweep(now)
      if (taken.size >= limit) return undefined
      taken.set(nonce, now + milliseconds)
      return true
    },
    async close() {
      taken.clear()
    },
  }
}
