import { type EventSource, topics as topicList } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { createTables, follow, until } from '../conformance/harness.ts'
import { KafkaClient } from './client.ts'
import { type KafkaEventLog, openKafkaEventLog } from './index.ts'
import { markOf, type ProducedRecord, topicName } from './records.ts'
import { feedersOf } from './shards.ts'

const kafka = { brokers: [process.env['TEST_KAFKA_BROKERS'] ?? ''], clientId: 'members test' }
const topics = { prefix: `members-${crypto.randomUUID()}`, partitions: 4, replication: 1, retention: 86_400_000 }
const logs: KafkaEventLog[] = []
let server: TestDatabase
let database: Database
const databases: Database[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'members test', connections: 8 })
  await createTables(database)
})
afterAll(async () => {
  await Promise.all(logs.map((log) => log.close()))
  for (const each of [database, ...databases]) await each.close()
  await server.drop()
})

function member(group = 'conformance') {
  const log = openKafkaEventLog({ kafka, topics, onFailure: () => undefined })
  logs.push(log)
  return follow(log, database, { patterns: ['request.*'], group }).follower
}

/** As relays do: one in each partition that requests can be in. */
function marksOf(source: EventSource, upTo: Date): ProducedRecord[] {
  return (['requests', 'sandbox-requests'] as const).flatMap((topic) =>
    Array.from({ length: topics.partitions }, (_, partition) => {
      const mark = { source, shards: feedersOf(partition, topics.partitions), upTo: upTo.toISOString() }
      return markOf(mark, topicName(topics.prefix, topic), partition)
    }),
  )
}

test('each member of a group knows how far all are once the marks are read, and need not wait for the next ones', async () => {
  await new KafkaClient(kafka, topics).topics()
  const producer = await new KafkaClient(kafka, topics).openProducer()
  const members = [member(), member()]
  const haveFollowedUpTo = (upTo: Date): boolean =>
    members.every((each) => each.followedUpTo()?.getTime() === upTo.getTime())
  // Who joins a group has all partitions given out again, and marks of before are not remembered then.
  const first = new Date(10_000)
  while (!haveFollowedUpTo(first)) {
    await producer.send([...marksOf('gateway', first), ...marksOf('keys', first)])
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  for (const upTo of [new Date(20_000), new Date(30_000)]) {
    for (const source of topicList.requests.awaited) await producer.send(marksOf(source, upTo))
    await until(() => haveFollowedUpTo(upTo))
  }
  await producer.close()
}, 60_000)

test('what keeps a member from learning how far the others are is told', async () => {
  const denied = Object.assign(new Error('permission denied for table followed'), { code: '42501' })
  class DenyingDatabase extends Database {
    override query<Row extends object>(...asked: Parameters<Database['query']>): Promise<Row[]> {
      const [statement] = asked
      const isComparison = typeof statement === 'string' && statement.includes('min(up_to)')
      return isComparison ? Promise.reject(denied) : super.query<Row>(...asked)
    }
  }
  const denying = new DenyingDatabase({ url: server.url, applicationName: 'members test', connections: 4 })
  databases.push(denying)
  const log = openKafkaEventLog({ kafka, topics, onFailure: () => undefined })
  logs.push(log)
  const { stalls } = follow(log, denying, { patterns: ['request.*'], group: 'denied' })
  // Two of them, so that neither has all partitions.
  member('denied')
  await until(() => stalls.includes(denied))
}, 60_000)
