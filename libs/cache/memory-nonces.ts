import type { Nonces, SignedNonce } from './nonces.ts'

/** From its beginning on, and up to its end. */
export interface Span {
  readonly from: Date
  readonly until: Date
}

/** What a single process leaves to the one after it: when signatures that it took ahead of its clock were created. */
export interface KeptAhead {
  /** Of each signer, what processes before this one have kept. */
  readonly before: ReadonlyMap<string, readonly Span[]>
  /** True once it is durable that this process may take what the signer created in that span; false when that is not known. Never rejects. */
  keep(signer: string, span: Span): Promise<boolean>
}

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
/** Milliseconds of a span, so that not each request of a signer whose clock is ahead is a write. */
const spanLength = 5_000

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

  const wasKept = (signer: string, created: number): boolean =>
    ahead.before.get(signer)?.some(({ from, until }) => from.getTime() <= created && created < until.getTime()) ?? false

  /** Of each signer, the spans that lie ahead, by when they begin. */
  const kept = new Map<string, Map<number, Promise<boolean>>>()
  const isKept = (signer: string, created: number): Promise<boolean> | true => {
    const now = clock().getTime()
    // The process after this one begins later.
    if (created <= now) return true
    const from = created - (created % spanLength)
    const spans = kept.get(signer) ?? new Map<number, Promise<boolean>>()
    const known = spans.get(from)
    if (known !== undefined) return known
    for (const begin of spans.keys()) if (begin + spanLength <= now) spans.delete(begin)
    const keeping = ahead.keep(signer, { from: new Date(from), until: new Date(from + spanLength) })
    kept.set(signer, spans.set(from, keeping))
    void keeping.then((done) => {
      if (!done) spans.delete(from)
    })
    return keeping
  }

  return {
    state: 'connected',
    async take({ signer, nonce, created }: SignedNonce, milliseconds) {
      const made = created.getTime()
      if (made <= since || wasKept(signer, made)) return undefined
      if (!(await isKept(signer, made))) return undefined
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
