import type { Database } from '#libs/postgres/index'
import { leaseLength, releaseLeases, renewLeases, resign } from './leases.ts'

/** One tenure of a shard. What was taken in it is published in it, or not from memory at all. */
export interface Tenure {
  readonly shard: number
  /** What an earlier owner, or this one before a failure, has published is looked up before anything is taken. */
  state: 'to be checked' | 'open' | 'leaving'
  /** By `performance.now()`. */
  until: number
}

/** Milliseconds between renewals. */
export const renewEvery = 1_000

/** The shards that one relay holds. A tenure that has ended is told to `ended` at once, with all that belongs to it. */
export class Tenures {
  readonly #database: Database
  readonly #schema: string
  readonly #ended: (tenure: Tenure) => void
  readonly #held = new Map<number, Tenure>()
  /** Who holds them, in the table of leases. */
  readonly owner = crypto.randomUUID()
  /** Whether other processes publish from this outbox too. */
  isShared = false

  constructor(database: Database, schema: string, ended: (tenure: Tenure) => void) {
    this.#database = database
    this.#schema = schema
    this.#ended = ended
  }

  of(shard: number): Tenure | undefined {
    return this.#held.get(shard)
  }

  in(state: Tenure['state']): Tenure[] {
    return [...this.#held.values()].filter((tenure) => tenure.state === state)
  }

  /** Whether it is still this tenure in which new events of the shard are taken. */
  isOpen(tenure: Tenure): boolean {
    return tenure.state === 'open' && this.#held.get(tenure.shard) === tenure
  }

  /** Renews what is held and takes what is free; answers whether there is something new. `busy` shards are not given away yet. */
  async renew(busy: () => ReadonlySet<number>): Promise<boolean> {
    const began = performance.now()
    const leases = await renewLeases(this.#database, this.#schema, this.owner)
    this.isShared = leases.shared
    const until = began + leaseLength - renewEvery
    const mine = new Set([...leases.kept, ...leases.claimed.map(({ shard }) => shard)])
    for (const tenure of this.#held.values()) if (!mine.has(tenure.shard)) this.#end(tenure)
    for (const shard of leases.kept) {
      const tenure = this.#held.get(shard)
      if (tenure === undefined) this.#held.set(shard, { shard, state: 'to be checked', until })
      else tenure.until = until
    }
    for (const { shard, released } of leases.claimed) {
      this.#held.set(shard, { shard, state: released ? 'open' : 'to be checked', until })
    }
    await this.#leave(leases.surplus, busy())
    return leases.claimed.length > 0
  }

  /** Of a lease that could not be renewed in time nothing more is published from memory. */
  endExpired(): void {
    const now = performance.now()
    // Those of now: what is set anew below would be met again, for ever.
    for (const tenure of this.#held.values().toArray()) {
      if (tenure.until >= now) continue
      this.#end(tenure)
      this.#held.set(tenure.shard, { ...tenure, state: 'to be checked' })
    }
  }

  /** Nobody knows what of these shards was published last. */
  doubtAll(): void {
    for (const tenure of this.#held.values()) tenure.state = 'to be checked'
  }

  /** Gives the shards to others: at once where all that was taken is published, else when the leases run out, for others to check. */
  async resign(allIsPublished: boolean): Promise<void> {
    const shards = allIsPublished ? [...this.in('open'), ...this.in('leaving')].map(({ shard }) => shard) : []
    await releaseLeases(this.#database, this.#schema, this.owner, shards)
    await resign(this.#database, this.#schema, this.owner)
  }

  /** Takes nothing more of surplus shards, and releases those of which nothing is in hand. */
  async #leave(surplus: number, busy: ReadonlySet<number>): Promise<void> {
    const leaving = this.in('leaving')
    for (const tenure of this.in('open').slice(0, Math.max(0, surplus - leaving.length))) tenure.state = 'leaving'
    const idle = leaving.filter(({ shard }) => !busy.has(shard))
    if (idle.length === 0) return
    for (const tenure of idle) this.#end(tenure)
    await releaseLeases(
      this.#database,
      this.#schema,
      this.owner,
      idle.map(({ shard }) => shard),
    )
  }

  #end(tenure: Tenure): void {
    this.#held.delete(tenure.shard)
    this.#ended(tenure)
  }
}
