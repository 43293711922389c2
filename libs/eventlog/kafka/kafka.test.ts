import { createRequire } from 'node:module'
import { eventSources, type LogMarked, makeEvent, type Topic } from '#libs/events/index'
import { Hand } from './hand.ts'
import { Marking } from './marking.ts'
import { Marks } from './marks.ts'
import type { OutboxRow } from './outbox.ts'
import { markOf, readRecord, recordOf, type ConsumedRecord, type ProducedRecord, type Topics } from './records.ts'
import { mendRequestTimer } from './request-timer.ts'
import { feedersOf, partitionOf, partitionsFedBy, shardOf, shards } from './shards.ts'
import { Taken } from './taken.ts'
import type { Tenure } from './tenures.ts'

const topics: Topics = { prefix: 'latchkey', partitionsOf: () => 12 }

const row: OutboxRow = {
  position: 7,
  shard: 3,
  id: '01a20f12-b797-7000-b213-4a4a67bbfd4b',
  name: 'user.deactivated',
  subject: 'u1',
  key: 'c1/u1',
  version: 4,
  time: '2026-11-24T15:00:00.000Z',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  payload: '{"tenant":"acme"}',
  topic: 'people',
}

const consumed = (record: ProducedRecord | undefined, offset = 0): ConsumedRecord => ({
  offset,
  key: record?.key ?? undefined,
  value: Buffer.from(record?.value ?? ''),
  header: (name) => record?.headers[name],
})

describe('shards and partitions', () => {
  it.each([1, 3, 8, 12, 16, 64, 100])('a key of %i partitions stands only where its shard may write', (partitions) => {
    for (let number = 0; number < 500; number++) {
      const key = `connection/${number}`
      expect(partitionsFedBy(shardOf(key), partitions)).toContain(partitionOf(key, partitions))
      expect(feedersOf(partitionOf(key, partitions), partitions)).toContain(shardOf(key))
    }
  })

  it('keys spread evenly: no partition has twice its share', () => {
    const counts = new Map<number, number>()
    for (let number = 0; number < 16_000; number++) {
      const partition = partitionOf(`0199a1b2-7c00-7000-8f00-5d3c1a2b4e6f/${number}`, 16)
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    expect(counts.size).toBe(16)
    expect(Math.max(...counts.values())).toBeLessThan(2_000)
  })

  it('a key keeps its shard from release to release', () => {
    expect(shards).toBe(16)
    expect(['', 'acme/1', 'ünïcode/ключ'].map(shardOf)).toEqual([12, 6, 11])
  })
})

describe('records', () => {
  it('carry a CloudEvent in binary mode: attributes as headers, the payload as value, the key as key', () => {
    expect(recordOf(row, 'gateway', topics)).toEqual({
      topic: 'latchkey.people',
      partition: partitionOf('c1/u1', 12),
      key: 'c1/u1',
      value: '{"tenant":"acme"}',
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: row.id,
        ce_type: 'user.deactivated',
        ce_source: '/latchkey/gateway',
        ce_subject: 'u1',
        ce_time: row.time,
        ce_dataschema: 'urn:latchkey:event:user.deactivated:1',
        ce_partitionkey: 'c1/u1',
        ce_sequence: '4',
        ce_traceparent: row.traceparent,
        traceparent: row.traceparent,
      },
    })
  })

  it('are read back as the event that was appended', () => {
    const event = makeEvent(
      'tenant.created',
      { source: 'keys', subject: 't1', owner: 'acme', version: 1, time: new Date(0), traceparent: undefined },
      { tenant: 't1', name: 'Ünï' },
    )
    const appended = { ...row, ...event, traceparent: null, payload: JSON.stringify(event.payload), topic: 'trust' }
    expect(readRecord(consumed(recordOf(appended, 'keys', topics)), 'latchkey.trust', 0)).toEqual({
      kind: 'event',
      event,
    })
  })

  it.each(eventSources)('are read back as of the source that appended them: %s', (source) => {
    const read = readRecord(
      consumed(recordOf({ ...row, name: 'tenant.created', topic: 'trust' }, source, topics)),
      'latchkey.trust',
      0,
    )
    expect(read).toMatchObject({ kind: 'event', event: { source } })
  })

  it('go to the topic that was chosen when the event was appended', () => {
    const { topic, ...others } = recordOf({ ...row, topic: 'sandbox-people' }, 'gateway', topics) ?? {}
    expect(topic).toBe('latchkey.sandbox-people')
    expect({ topic: 'latchkey.people', ...others }).toEqual(recordOf(row, 'gateway', topics))
  })

  it.each([
    ['{"environment":"sandbox"}', 'latchkey.sandbox-people'],
    ['{"environment":"live"}', 'latchkey.people'],
    ['{}', 'latchkey.people'],
    ['not JSON', 'latchkey.people'],
  ])('of a row of before topics were chosen then, with the payload %s, go to %s', (payload, topic) => {
    expect(recordOf({ ...row, topic: null, payload }, 'gateway', topics)).toMatchObject({ topic, value: payload })
  })

  it('are not made of an event of a family, or for a topic, that a newer version has added', () => {
    expect(recordOf({ ...row, name: 'device.enrolled', topic: null }, 'gateway', topics)).toBeUndefined()
    expect(recordOf({ ...row, topic: 'devices' }, 'gateway', topics)).toBeUndefined()
  })

  it('that are marks are told apart from events', () => {
    const mark: LogMarked = { source: 'keys', shards: [3], upTo: '2026-11-24T15:00:00.000Z' }
    const record = markOf(mark, 'latchkey.trust', 2)
    expect(record.headers['ce_type']).toBe('log.marked')
    expect(readRecord(consumed(record), 'latchkey.trust', 2)).toEqual({ kind: 'mark', mark })
  })

  it('that are none of ours get the same id at each reading, and their own', () => {
    const strange = (offset: number): ConsumedRecord => ({
      offset,
      key: undefined,
      value: null,
      header: () => undefined,
    })
    const idAt = (offset: number): string => {
      const read = readRecord(strange(offset), 'latchkey.trust', 1)
      return read.kind === 'event' ? read.event.id : ''
    }
    expect(idAt(4)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(idAt(4)).toBe(idAt(4))
    expect(idAt(5)).not.toBe(idAt(4))
  })
})

describe('marks', () => {
  const at = (second: number): string => new Date(second * 1_000).toISOString()

  it('tell how far a partition is complete only when every shard of every awaited source that feeds it has spoken', () => {
    const marks = new Marks('latchkey')
    const partition = 'latchkey.requests/3'
    marks.add(partition, { source: 'gateway', shards: [3], upTo: at(10) })
    expect(marks.upTo(partition, 16)).toBeUndefined()
    marks.add(partition, { source: 'keys', shards: [3], upTo: at(8) })
    expect(marks.upTo(partition, 16)).toBe(8_000)
    marks.add(partition, { source: 'keys', shards: [3], upTo: at(12) })
    expect(marks.upTo(partition, 16)).toBe(10_000)
    expect(marks.upTo(partition, 8)).toBeUndefined()
  })

  it('of a source that is not awaited hold up nobody, wherever it is', () => {
    const marks = new Marks('latchkey')
    const partition = 'latchkey.requests/3'
    marks.add(partition, { source: 'gateway', shards: [3], upTo: at(10) })
    marks.add(partition, { source: 'keys', shards: [3], upTo: at(12) })
    marks.add(partition, { source: 'audit', shards: [3], upTo: at(2) })
    expect(marks.upTo(partition, 16)).toBe(10_000)
  })
})

describe('marking', () => {
  const tenure: Tenure = { shard: 3, state: 'open', until: Infinity }
  const sizes = { prefix: 'latchkey', partitionsOf: (topic: Topic) => (topic.startsWith('sandbox-') ? 4 : 16) }
  const markedAt = (marking: Marking, second: number): Set<string> =>
    new Set(marking.marks(sizes, [tenure], new Date(second * 1_000)).map(({ record }) => record.topic))

  it('tells at first of every topic whose followers wait for the source, and of no other', () => {
    const told = eventSources.map((source) => [source, [...markedAt(new Marking(source), 100)].sort()])
    expect(Object.fromEntries(told)).toEqual({
      gateway: ['people', 'requests', 'sandbox-people', 'sandbox-requests'].map((topic) => `latchkey.${topic}`),
      keys: ['requests', 'sandbox-requests', 'trust'].map((topic) => `latchkey.${topic}`),
      directory: [],
      audit: ['latchkey.detections'],
    })
  })

  it('tells each second of where people are, of both environments, and of requests when there was one, or after five', () => {
    const marking = new Marking('gateway')
    const people = ['latchkey.people', 'latchkey.sandbox-people']
    markedAt(marking, 100)
    expect(markedAt(marking, 101)).toEqual(new Set(people))
    marking.published({ ...row, name: 'request.decided', topic: 'sandbox-requests' })
    expect(markedAt(marking, 102)).toEqual(new Set([...people, 'latchkey.sandbox-requests']))
    expect(markedAt(marking, 105)).toEqual(new Set([...people, 'latchkey.requests']))
  })
})

describe('what a relay has taken', () => {
  const of = (key: string, version: number): OutboxRow => ({ ...row, id: `${key} ${version}`, key, version })

  it('lets an event pass only right after the one before it of its key', () => {
    const taken = new Taken()
    expect([taken.isNext(of('a', 1)), taken.isNext(of('a', 2))]).toEqual([true, false])
    taken.add(of('a', 1))
    expect([taken.isNext(of('a', 1)), taken.isNext(of('a', 2)), taken.isNext(of('a', 3))]).toEqual([false, true, false])
    expect([taken.has(of('a', 1)), taken.has(of('a', 2))]).toEqual([true, false])
  })

  it('takes no event for another, also when their keys and versions are the same', () => {
    const taken = new Taken()
    taken.add(of('a', 1))
    expect(taken.has({ ...of('a', 1), id: 'another' })).toBe(false)
  })

  it('forgets the keys that were longest not heard of, and then knows no predecessor of theirs', () => {
    const taken = new Taken()
    taken.add(of('old', 1))
    for (let number = 0; number < 50_000; number++) taken.add(of(`key-${number}`, 1))
    expect(taken.isNext(of('old', 2))).toBe(false)
    expect(taken.isNext(of('key-49999', 2))).toBe(true)
  })
})

describe('what a relay has in hand', () => {
  const tenure: Tenure = { shard: 3, state: 'open', until: Infinity }
  const of = (position: number, payload = '{}'): OutboxRow => ({
    ...row,
    position,
    id: `${position}`,
    key: `key-${position}`,
    version: 1,
    payload,
  })
  const positionsIn = (hand: Hand): unknown[] =>
    hand.nextBatch().map((waiting) => ('row' in waiting ? waiting.row.position : 'mark'))

  it('is sent in the order in which it was taken, marks behind what they tell of', () => {
    const hand = new Hand()
    hand.takeNext(tenure, of(2))
    hand.takeFound(tenure, of(1))
    hand.mark([tenure], markOf({ source: 'keys', shards: [3], upTo: row.time }, 'latchkey.trust', 3))
    hand.takeNext(tenure, of(3))
    expect(positionsIn(hand)).toEqual([2, 1, 'mark', 3])
  })

  it('is sent at most 900 kB at a time, and one event at least', () => {
    const hand = new Hand()
    for (const [position, size] of [
      [1, 400_000],
      [2, 400_000],
      [3, 400_000],
      [4, 2_000_000],
      [5, 1],
    ] as const) {
      hand.takeNext(tenure, of(position, 'x'.repeat(size)))
    }
    expect([positionsIn(hand), positionsIn(hand), positionsIn(hand), positionsIn(hand)]).toEqual([
      [1, 2],
      [3],
      [4],
      [5],
    ])
  })

  it('has no room for more than 16 MiB, and then leaves events to the outbox', () => {
    const hand = new Hand()
    for (let position = 1; position <= 16; position++) hand.takeNext(tenure, of(position, 'x'.repeat(2 ** 20)))
    expect([hand.hasRoom, hand.takeNext(tenure, of(200))]).toEqual([false, 'not yet'])
    hand.removed([1])
    expect([hand.hasRoom, hand.takeNext(tenure, of(200))]).toEqual([true, 'taken'])
  })

  it('loses with a shard what waits of it, with the knowledge of it, and nothing else', () => {
    const hand = new Hand()
    const other: Tenure = { shard: 4, state: 'open', until: Infinity }
    hand.takeNext(tenure, of(1))
    hand.takeNext(other, { ...of(2), shard: 4 })
    hand.mark([tenure], markOf({ source: 'keys', shards: [3], upTo: row.time }, 'latchkey.trust', 3))
    hand.drop(tenure)
    expect([...hand.shards]).toEqual([4])
    expect(hand.takeFound(tenure, of(1))).toBe('taken')
    expect(positionsIn(hand)).toEqual([2, 1])
  })

  it('knows an event whose removal was lost from one that nobody published', () => {
    const hand = new Hand()
    hand.takeNext(tenure, of(1))
    hand.nextBatch()
    expect(hand.takeFound(tenure, of(1))).toBe('in hand')
    hand.published(of(1))
    hand.removed([1])
    expect([hand.takeFound(tenure, of(1)), hand.isEmpty]).toEqual(['published', true])
    hand.startAnew()
    expect(hand.takeFound(tenure, of(1))).toBe('taken')
  })
})

it('an idle connection to Kafka sets no timer', () => {
  const require = createRequire(import.meta.url)
  mendRequestTimer(require)
  const RequestQueue = require('kafkajs/src/network/requestQueue')
  const queue = new RequestQueue({
    maxInFlightRequests: 1,
    requestTimeout: 1_000,
    clientId: 'test',
    broker: 'none',
    logger: { debug() {} },
  })
  queue.checkPendingRequests()
  expect(queue.throttleCheckTimeoutId).toBeNull()
  queue.pending.push({})
  queue.maxInFlightRequests = 0
  queue.checkPendingRequests()
  expect(queue.throttleCheckTimeoutId).not.toBeNull()
  queue.destroy()
})
