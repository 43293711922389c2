import { createRequire } from 'node:module'
import { type Admin, Kafka, type KafkaMessage, logLevel, type SASLOptions } from 'kafkajs'
import { type Topic, topicNames } from '#libs/events/index'
import { DirectReads } from './direct-reads.ts'
import { mendRequestTimer } from './request-timer.ts'
import { type ConsumedRecord, type ProducedRecord, topicName, type Topics } from './records.ts'

export interface KafkaAddress {
  /** HOST:PORT each. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** PEM texts; an empty object for the certificates that Node trusts. */
  readonly tls?: { readonly ca?: string; readonly certificate?: string; readonly key?: string } | undefined
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
        readonly username: string
        readonly password: string
      }
    | undefined
}

export interface TopicOptions {
  /** Topics are named PREFIX.trust, PREFIX.people, PREFIX.requests and so on. */
  readonly prefix: string
  /** Used for topics that do not exist yet, as are the next two. */
  readonly partitions: number
  readonly replication: number
  /** Milliseconds. */
  readonly retention: number
}

export interface Producer {
  /**
   * Resolves when every in-sync replica has the records; those of one partition keep their order. After a rejection nobody
   * knows which of them are there, and the producer must not be used again: its numbering would hide what came later.
   */
  send(records: readonly ProducedRecord[]): Promise<void>
  close(): Promise<void>
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface FetchedBatch {
  readonly topic: string
  readonly partition: number
  /** Where fetching began: what lies before was not skipped by this batch. */
  readonly from: number
  readonly records: readonly ConsumedRecord[]
  /** Fetching goes on behind this offset. */
  done(offset: number): void
  /** Rejects when the group is rebalancing. */
  heartbeat(): Promise<void>
}

export interface ConsumeOptions {
  readonly group: string
  readonly topics: readonly string[]
  /** Each rebalance ends with this; what was handed over before may belong to another member now. */
  assigned?(partitions: ReadonlyMap<string, readonly number[]>): void
  /** Where to begin instead of at the offset last committed, or at the oldest. */
  startAt?(topic: string, partition: number): number | 'nowhere'
  /** Called for many partitions at a time, for one partition at a time once; resolves when it is done with. */
  receive(batch: FetchedBatch): Promise<void>
  /** The broker at this address answered what it was asked to fetch at `askedAt`, by `Date.now()`, be it that there is nothing. */
  answered?(broker: string, askedAt: number): void
  /** It has ended by itself and must be opened anew. */
  crashed(error: Error): void
}

export interface Consumer {
  seek(place: PartitionOffset): void
  /** For those who watch the group's lag from outside; the places that count are the follower's. */
  commit(places: readonly PartitionOffset[]): Promise<void>
  /** Waits for what is being received. */
  close(): Promise<void>
}

/** What Kafka or the way to it refused, in one line: the client's own stacks tell nothing of the cause. */
export class KafkaTrouble extends Error {
  override readonly name = 'KafkaTrouble'
  /** What was sent is larger than its topic takes, alone or together. */
  readonly isTooLarge: boolean

  constructor(error: unknown) {
    super(tellOf(error))
    this.isTooLarge = isTooLarge(error)
    this.stack = `${this.name}: ${this.message}`
  }
}

function tellOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const causes: unknown = Reflect.get(error, 'errors')
  const all = Array.isArray(causes) ? causes.map(tellOf) : []
  return [`${error.name}: ${error.message}`, ...new Set(all)].join('; ')
}

function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const type: unknown = Reflect.get(error, 'type')
  return type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE' || isTooLarge(error.cause)
}

/** Little happens with keys and in sandboxes, and each partition is marked every second; detections are rarer still. */
const quietPartitions = 4
const quiet: readonly Topic[] = ['trust', 'detections', 'sandbox-people', 'sandbox-requests']
/** Milliseconds without a heartbeat after which a member's partitions go to others. */
const sessionTimeout = 6_000
/** The largest event: what a gateway accepts at the most, and its envelope. */
const largestRecord = 72_000_000

/** Everything that is asked of Kafka, and the only place that knows kafkajs. */
export class KafkaClient {
  readonly #kafka: Kafka
  readonly #options: TopicOptions

  constructor(address: KafkaAddress, options: TopicOptions) {
    mendRequestTimer(createRequire(import.meta.url))
    this.#options = options
    this.#kafka = new Kafka({
      clientId: address.clientId,
      brokers: [...address.brokers],
      ...(address.tls === undefined ? {} : { ssl: sslOf(address.tls) }),
      ...(address.sasl === undefined ? {} : { sasl: { ...address.sasl } as SASLOptions }),
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 2 },
      logLevel: logLevel.NOTHING,
    })
  }

  /** Makes the topics that are missing, and answers what there is. Several programs may do so at once. */
  async topics(): Promise<Topics> {
    return this.#withAdmin(async (admin) => {
      const { prefix, partitions, replication, retention } = this.#options
      const wanted = topicNames.map((topic) => topicName(prefix, topic))
      const present = new Set(await admin.listTopics())
      const missing = wanted.filter((topic) => !present.has(topic))
      if (missing.length > 0) {
        await admin.createTopics({
          waitForLeaders: true,
          topics: missing.map((topic) => ({
            topic,
            numPartitions: quiet.some((each) => topic === topicName(prefix, each))
              ? Math.min(partitions, quietPartitions)
              : partitions,
            replicationFactor: replication,
            configEntries: [
              { name: 'retention.ms', value: String(retention) },
              { name: 'cleanup.policy', value: 'delete' },
              { name: 'max.message.bytes', value: String(largestRecord) },
            ],
          })),
        })
      }
      const { topics } = await admin.fetchTopicMetadata({ topics: wanted })
      const counts = new Map(topics.map(({ name, partitions: found }) => [name, found.length]))
      return {
        prefix,
        partitionsOf: (topic: Topic) => counts.get(topicName(prefix, topic)) ?? partitions,
      }
    })
  }

  /** The oldest offset that is kept. */
  async oldestOffset(topic: string, partition: number): Promise<number> {
    return this.#withAdmin(async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return Number(offsets.find((entry) => entry.partition === partition)?.low ?? 0)
    })
  }

  /** The addresses (HOST:PORT) of the brokers that lead these partitions (TOPIC/NUMBER each): whoever has them fetches there. */
  async leadersOf(partitions: readonly string[]): Promise<ReadonlySet<string>> {
    const topics = [...new Set(partitions.map((partition) => partition.slice(0, partition.lastIndexOf('/'))))]
    if (topics.length === 0) return new Set()
    return this.#withAdmin(async (admin) => {
      const { topics: found } = await admin.fetchTopicMetadata({ topics })
      const { brokers } = await admin.describeCluster()
      const wanted = new Set(partitions)
      const leaders = found.flatMap(({ name, partitions: all }) =>
        all.filter(({ partitionId }) => wanted.has(`${name}/${partitionId}`)).map(({ leader }) => leader),
      )
      const addresses = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]))
      return new Set(leaders.map((leader) => addresses.get(leader) ?? `broker ${leader}`))
    })
  }

  /** For reading these partitions (TOPIC/NUMBER each) without a group. Connects when it is first used. */
  openReads(partitions: readonly string[]): DirectReads<KafkaMessage & { isControlRecord: boolean }, ConsumedRecord> {
    return new DirectReads<KafkaMessage & { isControlRecord: boolean }, ConsumedRecord>(
      this.#kafka,
      partitions,
      recordOfMessage,
    )
  }

  /** An idempotent producer: what it sends again by itself is there once. */
  async openProducer(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionOfMessage,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 10 },
    })
    try {
      await producer.connect()
    } catch (error) {
      await producer.disconnect().catch(() => undefined)
      throw new KafkaTrouble(error)
    }
    return {
      async send(records) {
        const byTopic = Map.groupBy(records, (record) => record.topic)
        const topicMessages = [...byTopic].map(([topic, messages]) => ({
          topic,
          messages: messages.map(({ partition, key, value, headers }) => ({ partition, key, value, headers })),
        }))
        await producer.sendBatch({ acks: -1, topicMessages }).catch((error: unknown) => {
          throw new KafkaTrouble(error)
        })
      },
      close: () => producer.disconnect(),
    }
  }

  async consume({ group, topics, assigned, startAt, receive, answered, crashed }: ConsumeOptions): Promise<Consumer> {
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout,
      heartbeatInterval: 1_500,
      rebalanceTimeout: 10_000,
      minBytes: 1,
      maxWaitTimeInMs: 250,
      maxBytes: 4 * 2 ** 20,
      maxBytesPerPartition: 2 ** 20,
      readUncommitted: true,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 2, restartOnFailure: () => Promise.resolve(false) },
    })
    consumer.on('consumer.group_join', ({ payload }) => {
      const partitions = new Map(Object.entries(payload.memberAssignment))
      assigned?.(partitions)
      if (startAt === undefined) return
      for (const [topic, assignedOf] of partitions) {
        for (const partition of assignedOf) {
          const start = startAt(topic, partition)
          if (start === 'nowhere') consumer.pause([{ topic, partitions: [partition] }])
          else consumer.seek({ topic, partition, offset: String(start) })
        }
      }
    })
    if (answered !== undefined) {
      consumer.on('consumer.network.request', ({ payload: { apiName, broker, createdAt } }) => {
        if (apiName === 'Fetch') answered(broker, createdAt)
      })
    }
    consumer.on('consumer.crash', ({ payload }) => crashed(new KafkaTrouble(payload.error)))
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        // All partitions of a fetch at once, for `receive` to make few transactions of them.
        partitionsConsumedConcurrently: 512,
        eachBatch: ({ batch, resolveOffset, heartbeat }) =>
          receive({
            topic: batch.topic,
            partition: batch.partition,
            from: Number(Reflect.get(batch, 'fetchedOffset')),
            records: batch.messages.map(recordOfMessage),
            done: (offset) => resolveOffset(String(offset)),
            heartbeat,
          }),
      })
    } catch (error) {
      await consumer.disconnect().catch(() => undefined)
      throw new KafkaTrouble(error)
    }
    return {
      seek: ({ topic, partition, offset }) => consumer.seek({ topic, partition, offset: String(offset) }),
      commit: (places) => consumer.commitOffsets(places.map((place) => ({ ...place, offset: String(place.offset) }))),
      close: () => consumer.disconnect(),
    }
  }

  /**
   * Reads what was produced to these partitions since `since`, up to their end as it is now. For this it joins a group of
   * its own, which it removes again.
   */
  async readSince(
    partitions: ReadonlyMap<string, readonly number[]>,
    since: Date,
    receive: (records: readonly ConsumedRecord[]) => Promise<void>,
  ): Promise<void> {
    const ranges = await this.#withAdmin((admin) => rangesSince(admin, partitions, since))
    if (ranges.size === 0) return
    const group = `${this.#options.prefix}.relay.${crypto.randomUUID()}`
    const { promise: ended, resolve: end, reject } = Promise.withResolvers<void>()
    const consumer = await this.consume({
      group,
      topics: [...partitions.keys()],
      startAt: (topic, partition) => ranges.get(`${topic}/${partition}`)?.from ?? 'nowhere',
      crashed: reject,
      async receive({ topic, partition, records, done }) {
        const last = records.at(-1)?.offset
        if (last === undefined) return
        await receive(records)
        done(last)
        if (last >= (ranges.get(`${topic}/${partition}`)?.to ?? 0) - 1) ranges.delete(`${topic}/${partition}`)
        if (ranges.size === 0) end()
      },
    })
    try {
      await ended
    } finally {
      await consumer.close()
      await this.#withAdmin((admin) => admin.deleteGroups([group])).catch(() => undefined)
    }
  }

  async #withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      return await work(admin)
    } catch (error) {
      throw new KafkaTrouble(error)
    } finally {
      await admin.disconnect()
    }
  }
}

interface Range {
  readonly from: number
  readonly to: number
}

/** By TOPIC/PARTITION, of those to which something was produced since. */
async function rangesSince(
  admin: Admin,
  partitions: ReadonlyMap<string, readonly number[]>,
  since: Date,
): Promise<Map<string, Range>> {
  const ranges = new Map<string, Range>()
  for (const [topic, wanted] of partitions) {
    const starts = await admin.fetchTopicOffsetsByTimestamp(topic, since.getTime())
    const ends = await admin.fetchTopicOffsets(topic)
    for (const partition of wanted) {
      const from = Number(starts.find((entry) => entry.partition === partition)?.offset ?? 0)
      const to = Number(ends.find((entry) => entry.partition === partition)?.high ?? 0)
      if (from < to) ranges.set(`${topic}/${partition}`, { from, to })
    }
  }
  return ranges
}

function partitionOfMessage({ message }: { message: { partition?: number } }): number {
  if (message.partition === undefined) throw new Error('a record names no partition')
  return message.partition
}

function recordOfMessage({ offset, key, value, headers }: KafkaMessage): ConsumedRecord {
  return {
    offset: Number(offset),
    key: key?.toString('utf8'),
    value,
    header(name) {
      const found = headers?.[name]
      return found === undefined ? undefined : String(Array.isArray(found) ? found[0] : found)
    },
  }
}

function sslOf({ ca, certificate, key }: NonNullable<KafkaAddress['tls']>): object {
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  }
}
