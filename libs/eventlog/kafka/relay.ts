import type { EventSource } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import { endsWithin } from '#libs/timing/index'
import type { TracedEvent } from '../port.ts'
import { type KafkaClient, KafkaTrouble, type Producer } from './client.ts'
import { Hand } from './hand.ts'
import { Marking } from './marking.ts'
import { isLastPage, type Outbox, type OutboxPage, type OutboxRow } from './outbox.ts'
import { type ProducedRecord, recordOf, type Topics } from './records.ts'
import { Refused } from './refused.ts'
import { removeWhatIsPublished } from './removal.ts'
import { renewEvery, type Tenure, Tenures } from './tenures.ts'

export interface RelayOptions {
  readonly database: Database
  readonly outbox: Outbox
  readonly source: EventSource
  readonly client: KafkaClient
  /** Resolves once Kafka has answered. */
  readonly topics: Promise<Topics>
  /** As in `Refused`. */
  readonly refusedAgainAfter: number | undefined
  readonly observe: RelayObserver
}

export interface RelayObserver {
  /** Wraps the publishing of one batch, to trace it. */
  around<T>(events: readonly TracedEvent[], work: () => Promise<T>): Promise<T>
  /** Told of each batch once Kafka has it. */
  published(events: number): void
  /** Kafka takes the event at no time, for what it is; told again whenever it was tried again. */
  refused(event: { readonly id: string; readonly name: string; readonly key: string; readonly bytes: number }): void
  /** Something failed and is tried again; events wait in the outbox meanwhile. */
  failed(error: unknown): void
  /** Whether Kafka takes what is published. */
  broker(state: 'connected' | 'away'): void
}

type Loop = 'publish' | 'look' | 'renew'

/** Milliseconds between looks that show all there is, after which the partitions are marked. */
const markEvery = 1_000
/** Milliseconds between looks for what other processes append. */
const lookForOthersEvery = 50
/** Milliseconds between looks for what this process appended and could not hand over. */
const lookAgainAfter = 10
/** Milliseconds for which events gather: many small batches would cost Kafka and its followers more than the wait. */
const linger = 10
const pageSize = 200
const longestPause = 2_000
/** Milliseconds without an answer after which Kafka is said to be away, while the answer is waited for all the same. */
const longestSilence = 5_000
/** Milliseconds for which a relay that is stopped goes on publishing what it has taken. */
const longestFarewell = 3_000
/** And then for what is under way to come to its end, and for Kafka to hear of it. */
const parting = 1_000

/**
 * Publishes an outbox. Each shard belongs to one relay at a time, by a lease; a relay takes what its own process has committed
 * at once, and everything else by looking into the outbox: what others appended, and what a crash left behind. Events of
 * a key keep their order: an event is taken only after the one before it, and all go through one queue. After a failure, or
 * in place of an owner that did not release the shard, it first looks into Kafka for what is there already.
 */
export class Relay {
  readonly #options: RelayOptions
  readonly #hand = new Hand()
  readonly #tenures: Tenures
  readonly #refused: Refused
  /** Shards with events that this version does not know. */
  readonly #incomplete = new Set<number>()
  readonly #marking: Marking
  /** Positions of published rows that the outbox still has. */
  #published: number[] = []
  #removing: Promise<void> = Promise.resolve()
  #producer: Producer | undefined
  #lookAgain = false
  /** Kafka has not answered for long what it was sent last. */
  #isSilent = false
  /** Batches in a row that Kafka did not take. */
  #failures = 0
  #stopping = false
  readonly #stop = Promise.withResolvers<undefined>()
  readonly #wakeUps = new Map<Loop, () => void>()
  readonly #loops: Promise<unknown>

  constructor(options: RelayOptions) {
    this.#options = options
    this.#refused = new Refused(options.refusedAgainAfter)
    this.#marking = new Marking(options.source)
    this.#tenures = new Tenures(options.database, options.outbox.schema, (tenure) => {
      this.#hand.drop(tenure)
      this.#refused.forget(tenure.shard)
    })
    this.#loops = Promise.all([this.#keepLeases(), this.#publish(), this.#look()])
    this.#loops.catch(options.observe.failed)
  }

  /** How many events Kafka refuses for what they are; those of the same keys wait behind them. */
  get refused(): number {
    return this.#refused.size
  }

  /** Takes what this process has committed, in the order of its commits; what it may not take yet is found in the outbox. */
  handOver(rows: readonly OutboxRow[]): void {
    if (this.#producer === undefined || this.#stopping) return
    const now = performance.now()
    for (const row of rows) {
      if (this.#refused.keepsBack(row, now)) continue
      const tenure = this.#tenures.of(row.shard)
      if (tenure?.state === 'open' && this.#hand.takeNext(tenure, row) === 'not yet') this.#lookSoon()
    }
    this.#wake('publish')
  }

  /** Publishes what it has taken, unless Kafka is silent, and gives its shards to others; whoever is silent, in 5 seconds at the most. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#stop.resolve(undefined)
    for (const loop of this.#wakeUps.keys()) this.#wake(loop)
    const ended = await endsWithin(this.#isSilent ? parting : longestFarewell + parting, this.#loops)
    const resigning = this.#tenures.resign(ended && this.#hand.isEmpty).catch(this.#options.observe.failed)
    const closing = this.#producer?.close().catch(() => undefined)
    await endsWithin(parting, Promise.all([resigning, closing]))
  }

  async #keepLeases(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (await this.#tenures.renew(() => this.#hand.shards)) this.#lookSoon()
      } catch (error) {
        this.#options.observe.failed(error)
      }
      await this.#pause('renew', renewEvery)
    }
  }

  async #publish(): Promise<void> {
    const topics = await Promise.race([this.#options.topics, this.#stop.promise])
    if (topics === undefined) return
    while (!this.#stopping) {
      if (this.#producer === undefined) await this.#recover()
      else if (this.#hand.waiting === 0) await this.#pause('publish', renewEvery)
      else await this.#publishBatch(this.#producer, topics)
      if (!this.#hand.isFullBatch) await this.#pause(undefined, linger)
    }
    const patience = performance.now() + longestFarewell
    while (this.#producer !== undefined && this.#hand.waiting > 0 && performance.now() < patience) {
      await this.#publishBatch(this.#producer, topics)
    }
    await this.#removing
    await this.#remove()
  }

  async #publishBatch(producer: Producer, topics: Topics): Promise<void> {
    const { source, observe } = this.#options
    this.#tenures.endExpired()
    const rows: OutboxRow[] = []
    const records: ProducedRecord[] = []
    for (const waiting of this.#hand.nextBatch()) {
      if ('mark' in waiting) {
        records.push(waiting.mark)
        continue
      }
      const record = recordOf(waiting.row, source, topics)
      if (record === undefined) {
        this.#leaveAside(waiting.tenure.shard)
        continue
      }
      records.push(record)
      rows.push(waiting.row)
    }
    if (records.length === 0) return
    const silence = setTimeout(() => {
      this.#isSilent = true
      observe.broker('away')
    }, longestSilence)
    try {
      await observe.around(rows, () => producer.send(records))
    } catch (error) {
      if (error instanceof KafkaTrouble && error.isTooLarge) this.#tooLarge(rows, records.length)
      else this.#fail(error)
      return
    } finally {
      clearTimeout(silence)
      this.#isSilent = false
    }
    this.#failures = 0
    observe.broker('connected')
    for (const row of rows) this.#isPublished(row)
    if (rows.length > 0) observe.published(rows.length)
    this.#removePublished()
  }

  /** An event of a newer program: it stays in the outbox until one relays it, and nobody is told that its shard is complete. */
  #leaveAside(shard: number): void {
    if (this.#incomplete.has(shard)) return
    this.#incomplete.add(shard)
    this.#options.observe.failed(new Error('the outbox holds events that this version does not know: update it'))
  }

  #isPublished(row: OutboxRow): void {
    this.#marking.published(row)
    this.#hand.published(row)
    this.#refused.published(row)
    this.#published.push(row.position)
  }

  /** One removal at a time; what is published meanwhile is removed by the next. */
  #removePublished(): void {
    this.#removing = this.#removing.then(() => (this.#published.length > 0 ? this.#remove() : undefined))
  }

  /** A removal that is lost with the database server is made up for: the row is found again, and known to be published. */
  async #remove(): Promise<void> {
    const { database, outbox, observe } = this.#options
    const positions = this.#published.splice(0)
    if (positions.length === 0) return
    try {
      await database.transaction(async (transaction) => {
        transaction.send('SET LOCAL synchronous_commit TO off')
        await outbox.remove(transaction, this.#tenures.owner, positions)
      })
      this.#hand.removed(positions)
    } catch (error) {
      this.#published.push(...positions)
      observe.failed(error)
      await this.#pause(undefined, 200)
    }
  }

  /** Of several records nobody knows which one it was: smaller batches show it. */
  #tooLarge(rows: readonly OutboxRow[], records: number): void {
    const [row] = rows
    if (row !== undefined && records === 1) {
      const { id, name, key, payload } = row
      this.#refused.add(row)
      this.#options.observe.refused({ id, name, key, bytes: Buffer.byteLength(payload) })
      this.#renew()
    } else {
      this.#hand.halveBatches()
      this.#startAnew()
    }
  }

  #fail(error: unknown): void {
    const { observe } = this.#options
    this.#failures++
    observe.broker('away')
    observe.failed(error)
    this.#startAnew()
  }

  /** Nobody knows what of the last batch is in Kafka: everything unpublished is read from the outbox again. */
  #startAnew(): void {
    this.#renew()
    this.#tenures.doubtAll()
  }

  /** A producer whose numbering is right, and a hand without what it could not send. */
  #renew(): void {
    void this.#producer?.close().catch(() => undefined)
    this.#producer = undefined
    this.#hand.startAnew()
  }

  /** Pauses before all but the first try after a success. */
  async #recover(): Promise<void> {
    const { observe, client } = this.#options
    for (let failures = Math.max(0, this.#failures - 1); !this.#stopping; failures++) {
      if (failures > 0) await this.#pause('publish', Math.min(longestPause, 100 * 2 ** failures))
      try {
        const producer = await client.openProducer()
        if (this.#stopping) return await producer.close()
        this.#producer = producer
        observe.broker('connected')
        this.#lookSoon()
        return
      } catch (error) {
        observe.broker('away')
        observe.failed(error)
      }
    }
  }

  async #look(): Promise<void> {
    const topics = await Promise.race([this.#options.topics, this.#stop.promise])
    if (topics === undefined) return
    let marked = -Infinity
    while (!this.#stopping) {
      try {
        if (this.#producer !== undefined) {
          this.#lookAgain = false
          await this.#check(topics)
          const due = performance.now() - marked >= markEvery
          if (await this.#sweep(topics, due)) marked = performance.now()
        }
      } catch (error) {
        this.#options.observe.failed(error)
        await this.#pause(undefined, 200)
      }
      if (this.#lookAgain) await this.#pause(undefined, lookAgainAfter)
      else await this.#pause('look', this.#tenures.isShared ? lookForOthersEvery : markEvery)
    }
  }

  /** Removes from the outbox what an earlier owner, or this one before a failure, has already published. */
  async #check(topics: Topics): Promise<void> {
    const tenures = this.#tenures.in('to be checked')
    if (tenures.length === 0) return
    const shards = tenures.map(({ shard }) => shard)
    await removeWhatIsPublished(this.#options, topics, shards, this.#refused.ids(performance.now()))
    for (const tenure of tenures) tenure.state = 'open'
  }

  /**
   * Takes everything that one snapshot of the outbox shows and that is not taken yet; then, when that is asked for, marks the
   * partitions: the marks stand behind all of it.
   */
  async #sweep(topics: Topics, mark: boolean): Promise<boolean> {
    const { database, outbox } = this.#options
    const tenures = this.#tenures.in('open')
    if (tenures.length === 0) return false
    const shards = tenures.map(({ shard }) => shard)
    const byShard = new Map(tenures.map((tenure) => [tenure.shard, tenure]))
    const producer = this.#producer
    const now = performance.now()
    let page: OutboxPage = await outbox.firstPage(database, shards, pageSize)
    const { at } = page
    for (;;) {
      for (const row of page.rows) this.#takeFound(byShard.get(row.shard), row, now)
      this.#wake('publish')
      if (isLastPage(page.rows, pageSize)) break
      while (!this.#hand.hasRoom) {
        if (this.#stopping || this.#producer !== producer) return false
        await this.#pause(undefined, lookAgainAfter)
      }
      page = { ...page, rows: await outbox.nextPage(database, shards, pageSize, page) }
    }
    if (this.#producer !== producer) return false
    if (mark) this.#mark(topics, tenures, at)
    return mark
  }

  #takeFound(tenure: Tenure | undefined, row: OutboxRow, now: number): void {
    if (tenure === undefined || !this.#tenures.isOpen(tenure) || this.#refused.keepsBack(row, now)) return
    if (this.#hand.takeFound(tenure, row) !== 'published') return
    this.#isPublished(row)
    this.#removePublished()
  }

  #mark(topics: Topics, tenures: readonly Tenure[], at: Date): void {
    const complete = tenures.filter((tenure) => this.#tenures.isOpen(tenure) && !this.#isIncomplete(tenure.shard))
    for (const { tenures: told, record } of this.#marking.marks(topics, complete, at)) this.#hand.mark(told, record)
    this.#wake('publish')
  }

  #isIncomplete(shard: number): boolean {
    return this.#incomplete.has(shard) || this.#refused.isMissing(shard)
  }

  #lookSoon(): void {
    this.#lookAgain = true
    this.#wake('look')
  }

  #wake(loop: Loop): void {
    this.#wakeUps.get(loop)?.()
  }

  /** Until woken, where it has a name, or for so many milliseconds. */
  #pause(loop: Loop | undefined, milliseconds: number): Promise<void> {
    if (this.#stopping && loop !== undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(end, milliseconds)
      if (loop !== undefined) this.#wakeUps.set(loop, end)
      function end(): void {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
