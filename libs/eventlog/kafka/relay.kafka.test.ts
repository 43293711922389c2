import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { type AnyEvent, makeEvent } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { startOwnPostgres, type OwnPostgres } from '#test/servers/own-postgres'
import { readPublished, type PublishedRecord } from '#test/servers/published-events'
import { counted, told, until } from '../conformance/harness.ts'
import { type KafkaEventLog, type KafkaEventLogOptions, openKafkaEventLog, OutboxTables } from './index.ts'
import { isLastPage, Outbox } from './outbox.ts'
import { partitionOf } from './shards.ts'

const brokers = process.env['TEST_KAFKA_BROKERS'] ?? ''
const topic = (): string => `${prefix}.trust`
let postgres: OwnPostgres
let url: string
let database: Database
let prefix: string
let logs: KafkaEventLog[]
let refused: { readonly key: string; readonly bytes: number }[]

beforeAll(async () => {
  postgres = await startOwnPostgres()
}, 60_000)
afterAll(() => postgres.stop())

beforeEach(async () => {
  url = await postgres.createDatabase()
  prefix = `relay-${crypto.randomUUID()}`
  logs = []
  refused = []
  database = new Database({ url, applicationName: 'relay test', connections: 8 })
  await database.query('CREATE SCHEMA publisher')
  for (const statement of [...OutboxTables.create('publisher').split(';'), OutboxTables.addTopic('publisher')]) {
    if (statement.trim() !== '') await database.query(statement)
  }
})
afterEach(async () => {
  for (const log of logs) await log.close()
  await database.close()
})

function openLog(options: Pick<KafkaEventLogOptions, 'refusedAgainAfter'> = {}): KafkaEventLog {
  const log = openKafkaEventLog({
    ...options,
    kafka: { brokers: [brokers], clientId: 'relay test' },
    topics: { prefix, partitions: 4, replication: 1, retention: 86_400_000 },
    outbox: { database, schema: 'publisher', source: 'keys' },
    onFailure: () => undefined,
    onRefused: (event) => void refused.push(event),
  })
  logs.push(log)
  return log
}

async function makeTopic(numPartitions: number, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  // The client's own wait for leaders fails where the broker has not yet heard of the topic.
  await admin.createTopics({ topics: [{ topic: topic(), numPartitions, configEntries }], waitForLeaders: false })
  const asked = () => admin.fetchTopicMetadata({ topics: [topic()] })
  await until(() =>
    asked().then(
      () => true,
      () => false,
    ),
  )
  await admin.disconnect()
}

const append = (log: KafkaEventLog, events: readonly AnyEvent[]): Promise<void> =>
  database.transaction(async (transaction) => log.append(transaction, events))

function large(subject: string, version: number, size: number): AnyEvent {
  const at = { source: 'keys', subject, owner: 'conformance', version, time: new Date() } as const
  return makeEvent('tenant.created', at, { tenant: subject, name: 'x'.repeat(size) }) as AnyEvent
}

async function published(): Promise<readonly PublishedRecord[]> {
  const reader = await readPublished(brokers, [topic()])
  const all = await reader.all()
  await reader.close()
  return all
}

const waiting = async (): Promise<number> =>
  (await database.query<{ count: number }>('SELECT count(*) FROM publisher.outbox'))[0]?.count ?? 0

async function owners(): Promise<string[]> {
  const held = 'SELECT DISTINCT owner FROM publisher.relay_lease WHERE until > clock_timestamp() AND owner IS NOT NULL'
  return (await database.query<{ owner: string }>(held)).map(({ owner }) => owner)
}

test('topics that were made beforehand keep their partitions, and keys lie where these say', async () => {
  await makeTopic(7)
  const events = counted(40).map((number) => told(`made-${number}`, 1))
  await append(openLog(), events)
  await until(async () => (await waiting()) === 0)
  const found = await published()
  expect(found.map(({ key, partition }) => `${key} ${partition}`).sort()).toEqual(
    events.map(({ key }) => `${key} ${partitionOf(key, 7)}`).sort(),
  )
}, 60_000)

test('an event larger than its topic takes keeps back its own key alone, is told, and flows once the topic takes it', async () => {
  await makeTopic(1, { 'max.message.bytes': '100000' })
  const log = openLog({ refusedAgainAfter: 5_000 })
  const small = counted(300).map((number) => large(`small-${number}`, 1, 1_000))
  await append(log, [...small, large('heavy', 1, 300_000), large('heavy', 2, 10), told('after', 1)])
  await until(async () => (await waiting()) === 2)
  expect(refused.map(({ key, bytes }) => [key, bytes > 300_000])).toContainEqual(['conformance/heavy', true])
  expect((await log.backlog()).refused).toBe(1)
  expect(new Set((await published()).map(({ key }) => key))).toEqual(
    new Set([...small, told('after', 1)].map(({ key }) => key)),
  )
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: '1000000' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic(), configEntries }] })
  await admin.disconnect()
  await until(async () => (await waiting()) === 0)
  const found = await published()
  expect(found).toHaveLength(small.length + 3)
  expect(found.filter(({ key }) => key === 'conformance/heavy').map(({ headers }) => headers['ce_sequence'])).toEqual([
    '1',
    '2',
  ])
  expect((await log.backlog()).refused).toBe(0)
}, 60_000)

test('a page of the outbox ends after a few megabytes, and the next goes on behind it', async () => {
  const outbox = new Outbox('publisher')
  const events = counted(30).map((number) => large(`page-${number}`, 1, 1_000_000))
  await database.transaction(async (transaction) => outbox.append(transaction, events, () => undefined))
  const shards = counted(16).map((number) => number - 1)
  const found: string[] = []
  let page = await outbox.firstPage(database, shards, 200)
  for (;;) {
    expect(page.rows.length).toBeLessThanOrEqual(5)
    found.push(...page.rows.map(({ id }) => id))
    if (isLastPage(page.rows, 200)) break
    page = { ...page, rows: await outbox.nextPage(database, shards, 200, page) }
  }
  expect(found).toEqual(events.map(({ id }) => id))
}, 60_000)

describe('a relay that stands still for longer than its leases', () => {
  let other: ChildProcess
  afterEach(() => void other.kill('SIGKILL'))

  async function startOther(): Promise<void> {
    const program = fileURLToPath(new URL('../../../test/servers/relay-process.js', import.meta.url))
    other = spawn(process.execPath, [program, url, brokers, prefix], { stdio: ['ignore', 'inherit', 'inherit'] })
    await once(other, 'spawn')
  }

  test('loses and reorders nothing when it goes on: others have published in its place meanwhile', async () => {
    const log = openLog()
    await startOther()
    await until(async () => (await owners()).length === 2)
    const appended: AnyEvent[] = []
    let writing = true
    const writer = (async () => {
      for (let round = 0; writing; round++) {
        const events = counted(20).map((number) => told(`frozen-${number}`, round + 1))
        await append(log, events)
        appended.push(...events)
      }
    })()
    await until(() => appended.length > 1_000)
    other.kill('SIGSTOP')
    await until(async () => (await owners()).length === 1)
    const before = appended.length
    await until(() => appended.length > before + 500)
    other.kill('SIGCONT')
    await until(async () => (await owners()).length === 2)
    writing = false
    await writer
    await until(async () => (await waiting()) === 0)
    const found = await published()
    expect(new Set(found.map(({ headers }) => headers['ce_id']))).toEqual(new Set(appended.map(({ id }) => id)))
    // What it had sent when it was stopped may be there twice; readers go by the first.
    for (const [, of] of Map.groupBy(found, ({ key }) => key)) {
      const sequences = new Set(of.map(({ headers }) => Number(headers['ce_sequence'])))
      expect([...sequences]).toEqual(counted(sequences.size))
    }
  }, 120_000)
})

test('a database that stands still for longer than the leases is waited for, and then everything is published', async () => {
  const log = openLog()
  await append(log, [told('before', 1)])
  await until(async () => (await waiting()) === 0)
  await append(
    log,
    counted(50).map((number) => told(`lapse-${number}`, 1)),
  )
  await postgres.outage(async () => {
    await new Promise((resolve) => setTimeout(resolve, 7_000))
  })
  await until(async () =>
    append(log, [told('behind', 1)]).then(
      () => true,
      () => false,
    ),
  )
  await until(async () => (await waiting().catch(() => 1)) === 0)
  expect(await published()).toHaveLength(52)
}, 60_000)
