import type { Nonces, SignedNonce } from './nonces.ts'
import { type KeptAhead, TakenAhead } from './taken-ahead.ts'

export interface MemoryNoncesOptions {
  readonly clock: () => Date
  /**
   * So many are remembered. While so many are not over, no more are taken: one that is forgotten could be used again. A signer takes none while it has as
   * many as are still free: alone it has half of them, and leaves others room.
   */
  readonly limit: number
  readonly ahead: KeptAhead
}

/** A string that a parser has put together of single characters takes thirty times the memory for as long as it is kept. */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString()
}

/** Milliseconds. */
const sweepEvery = 1_000

/**
 * The nonces of a single process, from its start on. What was created before it, or may have been taken by a process before it although it lies ahead, is not
 * known. It holds as long as the clock is not set back between the two.
 */
export function memoryNonces({ clock, limit, ahead }: MemoryNoncesOptions): Nonces {
  const since = clock().getTime()
  /** Of each signer, when each of its nonces is over. */
  const taken = new Map<string, Map<string, number>>()
  let size = 0
  let sweepAt = Math.min(limit, 1_000)
  let sweptAt = -Infinity
  const sweep = (now: number): void => {
    size = 0
    for (const [signer, nonces] of taken) {
      for (const [nonce, end] of nonces) if (end <= now) nonces.delete(nonce)
      if (nonces.size === 0) taken.delete(signer)
      size += nonces.size
    }
    sweepAt = Math.min(limit, Math.max(1_000, size * 2))
    sweptAt = now
  }

  const takenAhead = new TakenAhead(ahead)
  return {
    state: 'connected',
    async take({ signer, nonce, created }: SignedNonce, milliseconds) {
      const made = created.getTime()
      if (made <= since || takenAhead.wasKept(signer, made)) return undefined
      const received = clock().getTime()
      // What does not lie ahead is older than the process after this one.
      if (made > received && !(await takenAhead.keep(signer, made, received))) return undefined
      const now = clock().getTime()
      const own = taken.get(signer)
      if ((own?.get(nonce) ?? 0) > now) return false
      // To look through all of them takes long: while it is full, not for each that comes.
      const isFull = (own?.size ?? 0) >= limit - size
      if ((isFull || size >= sweepAt) && Math.abs(now - sweptAt) >= sweepEvery) sweep(now)
      const mine = taken.get(signer) ?? new Map<string, number>()
      if (mine.size >= limit - size) return undefined
      if (!mine.has(nonce)) size++
      mine.set(inOnePiece(nonce), now + milliseconds)
      taken.set(signer, mine)
      return true
    },
    async close() {
      taken.clear()
    },
  }
}
