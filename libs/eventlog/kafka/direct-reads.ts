/** A partition is named TOPIC/NUMBER here. */
export interface Range {
  readonly from: number
  /** The offset behind the last one wanted. */
  readonly to: number
}

export interface FetchedStretch<R> {
  readonly topic: string
  readonly partition: number
  readonly records: readonly R[]
  /** The offset that comes next. */
  readonly next: number
}

interface FetchedMessage {
  readonly offset: string
  readonly isControlRecord: boolean
}

interface PartitionsOfTopic {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}

interface FetchAnswer<M> {
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly M[] }[]
  }[]
}

/** What kafkajs 2.2.4 has below its consumers, which read as members of a group alone. */
interface Cluster<M> {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { nodeId: string }): Promise<{ fetch(request: object): Promise<FetchAnswer<M>> }>
  fetchTopicsOffset(topics: readonly object[]): Promise<readonly PartitionsOfTopic[]>
}

const metadataMaxAge = 300_000
/** Bytes of one answer of a broker. */
const mostBytes = 4 * 2 ** 20

/**
 * Reads partitions without a group: a group makes a newcomer wait for members that have died, and for seconds where it is new.
 * Keeps its connections. After a failure it must be closed, and another one opened: leaders may have changed.
 */
export class DirectReads<M extends FetchedMessage, R> {
  readonly #cluster: Cluster<M>
  readonly #partitions: readonly string[]
  readonly #read: (message: M) => R
  #connected = false

  /** `kafka` is the client of kafkajs; `read` makes a record of one of its messages. */
  constructor(kafka: object, partitions: readonly string[], read: (message: M) => R) {
    this.#cluster = clusterOf(kafka)
    this.#partitions = partitions
    this.#read = read
  }

  /** The offset behind the last record of each partition, or of its oldest. */
  async offsets(which: 'ends' | 'oldest'): Promise<Map<string, number>> {
    await this.#connect()
    const topics = [...byTopic(this.#partitions)].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map((partition) => ({ partition })),
      fromBeginning: which === 'oldest',
    }))
    const found = await this.#cluster.fetchTopicsOffset(topics)
    return new Map(
      found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }): [string, number] => [`${topic}/${partition}`, Number(offset)]),
      ),
    )
  }

  /** Reads these stretches, of each partition in order, until `receive` has enough; what it is doing is waited for. */
  async read(
    ranges: ReadonlyMap<string, Range>,
    receive: (stretches: readonly FetchedStretch<R>[]) => Promise<'more' | 'enough'>,
  ): Promise<void> {
    await this.#connect()
    const left = new Map([...ranges].filter(([, { from, to }]) => from < to))
    while (left.size > 0) {
      const answers = await Promise.all(
        [...this.#byLeader(left)].map(([node, wanted]) => this.#fetch(node, wanted, left)),
      )
      const stretches = answers.flat()
      if ((await receive(stretches)) === 'enough') return
      for (const { topic, partition, next } of stretches) {
        const name = `${topic}/${partition}`
        const to = left.get(name)?.to ?? 0
        if (next >= to) left.delete(name)
        else left.set(name, { from: next, to })
      }
    }
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect()
  }

  async #connect(): Promise<void> {
    if (!this.#connected) {
      await this.#cluster.connect()
      await this.#cluster.addMultipleTargetTopics([...byTopic(this.#partitions).keys()])
      this.#connected = true
    }
    await this.#cluster.refreshMetadataIfNecessary()
  }

  #byLeader(left: ReadonlyMap<string, Range>): Map<string, Map<string, number[]>> {
    const wanted = new Map<string, Map<string, number[]>>()
    for (const [topic, partitions] of byTopic([...left.keys()])) {
      for (const [node, led] of Object.entries(this.#cluster.findLeaderForPartitions(topic, partitions))) {
        wanted.set(node, (wanted.get(node) ?? new Map<string, number[]>()).set(topic, [...led]))
      }
    }
    return wanted
  }

  async #fetch(
    nodeId: string,
    wanted: ReadonlyMap<string, readonly number[]>,
    left: ReadonlyMap<string, Range>,
  ): Promise<FetchedStretch<R>[]> {
    const broker = await this.#cluster.findBroker({ nodeId })
    const rangeOf = (topic: string, partition: number): Range => left.get(`${topic}/${partition}`) ?? { from: 0, to: 0 }
    const { responses } = await broker.fetch({
      maxWaitTime: 250,
      minBytes: 1,
      maxBytes: mostBytes,
      isolationLevel: 0,
      topics: [...wanted].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map((partition) => ({
          partition,
          fetchOffset: String(rangeOf(topic, partition).from),
          maxBytes: mostBytes,
        })),
      })),
    })
    return responses.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ partition, messages }) => {
        const { from, to } = rangeOf(topic, partition)
        // What was produced together comes whole: it may begin before what was asked for.
        const asked = messages.filter(({ offset }) => Number(offset) >= from && Number(offset) < to)
        const records = asked.filter((message) => !message.isControlRecord)
        const last = messages.at(-1)
        const next = last === undefined ? from : Math.min(to, Math.max(from, Number(last.offset) + 1))
        return { topic, partition, records: records.map((message) => this.#read(message)), next }
      }),
    )
  }
}

function byTopic(partitions: readonly string[]): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const name of partitions) {
    const at = name.lastIndexOf('/')
    const topic = name.slice(0, at)
    topics.set(topic, [...(topics.get(topic) ?? []), Number(name.slice(at + 1))])
  }
  return topics
}

function clusterOf<M>(kafka: object): Cluster<M> {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'))
  const create: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol)
  if (typeof create !== 'function') throw new Error('this kafkajs makes its connections in another way than 2.2.4')
  const cluster: unknown = Reflect.apply(create, kafka, [{ metadataMaxAge, allowAutoTopicCreation: false }])
  return cluster as Cluster<M>
}
