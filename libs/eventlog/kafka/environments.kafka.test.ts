import { type AnyEvent, makeEvent, topicNames } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { readPublished } from '#test/servers/published-events'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { caughtUp, createTables, effects, effectsReach, follow, until } from '../conformance/harness.ts'
import { type KafkaEventLog, openKafkaEventLog, OutboxTables } from './index.ts'
import { shardOf } from './shards.ts'

const brokers = process.env['TEST_KAFKA_BROKERS'] ?? ''
let server: TestDatabase
let database: Database
let prefix: string
let log: KafkaEventLog | undefined

beforeEach(async () => {
  server = await testDatabase()
  prefix = `environments-${crypto.randomUUID()}`
  database = new Database({ url: server.url, applicationName: 'environments test', connections: 8 })
  await database.query('CREATE SCHEMA publisher')
  for (const statement of OutboxTables.create('publisher').split(';')) {
    if (statement.trim() !== '') await database.query(statement)
  }
})
afterEach(async () => {
  await log?.close()
  await database.close()
  await server.drop()
})

function openLog(): KafkaEventLog {
  log = openKafkaEventLog({
    kafka: { brokers: [brokers], clientId: 'environments test' },
    topics: { prefix, partitions: 8, replication: 1, retention: 86_400_000 },
    outbox: { database, schema: 'publisher', source: 'gateway' },
    onFailure: () => undefined,
  })
  return log
}

let time = Date.now()
const of = (subject: string) =>
  ({ source: 'gateway', subject, owner: 'c1', version: 1, time: new Date(time++) }) as const

function left(personId: string, environment: 'live' | 'sandbox'): AnyEvent {
  return makeEvent('user.deprovisioned', of(personId), { tenant: 'acme', connection: 'c1', environment, personId })
}

function denied(environment: 'live' | 'sandbox'): AnyEvent {
  const facts = { tenant: 'acme', connection: 'c1', environment, deniedAt: new Date().toISOString() }
  return makeEvent('guard.denied', of(`guard ${environment}`), { ...facts, until: new Date().toISOString() })
}

/** As programs of before the column `topic` do. */
async function appendAsBefore({ id, name, subject, key, version, time: at, payload }: AnyEvent): Promise<void> {
  await database.query(
    `INSERT INTO publisher.outbox (shard, id, name, subject, key, version, time, traceparent, payload)
     VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8)`,
    [shardOf(key), id, name, subject, key, version, at, JSON.stringify(payload)],
  )
}

const append = (events: readonly AnyEvent[]): Promise<void> =>
  database.transaction(async (transaction) => log?.append(transaction, events))

test('an event is published to the topic of its environment, also one of before topics were chosen', async () => {
  await appendAsBefore(left('waiting live', 'live'))
  await appendAsBefore(left('waiting sandbox', 'sandbox'))
  await database.query(OutboxTables.addTopic('publisher'))
  await appendAsBefore(left('older program live', 'live'))
  await appendAsBefore(left('older program sandbox', 'sandbox'))
  openLog()
  await append([left('new live', 'live'), left('new sandbox', 'sandbox'), denied('live'), denied('sandbox')])
  await until(async () => (await log?.backlog())?.events === 0)
  const published = await readPublished(
    brokers,
    topicNames.map((topic) => `${prefix}.${topic}`),
  )
  const subjects: Record<string, string[]> = {}
  for (const { topic, headers } of await published.all()) {
    const name = topic.slice(prefix.length + 1)
    subjects[name] = [...(subjects[name] ?? []), headers['ce_subject'] ?? ''].sort()
  }
  await published.close()
  expect(subjects).toEqual({
    people: ['new live', 'older program live', 'waiting live'],
    'sandbox-people': ['new sandbox', 'older program sandbox', 'waiting sandbox'],
    requests: ['guard live'],
    'sandbox-requests': ['guard sandbox'],
  })
}, 60_000)

test('a follower hears of both environments, and has followed what the one that is behind is followed up to', async () => {
  await database.query(OutboxTables.addTopic('publisher'))
  await createTables(database)
  const gate = Promise.withResolvers<void>()
  const followed: string[] = []
  const { follower } = follow(openLog(), database, {
    patterns: ['user.*'],
    watched: true,
    batchSize: 1,
    async handle(events, { transaction }) {
      if (events.some(({ subject }) => subject === 'held')) await gate.promise
      for (const { id, key, version, subject } of events) {
        await transaction.query('INSERT INTO follower.effect (id, key, version) VALUES ($1, $2, $3)', [
          id,
          key,
          version,
        ])
        transaction.afterCommit(() => followed.push(subject))
      }
    },
  })
  await append([left('ada', 'live'), left('grace', 'sandbox')])
  await effectsReach(database, 2)
  await caughtUp(follower)
  expect(followed.toSorted()).toEqual(['ada', 'grace'])
  await append([left('held', 'sandbox')])
  const committed = Date.now()
  await append([left('edsger', 'live')])
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  expect(follower.followedUpTo()?.getTime()).toBeLessThanOrEqual(committed)
  expect(follower.caughtUpAt()?.getTime()).toBeLessThanOrEqual(committed)
  gate.resolve()
  await caughtUp(follower)
  await until(() => (follower.caughtUpAt()?.getTime() ?? 0) > committed)
  expect(await effects(database)).toHaveLength(4)
  await follower.stop()
}, 60_000)
