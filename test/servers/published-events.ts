import { Kafka, logLevel } from 'kafkajs'

/** A record as a subscriber gets it. */
export interface PublishedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
}

export interface PublishedEvents {
  /** Every event of these topics up to their ends as they are now, without marks; of each partition in order. */
  all(): Promise<readonly PublishedRecord[]>
  /** The marks that were read so far. */
  marks(): readonly PublishedRecord[]
  close(): Promise<void>
}

/** Reads Kafka from outside, as another company's service would. */
export async function readPublished(brokers: string, topics: readonly string[]): Promise<PublishedEvents> {
  const kafka = new Kafka({ clientId: 'reader', brokers: [brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const consumer = kafka.consumer({ groupId: `reader-${crypto.randomUUID()}`, maxWaitTimeInMs: 50 })
  await Promise.all([admin.connect(), consumer.connect()])
  const records: PublishedRecord[] = []
  const marks: PublishedRecord[] = []
  const next = new Map<string, number>()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      const headers = Object.fromEntries(
        Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
      )
      const offset = Number(message.offset)
      next.set(`${topic}/${partition}`, offset + 1)
      const kind = headers['ce_type'] === 'log.marked' ? marks : records
      kind.push({ topic, partition, offset, key: message.key?.toString(), headers, value: String(message.value) })
    },
  })
  return {
    async all() {
      for (const topic of topics) {
        for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
          while ((next.get(`${topic}/${partition}`) ?? 0) < Number(high)) {
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
      }
      return records
    },
    marks: () => marks,
    async close() {
      await Promise.all([consumer.disconnect(), admin.disconnect()])
    },
  }
}
