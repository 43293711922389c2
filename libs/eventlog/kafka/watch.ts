import type { AnyEvent } from '#libs/events/index'
import { deliver, type ReceivedEvent } from '../deliver.ts'
import type { Subscription } from '../port.ts'
import type { KafkaClient } from './client.ts'
import type { FetchedStretch, Range } from './direct-reads.ts'
import { lockPlaces, lostRecords, nowhere, readPlaces, storePlaces } from './places.ts'
import type { LogMarked } from '#libs/events/index'
import { Marks } from './marks.ts'
import { type ConsumedRecord, readRecord } from './records.ts'

/** How far a member is beyond a place in the database, having passed over nothing but what is not its concern. */
export interface Passed {
  readonly saved: number
  readonly reached: number
}

export interface WatchOptions {
  readonly client: KafkaClient
  readonly subscription: Subscription
  /** Begins the topics' names. */
  readonly prefix: string
  /** TOPIC/NUMBER each, with how many partitions the topic has. */
  readonly partitions: ReadonlyMap<string, number>
  readonly concerns: (event: ReceivedEvent) => boolean
  /** How far this process's member of the group is in a partition that it has. */
  readonly passedByMember: (partition: string) => Passed | undefined
}

const lookEvery = 1_000
/** So long, in milliseconds, the group may be behind what was in the log before it is helped. */
const patience = 1_000
const lookAgainAfter = 200
/** Milliseconds after which an answer came too late: a server that stood still may have missed what others wanted to tell it. */
const promptness = 2_000

/** Kafka could not be asked; the follower tells of that. */
class Unread extends Error {}

/**
 * Sees to it that a group does not stay behind: looks how far the topics reach, and when the group is not there a second later,
 * or has not been since the start, reads the missing stretch without the group and applies it. The places in the database are
 * locked and compared as always, so that racing with a living member neither loses nor repeats anything.
 */
export class GroupWatch {
  readonly #options: WatchOptions
  /** Of each partition, what this watch has read. */
  readonly #passed = new Map<string, Passed>()
  #reads: ReturnType<KafkaClient['openReads']> | undefined
  /** What the marks tell that this watch has read. */
  readonly #marks: Marks
  #upTo: number | undefined
  #caughtUpAt: number | undefined
  #unbrokenSince: number | undefined
  #stopping = false
  #endPause: (() => void) | undefined
  readonly #finished: Promise<void>

  constructor(options: WatchOptions) {
    this.#options = options
    this.#marks = new Marks(options.prefix)
    this.#finished = this.#run()
  }

  caughtUpAt(): Date | undefined {
    return this.#caughtUpAt === undefined ? undefined : new Date(this.#caughtUpAt)
  }

  unbrokenSince(): Date | undefined {
    return this.#unbrokenSince === undefined ? undefined : new Date(this.#unbrokenSince)
  }

  /** As that of the follower, by what this watch has read. */
  followedUpTo(): number | undefined {
    const known = [...this.#options.partitions].map(([partition, count]) => this.#marks.upTo(partition, count))
    if (known.every((upTo) => upTo !== undefined)) this.#upTo = Math.max(this.#upTo ?? 0, Math.min(...known))
    return this.#upTo
  }

  /** Waits for the batch in hand. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#endPause?.()
    await this.#finished
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const began = Date.now()
      try {
        await this.#catchUp()
        this.#caughtUpAt = began
      } catch (error) {
        if (!this.#stopping && !(error instanceof Unread)) {
          this.#options.subscription.observe?.stalled?.(error, lookAgainAfter)
        }
      }
      const due = began + (this.#isNew ? lookAgainAfter : lookEvery)
      await this.#pause(Math.max(lookAgainAfter, due - Date.now()))
    }
    await this.#close()
  }

  /** Until this process knows how far the group is, nobody is waited for. */
  get #isNew(): boolean {
    return this.#caughtUpAt === undefined || this.followedUpTo() === undefined
  }

  /** Returns once the group has everything that is in the topics now. */
  async #catchUp(): Promise<void> {
    const ends = await this.#offsets('ends')
    // Not since it was asked: what others wanted to tell until it answered may wait with them still.
    this.#unbrokenSince ??= Date.now()
    const helpAt = this.#isNew ? 0 : performance.now() + patience
    for (;;) {
      const behind = await this.#behind(ends)
      if (behind.size === 0) return
      if (performance.now() >= helpAt) await this.#help(behind, ends)
      else await this.#pause(lookAgainAfter)
      if (this.#stopping) throw new Error('stopped')
    }
  }

  async #offsets(which: 'ends' | 'oldest'): Promise<Map<string, number>> {
    const reads = (this.#reads ??= this.#options.client.openReads([...this.#options.partitions.keys()]))
    const asked = performance.now()
    const offsets = await this.#read(() => reads.offsets(which))
    if (performance.now() - asked > promptness) this.#unbrokenSince = undefined
    return offsets
  }

  /** After a failure leaders may have changed: connections are opened anew. */
  async #read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch {
      this.#unbrokenSince = undefined
      await this.#close()
      throw new Unread()
    }
  }

  /** Of each partition that is not done up to its end, the offset before which all is. */
  async #behind(ends: ReadonlyMap<string, number>): Promise<Map<string, Passed>> {
    const { subscription, partitions, passedByMember } = this.#options
    const places = await readPlaces(subscription.database, subscription, [...partitions.keys()])
    const behind = new Map<string, Passed>()
    for (const [partition, end] of ends) {
      const saved = places.get(partition) ?? nowhere
      const known = [passedByMember(partition), this.#passed.get(partition)].filter((passed) => passed?.saved === saved)
      const reached = Math.max(saved, ...known.map((passed) => passed?.reached ?? nowhere))
      if (reached < end) behind.set(partition, { saved, reached })
    }
    return behind
  }

  async #help(behind: ReadonlyMap<string, Passed>, ends: ReadonlyMap<string, number>): Promise<void> {
    const { subscription } = this.#options
    const oldest = await this.#offsets('oldest')
    const ranges = new Map<string, Range>()
    for (const [partition, { saved, reached }] of behind) {
      const kept = oldest.get(partition) ?? 0
      if (reached !== nowhere && reached < kept) {
        subscription.observe?.stalled?.(lostRecords(subscription.group, partition, kept - reached), 0)
      }
      const from = Math.max(reached, kept)
      this.#passed.set(partition, { saved, reached: from })
      ranges.set(partition, { from, to: ends.get(partition) ?? 0 })
    }
    let failure: unknown
    const reads = this.#reads
    if (reads === undefined) return
    await this.#read(() =>
      reads.read(ranges, async (stretches) => {
        try {
          for (const stretch of stretches) await this.#applyInParts(stretch)
        } catch (error) {
          failure = error
          return 'enough'
        }
        return this.#stopping ? 'enough' : 'more'
      }),
    )
    if (failure !== undefined) throw failure
  }

  /** What concerns nobody here needs no transaction. */
  async #applyInParts({ topic, partition, records, next }: FetchedStretch<ConsumedRecord>): Promise<void> {
    const name = `${topic}/${partition}`
    const { subscription, concerns } = this.#options
    const size = subscription.batchSize ?? 500
    const marks: LogMarked[] = []
    const events = records.flatMap((record) => {
      const read = readRecord(record, topic, partition)
      if (read.kind === 'mark') marks.push(read.mark)
      return read.kind === 'event' && concerns(read.event) ? [{ offset: record.offset, event: read.event }] : []
    })
    for (let at = 0; at < events.length; at += size) {
      const part = events.slice(at, at + size)
      const following = events[at + size]
      await this.#apply(name, part, following === undefined ? next : following.offset)
    }
    const passed = this.#passed.get(name)
    // Somebody else has moved the place: what stands before these marks is not known to be applied.
    if (passed === undefined) return
    if (events.length === 0) this.#passed.set(name, { saved: passed.saved, reached: next })
    for (const mark of marks) this.#marks.add(name, mark)
  }

  /** Applies what begins where this watch is in the partition, unless somebody has been faster. */
  async #apply(
    partition: string,
    found: readonly { readonly offset: number; readonly event: ReceivedEvent }[],
    next: number,
  ): Promise<void> {
    const { subscription } = this.#options
    const passed = this.#passed.get(partition)
    if (passed === undefined) return
    const began = performance.now()
    const transact = (): Promise<AnyEvent[] | undefined> =>
      subscription.database.transaction(async (transaction) => {
        const place = (await lockPlaces(transaction, subscription, [partition])).get(partition) ?? nowhere
        const start = place === passed.saved ? passed.reached : place
        // Moved back, or not to where this begins: the next look begins with the place as it is then.
        if (start < passed.reached) return undefined
        const events = found.filter(({ offset }) => offset >= start).map(({ event }) => event)
        const applied = events.length === 0 ? [] : await deliver(subscription, transaction, events)
        storePlaces(transaction, subscription, new Map([[partition, { next: Math.max(start, next), upTo: undefined }]]))
        return applied
      })
    const { around } = subscription.observe ?? {}
    const traced = found.map(({ event }) => event)
    const applied = await (around === undefined ? transact() : around(traced, transact))
    if (applied === undefined) {
      this.#passed.delete(partition)
      return
    }
    this.#passed.set(partition, { saved: next, reached: next })
    if (applied.length > 0) subscription.observe?.applied?.(applied, { milliseconds: performance.now() - began })
  }

  async #close(): Promise<void> {
    const reads = this.#reads
    this.#reads = undefined
    await reads?.close().catch(() => undefined)
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#stopping) return
    const { promise, resolve: end } = Promise.withResolvers<void>()
    const timer = setTimeout(end, milliseconds)
    this.#endPause = end
    await promise
    clearTimeout(timer)
  }
}
