import { createHash } from 'node:crypto'
import {
  isId,
  type EventSource,
  eventSources,
  isTopic,
  type LogMarked,
  logMarked,
  markName,
  newId,
  type Topic,
  topicNames,
  topicOf,
  topics as topicList,
} from '#libs/events/index'
import type { ReceivedEvent } from '../deliver.ts'
import type { OutboxRow } from './outbox.ts'
import { partitionOf } from './shards.ts'

/** A record to be produced: one CloudEvent in binary mode (CloudEvents 1.0.2, Kafka protocol binding, 3.2). */
export interface ProducedRecord {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

/** A record as it was consumed. */
export interface ConsumedRecord {
  readonly offset: number
  readonly key: string | undefined
  readonly value: Buffer | null
  header(name: string): string | undefined
}

/** The topics of one Kafka, with how many partitions each has. */
export interface Topics {
  readonly prefix: string
  partitionsOf(topic: Topic): number
}

export function topicName(prefix: string, topic: Topic): string {
  return `${prefix}.${topic}`
}

export function readTopic(prefix: string, name: string): Topic | undefined {
  return topicNames.find((topic) => topicName(prefix, topic) === name)
}

/** Where a source publishes. */
export function topicsOf(source: EventSource): Topic[] {
  return topicNames.filter((topic) => (topicList[topic].sources as readonly EventSource[]).includes(source))
}

/** Where its marks tell how far its events are published. */
export function markedTopicsOf(source: EventSource): Topic[] {
  return topicNames.filter((topic) => (topicList[topic].awaited as readonly EventSource[]).includes(source))
}

/** Undefined for an event that this version does not know where to publish. */
export function topicIn({ topic, name, payload }: Pick<OutboxRow, 'topic' | 'name' | 'payload'>): Topic | undefined {
  if (topic === null) return topicOf({ name, payload: readJson(payload) })
  return isTopic(topic) ? topic : undefined
}

/** Undefined for an event that this version does not know where to publish. */
export function recordOf(row: OutboxRow, source: EventSource, topics: Topics): ProducedRecord | undefined {
  const topic = topicIn(row)
  if (topic === undefined) return undefined
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: row.id,
    ce_type: row.name,
    ce_source: `/latchkey/${source}`,
    ce_subject: row.subject,
    ce_time: row.time,
    ce_dataschema: `urn:latchkey:event:${row.name}:1`,
    ce_partitionkey: row.key,
    ce_sequence: String(row.version),
  }
  if (row.traceparent !== null) {
    headers['ce_traceparent'] = row.traceparent
    // Under this name instrumented clients look for it.
    headers['traceparent'] = row.traceparent
  }
  return {
    topic: topicName(topics.prefix, topic),
    partition: partitionOf(row.key, topics.partitionsOf(topic)),
    key: row.key,
    value: row.payload,
    headers,
  }
}

/** With no more than a CloudEvent must have: an idle system writes little else. */
export function markOf(mark: LogMarked, topic: string, partition: number): ProducedRecord {
  return {
    topic,
    partition,
    key: null,
    value: JSON.stringify(mark),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: newId(Date.now()),
      ce_type: markName,
      ce_source: `/latchkey/${mark.source}`,
    },
  }
}

export type ReadRecord =
  | { readonly kind: 'event'; readonly event: ReceivedEvent }
  | { readonly kind: 'mark'; readonly mark: LogMarked }

/** What is no event of ours is handed on as one that cannot be read, so that it is buried and the rest flows on. */
export function readRecord(record: ConsumedRecord, topic: string, partition: number): ReadRecord {
  const payload = readJson(record.value?.toString('utf8') ?? '')
  const name = record.header('ce_type') ?? ''
  if (name === markName) {
    const mark = logMarked.safeParse(payload)
    if (mark.success) return { kind: 'mark', mark: mark.data }
  }
  const time = record.header('ce_time') ?? ''
  return {
    kind: 'event',
    event: {
      id: eventIdOf(record) ?? idOfPlace(topic, partition, record.offset),
      name,
      source: eventSources.find((source) => record.header('ce_source') === `/latchkey/${source}`) ?? 'gateway',
      subject: record.header('ce_subject') ?? '',
      key: record.header('ce_partitionkey') ?? record.key ?? '',
      version: Number(record.header('ce_sequence') ?? 0),
      time,
      traceparent: record.header('traceparent') ?? record.header('ce_traceparent'),
      payload,
    },
  }
}

/** The id of an event; undefined of a mark, and of what is none of ours. */
export function eventIdOf(record: ConsumedRecord): string | undefined {
  const id = record.header('ce_id') ?? ''
  return isId(id) && record.header('ce_type') !== markName ? id : undefined
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The same each time the record is read (RFC 9562, version 8). */
function idOfPlace(topic: string, partition: number, offset: number): string {
  const hex = createHash('sha256').update(`${topic}/${partition}/${offset}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
