import type { EventSource } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import type { KafkaClient } from './client.ts'
import type { Outbox } from './outbox.ts'
import { eventIdOf, topicName, type Topics, topicsOf } from './records.ts'
import { partitionsFedBy } from './shards.ts'

/** Milliseconds by which clocks of the database and of Kafka's producers may differ. */
const clockSkew = 60_000
/** Of published events that are compared with the outbox at a time: each comparison reads all of it. */
const mostIds = 100_000

interface Doubted {
  readonly database: Database
  readonly outbox: Outbox
  readonly source: EventSource
  readonly client: KafkaClient
}

/**
 * Removes from the outbox what of these shards is in Kafka already, as an earlier owner of theirs may have published it, or this
 * one before a failure: reads Kafka since the oldest row, but for those `absent`, which surely are not there.
 */
export async function removeWhatIsPublished(
  { database, outbox, source, client }: Doubted,
  topics: Topics,
  shards: readonly number[],
  absent: readonly string[],
): Promise<void> {
  const oldest = await outbox.oldest(database, shards, absent)
  if (oldest === undefined) return
  const partitions = new Map(
    topicsOf(source).map((topic) => [
      topicName(topics.prefix, topic),
      [...new Set(shards.flatMap((shard) => partitionsFedBy(shard, topics.partitionsOf(topic))))],
    ]),
  )
  let ids: string[] = []
  const remove = (): Promise<void> =>
    database.transaction(async (transaction) => {
      await outbox.removeById(transaction, shards, ids)
      ids = []
    })
  await client.readSince(partitions, new Date(oldest.getTime() - clockSkew), async (records) => {
    ids.push(...records.flatMap((record) => eventIdOf(record) ?? []))
    if (ids.length >= mostIds) await remove()
  })
  await remove()
}
