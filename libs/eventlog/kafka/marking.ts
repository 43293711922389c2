import type { EventSource, Topic } from '#libs/events/index'
import type { OutboxRow } from './outbox.ts'
import { markedTopicsOf, markOf, type ProducedRecord, topicIn, topicName, type Topics } from './records.ts'
import { partitionsFedBy } from './shards.ts'
import type { Tenure } from './tenures.ts'

/**
 * Milliseconds between marks where nothing happens: who acts by how far requests have been followed, which is seldom, waits for the next. Who follows people follows those of
 * sandboxes too, and is as far as the topic that is marked least.
 */
const quietMarksEvery: Readonly<Record<Topic, number>> = {
  trust: 1_000,
  people: 1_000,
  requests: 5_000,
  'sandbox-people': 1_000,
  'sandbox-requests': 5_000,
  detections: 5_000,
}
const tolerance = 500

export interface Mark {
  /** It tells of these, and is true while all of them last. */
  readonly tenures: readonly Tenure[]
  readonly record: ProducedRecord
}

/** Which partitions are to be marked when. */
export class Marking {
  readonly #source: EventSource
  readonly #markedAt = new Map<Topic, number>()
  /** Topics to which events were published since they were last marked. */
  readonly #stirred = new Set<Topic>()

  constructor(source: EventSource) {
    this.#source = source
  }

  published(row: OutboxRow): void {
    const topic = topicIn(row)
    if (topic !== undefined) this.#stirred.add(topic)
  }

  /** One for each partition into which these shards' events can go, all of which before `at` have been taken. */
  marks(topics: Topics, complete: readonly Tenure[], at: Date): Mark[] {
    const marks: Mark[] = []
    for (const topic of markedTopicsOf(this.#source)) {
      const isDue = at.getTime() - (this.#markedAt.get(topic) ?? 0) > quietMarksEvery[topic] - tolerance
      if (!isDue && !this.#stirred.has(topic)) continue
      this.#stirred.delete(topic)
      this.#markedAt.set(topic, at.getTime())
      for (const [partition, tenures] of byPartition(complete, topics.partitionsOf(topic))) {
        const shards = tenures.map(({ shard }) => shard)
        const mark = { source: this.#source, shards, upTo: at.toISOString() }
        marks.push({ tenures, record: markOf(mark, topicName(topics.prefix, topic), partition) })
      }
    }
    return marks
  }
}

/** The partitions into which events of these shards can go, each with those of them that feed it. */
function byPartition(tenures: readonly Tenure[], partitions: number): Map<number, Tenure[]> {
  const fed = new Map<number, Tenure[]>()
  for (const tenure of tenures) {
    for (const partition of partitionsFedBy(tenure.shard, partitions)) {
      fed.set(partition, [...(fed.get(partition) ?? []), tenure])
    }
  }
  return fed
}
