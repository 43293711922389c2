/** From its beginning on, and up to its end. */
export interface Span {
  readonly from: Date
  readonly until: Date
}

/** What a store of nonces leaves to the one after it: when signatures that it took ahead of its clock were created. */
export interface KeptAhead {
  /** Of each signer, what was kept when this was read. */
  readonly before: ReadonlyMap<string, readonly Span[]>
  /**
   * True once it is durable that what the signer created in that span may be taken; false when that is not known. What no process takes any more at `now`, the clock
   * of the store, may be forgotten: one that only then comes to this store must know of all else. Never rejects.
   */
  keep(signer: string, span: Span, now: Date): Promise<boolean>
}

/** Milliseconds of a span, so that not each request of a signer whose clock is ahead is a write. */
const spanLength = 5_000

/** Of one store of nonces: what lies ahead of its clock and may be taken, since the store after it will know of it. All instants are in milliseconds. */
export class TakenAhead {
  readonly #kept: KeptAhead
  /** Of each signer, the spans that lie ahead, by when they begin. */
  readonly #spans = new Map<string, Map<number, Promise<boolean>>>()

  constructor(kept: KeptAhead) {
    this.#kept = kept
  }

  /** Whether a store before this one may have taken it although it lay ahead. */
  wasKept(signer: string, created: number): boolean {
    const before = this.#kept.before.get(signer)
    return before?.some(({ from, until }) => from.getTime() <= created && created < until.getTime()) ?? false
  }

  /** What `keep` has answered or will answer of that span; undefined where it was not asked, or could not keep it. */
  kept(signer: string, created: number): Promise<boolean> | undefined {
    return this.#spans.get(signer)?.get(spanAt(created))
  }

  /** True once that it may be taken is durable, false where it cannot be made so; `now` is the clock of the store. */
  keep(signer: string, created: number, now: number): Promise<boolean> {
    const from = spanAt(created)
    const spans = this.#spans.get(signer) ?? new Map<number, Promise<boolean>>()
    const known = spans.get(from)
    if (known !== undefined) return known
    for (const begin of spans.keys()) if (begin + spanLength <= now) spans.delete(begin)
    const keeping = this.#kept.keep(signer, { from: new Date(from), until: new Date(from + spanLength) }, new Date(now))
    this.#spans.set(signer, spans.set(from, keeping))
    void keeping.then((done) => {
      if (!done) spans.delete(from)
    })
    return keeping
  }
}

function spanAt(created: number): number {
  return created - (created % spanLength)
}
