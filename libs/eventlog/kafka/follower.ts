import {
  type AnyEvent,
  eventNames,
  hears,
  type LogMarked,
  type Topic,
  topicNames,
  topicsWith,
} from '#libs/events/index'
import { readDeadLetters, replayDeadLetters } from '../dead-letters.ts'
import { deliver, type ReceivedEvent } from '../deliver.ts'
import type { DeadLetter, Follower, FollowerState, Subscription } from '../port.ts'
import type { Transaction } from '#libs/postgres/index'
import { endsWithin, every } from '#libs/timing/index'
import { Answers } from './answers.ts'
import type { Consumer, FetchedBatch, KafkaClient } from './client.ts'
import { Marks } from './marks.ts'
import { lockPlaces, lostRecords, nowhere, type Place, readUpTo, storePlaces, tellUpTo } from './places.ts'
import { topicName, type Topics } from './records.ts'
import { isDone, nextShares, type Part, type Share } from './shares.ts'
import { GroupWatch, type Passed } from './watch.ts'

const longestPause = 5_000
/** After what was not a full batch: under load, one transaction then applies what several had appended. */
const breath = 25
/** Milliseconds between savings of a place to which no event led; more often where other members look how far this one is. */
const saveIdlePlacesEvery = { alone: 5_000, shared: 1_000 }
/** Milliseconds between looks at how far the other members are, who are told the same of this one. */
const compareEvery = 250
const lookForLeadersEvery = 1_000
const commitEvery = 5_000
const heartbeatEvery = 1_500
/** Milliseconds for which Kafka is waited for at the end: to take the offsets, to part from it, and in all. */
const farewell = { commit: 1_000, close: 3_000, all: 5_000 }

/**
 * Follows Kafka topics for one group. What a fetch brings of many partitions is applied in few transactions, each of which
 * moves the places of its partitions in the follower's own database. These places count, and not Kafka's: a batch that
 * begins behind its place is an unwanted leap and fetched anew, and what lies before the place has been applied already, by
 * whomever. So neither a crash nor a hand-over of partitions loses or repeats an effect.
 */
export class KafkaFollower implements Follower {
  readonly group: string
  state: FollowerState = 'stalled'
  readonly #client: KafkaClient
  readonly #topics: Promise<Topics>
  readonly #subscription: Subscription
  readonly #names: ReadonlySet<string>
  readonly #wanted: readonly Topic[]
  readonly #finished: Promise<void>
  readonly #stop = Promise.withResolvers<undefined>()
  #stopping = false
  #stopped: Promise<void> | undefined
  readonly #pauses = new Set<() => void>()
  #consumer: Consumer | undefined
  /** Every partition of the topics followed, and those that this member of the group has. */
  #all: readonly string[] = []
  #assigned: readonly string[] = []
  #partitionCounts = new Map<string, number>()
  readonly #prefix: string
  readonly #marks: Marks
  readonly #onBroker: (state: 'connected' | 'away') => void
  /** The place of each partition in the database, and the one reached since by passing over nothing but marks and others' events. */
  readonly #saved = new Map<string, number>()
  readonly #reached = new Map<string, number>()
  readonly #answers: Answers
  #savedAt = 0
  #committedAt = 0
  #upTo: number | undefined
  #upToOfOthers: number | undefined
  /** What the other members were told of each partition of this one. */
  readonly #told = new Map<string, number>()
  #watch: GroupWatch | undefined
  #parts: Part[] = []
  #working: Promise<void> | undefined

  constructor(
    client: KafkaClient,
    topics: Promise<Topics>,
    prefix: string,
    subscription: Subscription,
    onBroker: (state: 'connected' | 'away') => void,
  ) {
    this.#onBroker = onBroker
    this.group = subscription.group
    this.#client = client
    this.#topics = topics
    this.#subscription = subscription
    this.#prefix = prefix
    this.#marks = new Marks(prefix)
    this.#answers = new Answers((partitions) => client.leadersOf(partitions), Date.now)
    const names = eventNames.filter((name) => subscription.patterns.some((pattern) => hears(pattern, name)))
    this.#names = new Set(names)
    this.#wanted = topicNames.filter((topic) => names.some((name) => topicsWith(name).includes(topic)))
    this.#finished = this.#run()
  }

  followedUpTo(): Date | undefined {
    if (this.#all.length === 0) return undefined
    const known = this.#assigned.map((partition) => this.#upToOf(partition))
    if (!this.#isAlone) known.push(this.#upToOfOthers)
    // What was true once stays so, also while partitions change hands.
    if (known.every((upTo) => upTo !== undefined)) this.#upTo = Math.max(this.#upTo ?? 0, Math.min(...known))
    const watched = this.#watch?.followedUpTo()
    if (watched !== undefined) this.#upTo = Math.max(this.#upTo ?? 0, watched)
    return this.#upTo === undefined ? undefined : new Date(this.#upTo)
  }

  caughtUpAt(): Date | undefined {
    return this.#watch?.caughtUpAt()
  }

  unbrokenSince(): Date | undefined {
    return this.#watch?.unbrokenSince()
  }

  /** When the broker that has been silent for longest last answered a fetch, of those that partitions are fetched from. By this process's clock. */
  answeredAt(): Date | undefined {
    const at = this.#answers.oldest()
    return at === undefined ? undefined : new Date(at)
  }

  deadLetters(limit: number): Promise<DeadLetter[]> {
    return readDeadLetters(this.#subscription, limit)
  }

  replay(ids?: readonly string[]): Promise<{ applied: string[]; stillDead: string[] }> {
    return replayDeadLetters(this.#subscription, ids)
  }

  /** Ends after the batch in hand; in 5 seconds at the most, whoever is silent: what is not committed by then is applied again. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#end())
  }

  async #end(): Promise<void> {
    this.#stopping = true
    this.#stop.resolve(undefined)
    for (const end of this.#pauses) end()
    await endsWithin(farewell.all, Promise.all([this.#finished, this.#watch?.stop()]))
    this.state = 'stopped'
  }

  get #isAlone(): boolean {
    return this.#assigned.length === this.#all.length
  }

  /** Opens a consumer again whenever it has ended, until it is told to stop. */
  async #run(): Promise<void> {
    const topics = await Promise.race([this.#topics, this.#stop.promise])
    if (topics === undefined) return
    for (const topic of this.#wanted) {
      this.#partitionCounts.set(topicName(topics.prefix, topic), topics.partitionsOf(topic))
    }
    this.#all = [...this.#partitionCounts].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => `${topic}/${partition}`),
    )
    if (this.#subscription.watched === true) this.#watch = this.#watchGroup()
    const group = `${topics.prefix}.${this.group}`
    const comparing = every(
      compareEvery,
      () => this.#compare(),
      (error) => this.#subscription.observe?.stalled?.(error, compareEvery),
    )
    const looking = every(
      lookForLeadersEvery,
      () => this.#answers.look(),
      () => undefined,
    )
    for (let failures = 0; !this.#stopping; failures++) {
      const { promise: crash, resolve: crashed } = Promise.withResolvers<Error>()
      try {
        this.#consumer = await this.#client.consume({
          group,
          topics: [...this.#partitionCounts.keys()],
          assigned: (partitions) => {
            failures = 0
            this.#assign(partitions)
          },
          receive: (batch) => this.#receive(batch),
          answered: (broker, askedAt) => this.#answers.answered(broker, askedAt),
          crashed,
        })
        const error = await Promise.race([crash, this.#stop.promise])
        if (error !== undefined) throw error
      } catch (error) {
        this.#onBroker('away')
        await this.#stall(error, failures)
      } finally {
        await this.#close()
      }
    }
    await comparing.end()
    void looking.end()
  }

  #watchGroup(): GroupWatch {
    return new GroupWatch({
      client: this.#client,
      subscription: this.#subscription,
      prefix: this.#prefix,
      partitions: new Map(this.#all.map((partition) => [partition, this.#countOf(partition)])),
      concerns: (event) => this.#concerns(event),
      passedByMember: (partition) => this.#passedIn(partition),
    })
  }

  #passedIn(partition: string): Passed | undefined {
    const saved = this.#saved.get(partition)
    const reached = this.#reached.get(partition)
    return saved === undefined || reached === undefined ? undefined : { saved, reached }
  }

  /** Tells the members that have the other partitions how far this one is, and learns how far they are, by the follower's database. */
  async #compare(): Promise<void> {
    if (this.#isAlone) return
    const assigned = this.#assigned
    const others = this.#all.filter((partition) => !assigned.includes(partition))
    const { database } = this.#subscription
    const untold = new Map<string, number>()
    for (const partition of assigned) {
      const upTo = this.#upToOf(partition)
      if (upTo !== undefined && upTo > (this.#told.get(partition) ?? 0)) untold.set(partition, upTo)
    }
    const told = untold.size === 0 ? [] : await tellUpTo(database, this.#subscription, untold)
    for (const partition of told) this.#told.set(partition, untold.get(partition) ?? 0)
    const upTo = await readUpTo(database, this.#subscription, others)
    if (this.#assigned === assigned) this.#upToOfOthers = upTo?.getTime() ?? this.#upToOfOthers
  }

  async #close(): Promise<void> {
    await this.#working
    const consumer = this.#consumer
    this.#consumer = undefined
    if (consumer === undefined) return
    if (this.#stopping) await endsWithin(farewell.commit, this.#commit(consumer))
    await endsWithin(farewell.close, consumer.close())
    for (const part of this.#parts.splice(0)) part.settle()
  }

  async #stall(error: unknown, failures: number): Promise<void> {
    const pause = Math.min(longestPause, 50 * 2 ** failures)
    this.state = 'stalled'
    this.#subscription.observe?.stalled?.(error, pause)
    await this.#pause(pause)
  }

  #assign(partitions: ReadonlyMap<string, readonly number[]>): void {
    this.#assigned = [...partitions].flatMap(([topic, numbers]) => numbers.map((number) => `${topic}/${number}`))
    this.#saved.clear()
    this.#reached.clear()
    this.#marks.clear()
    this.#told.clear()
    // It was said of other partitions.
    this.#upToOfOthers = undefined
    this.#answers.assigned(this.#assigned)
    this.#onBroker('connected')
    this.state = 'following'
  }

  #receive(fetched: FetchedBatch): Promise<void> {
    // Untouched, it would be fetched again at once, until the consumer is closed.
    if (this.#stopping) return new Promise((settle) => setTimeout(settle, breath))
    return new Promise((settle) => {
      const partition = `${fetched.topic}/${fetched.partition}`
      this.#parts.push({ partition, fetched, done: 0, next: fetched.from, settle })
      this.#working ??= this.#work()
    })
  }

  async #work(): Promise<void> {
    // The other partitions of the fetch are handed over in this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    const heartbeat = setInterval(() => void this.#parts[0]?.fetched.heartbeat().catch(() => undefined), heartbeatEvery)
    const size = this.#subscription.batchSize ?? 500
    let failures = 0
    // Fetching goes on when a part is settled: what is done waits for the breath, so that the next fetch brings more.
    const finished: Part[] = []
    while (this.#parts.length > 0 && !this.#stopping) {
      let full = false
      const shares = nextShares(this.#parts, size, (event) => this.#concerns(event))
      try {
        await this.#apply(shares)
        failures = 0
        this.state = 'following'
        full = shares.reduce((sum, share) => sum + share.events.length, 0) >= size
      } catch (error) {
        await this.#stall(error, failures++)
      }
      finished.push(...this.#parts.filter(isDone))
      this.#parts = this.#parts.filter((part) => !isDone(part))
      if (this.#parts.length > 0) continue
      if (!full) await this.#pause(breath)
      for (const part of finished.splice(0)) part.settle()
    }
    clearInterval(heartbeat)
    this.#commitNowAndThen()
    this.#working = undefined
    for (const part of [...finished, ...this.#parts.splice(0)]) part.settle()
  }

  /** What names no event at all is nobody's, and so everyone's concern: it is buried. */
  #concerns({ name }: ReceivedEvent): boolean {
    return name === '' || this.#names.has(name)
  }

  async #apply(shares: readonly Share[]): Promise<void> {
    const idle = shares.every(
      ({ events, part, from }) => events.length === 0 && from === this.#reached.get(part.partition),
    )
    const saveEvery = this.#isAlone ? saveIdlePlacesEvery.alone : saveIdlePlacesEvery.shared
    if (idle && Date.now() - this.#savedAt < saveEvery) {
      for (const share of shares) this.#passed(share)
      return
    }
    const { database, observe, relaxed } = this.#subscription
    const began = performance.now()
    const transact = (): Promise<{ applied: AnyEvent[]; places: Map<string, Place> }> =>
      database.transaction(async (transaction) => {
        if (relaxed === true) transaction.send('SET LOCAL synchronous_commit TO off')
        const { events, places } = await this.#place(transaction, shares)
        const applied = events.length === 0 ? [] : await deliver(this.#subscription, transaction, events)
        storePlaces(transaction, this.#subscription, places)
        return { applied, places }
      })
    const traced = shares.flatMap(({ events }) => events.map(({ event }) => event))
    const around = traced.length === 0 ? undefined : observe?.around
    const { applied, places } = await (around === undefined ? transact() : around(traced, transact))
    for (const [partition, { next, upTo }] of places) {
      this.#saved.set(partition, next)
      if (upTo !== undefined) this.#told.set(partition, upTo.getTime())
    }
    this.#savedAt = Date.now()
    for (const share of shares) this.#passed(share)
    if (applied.length > 0) observe?.applied?.(applied, { milliseconds: performance.now() - began })
  }

  /** Compares what was fetched with the places: the events that are to be applied, and where that leads. */
  async #place(
    transaction: Transaction,
    shares: readonly Share[],
  ): Promise<{ events: ReceivedEvent[]; places: Map<string, Place> }> {
    const partitions = shares.map(({ part }) => part.partition)
    const locked = await lockPlaces(transaction, this.#subscription, partitions)
    const events: ReceivedEvent[] = []
    const places = new Map<string, Place>()
    for (const { part, from, next, events: fetched, marks } of shares) {
      const stored = locked.get(part.partition) ?? nowhere
      const unmoved = stored !== nowhere && stored === this.#saved.get(part.partition)
      const place = unmoved ? Math.max(stored, this.#reached.get(part.partition) ?? stored) : stored
      const start = from > place ? await this.#startInPlaceOf(part, place, from) : place
      this.#saved.set(part.partition, stored)
      this.#reached.set(part.partition, start)
      if (from > start) continue
      events.push(...fetched.filter(({ offset }) => offset >= start).map(({ event }) => event))
      const upTo = this.#upToOf(part.partition, marks)
      const reached = Math.max(start, next)
      places.set(part.partition, { next: reached, upTo: upTo === undefined ? undefined : new Date(upTo) })
    }
    return { events, places }
  }

  /** Fetching began behind the place: right only where Kafka keeps nothing older any more. */
  async #startInPlaceOf({ fetched }: Part, place: number, from: number): Promise<number> {
    const oldest = await this.#client.oldestOffset(fetched.topic, fetched.partition)
    if (place !== nowhere && place < oldest) {
      const partition = `${fetched.topic}/${fetched.partition}`
      this.#subscription.observe?.stalled?.(lostRecords(this.group, partition, oldest - place), 0)
    }
    return Math.min(from, Math.max(place, oldest))
  }

  /** A share that was applied, passed over, or found to begin in the wrong place. */
  #passed({ part, from, next, count, marks }: Share): void {
    const { topic, partition, records } = part.fetched
    const reached = this.#reached.get(part.partition) ?? from
    if (from <= reached && next >= reached) {
      part.done += count
      part.next = next
      this.#reached.set(part.partition, next)
      if (count > 0) part.fetched.done(next - 1)
      for (const mark of marks) this.#marks.add(part.partition, mark)
      return
    }
    part.done = records.length
    this.#consumer?.seek({ topic, partition, offset: reached })
  }

  #upToOf(partition: string, behind: readonly LogMarked[] = []): number | undefined {
    return this.#marks.upTo(partition, this.#countOf(partition), behind)
  }

  /** How many partitions its topic has. */
  #countOf(partition: string): number {
    return this.#partitionCounts.get(partition.slice(0, partition.lastIndexOf('/'))) ?? 0
  }

  #commitNowAndThen(): void {
    if (this.#consumer === undefined || Date.now() - this.#committedAt < commitEvery) return
    this.#committedAt = Date.now()
    this.#commit(this.#consumer).catch(() => undefined)
  }

  async #commit(consumer: Consumer): Promise<void> {
    const places = [...this.#saved].flatMap(([name, offset]) => {
      const at = name.lastIndexOf('/')
      return offset === nowhere ? [] : [{ topic: name.slice(0, at), partition: Number(name.slice(at + 1)), offset }]
    })
    if (places.length > 0) await consumer.commit(places)
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#stopping) return
    const { promise, resolve: end } = Promise.withResolvers<void>()
    const timer = setTimeout(end, milliseconds)
    this.#pauses.add(end)
    await promise
    clearTimeout(timer)
    this.#pauses.delete(end)
  }
}
