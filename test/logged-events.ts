import type { Client } from 'pg'
import { topicNames } from '#libs/events/index'
import type { Place } from './program.ts'
import { type PublishedEvents, readPublished } from './servers/published-events.ts'

export interface LoggedEvent {
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly version: number
  /** The Kafka topic that it was read from, without prefix; undefined where one table holds all. */
  readonly topic: string | undefined
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly payload: any
}

/** The event log of a program, read from outside. */
export interface LoggedEvents {
  /** Every event that followers can know by now, of one connection or of everyone, in the order in which they were made. */
  of(connection?: string): Promise<LoggedEvent[]>
  close(): Promise<void>
}

/** Nothing is read, and Kafka not reached, before events are asked for: most of those who enter a world never do. */
export function readEvents({ topicPrefix }: Place, database: Client): LoggedEvents {
  return topicPrefix === undefined ? readTable(database) : readTopics(topicPrefix, database)
}

function readTable(database: Client): LoggedEvents {
  return {
    async of(connection) {
      const { rows } = await database.query(
        `SELECT id, name, subject, key, version, payload FROM event_log.event
         WHERE $1::text IS NULL OR strpos(payload, $1) > 0 ORDER BY position`,
        [connection],
      )
      return rows
        .map((row) => ({ ...row, topic: undefined, payload: JSON.parse(row.payload) }))
        .filter(isOf(connection))
    },
    async close() {},
  }
}

function readTopics(topicPrefix: string, database: Client): LoggedEvents {
  let published: Promise<PublishedEvents> | undefined
  const open = (): Promise<PublishedEvents> =>
    readPublished(
      process.env['TEST_KAFKA_BROKERS'] ?? '',
      topicNames.map((topic) => `${topicPrefix}.${topic}`),
    )
  const events: LoggedEvent[] = []
  return {
    async of(connection) {
      const waiting =
        ['gateway', 'keys', 'directory', 'audit'].map((schema) => `SELECT FROM ${schema}.outbox`).join(' UNION ALL ') +
        ' LIMIT 1'
      while ((await database.query(waiting)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 10))
      published ??= open()
      const all = await (await published).all()
      for (const { topic, headers, key = '', value } of all.slice(events.length))
        events.push({
          id: headers['ce_id'] ?? '',
          name: headers['ce_type'] ?? '',
          subject: headers['ce_subject'] ?? '',
          key,
          version: Number(headers['ce_sequence']),
          topic: topic.slice(topicPrefix.length + 1),
          payload: JSON.parse(value),
        })
      // Ids grow with time, and partitions are read side by side.
      return events.filter(isOf(connection)).sort((one, other) => (one.id < other.id ? -1 : 1))
    },
    close: async () => (await published)?.close(),
  }
}

const isOf =
  (connection?: string) =>
  ({ payload }: LoggedEvent): boolean =>
    connection === undefined || payload.connection === connection
