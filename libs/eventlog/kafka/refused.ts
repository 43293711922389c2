import type { OutboxRow } from './outbox.ts'

interface Refusal {
  readonly id: string
  readonly shard: number
  readonly until: number
}

/**
 * Events that Kafka refuses for what they are. Each keeps back those of its key that come after it, so that the key's order holds,
 * and stays in the outbox; all others flow on.
 */
export class Refused {
  readonly #byKey = new Map<string, Refusal>()
  readonly #tryAgainAfter: number

  /** Milliseconds until a refused event is tried again: somebody may have let its topic take it. */
  constructor(tryAgainAfter = 60_000) {
    this.#tryAgainAfter = tryAgainAfter
  }

  get size(): number {
    return this.#byKey.size
  }

  add({ id, key, shard }: OutboxRow): void {
    this.#byKey.set(key, { id, shard, until: performance.now() + this.#tryAgainAfter })
  }

  /** Whether the event must stay in the outbox, as of `now` by `performance.now()`: one instant for all that is looked at together. */
  keepsBack({ key }: OutboxRow, now: number): boolean {
    return now < (this.#byKey.get(key)?.until ?? 0)
  }

  /** Ids of those that surely are not in Kafka: they are not being tried again. */
  ids(now: number): string[] {
    return [...this.#byKey.values()].filter(({ until }) => now < until).map(({ id }) => id)
  }

  /** Whether events of the shard are missing in Kafka. */
  isMissing(shard: number): boolean {
    return this.#byKey.values().some((refusal) => refusal.shard === shard)
  }

  published({ id, key }: OutboxRow): void {
    if (this.#byKey.get(key)?.id === id) this.#byKey.delete(key)
  }

  /** The shard is another relay's now, which finds out by itself. */
  forget(shard: number): void {
    for (const [key, refusal] of this.#byKey) if (refusal.shard === shard) this.#byKey.delete(key)
  }
}
