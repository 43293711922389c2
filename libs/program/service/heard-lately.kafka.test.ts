import { type Follower, FollowerTables } from '#libs/eventlog/index'
import { type KafkaEventLog, openKafkaEventLog, OutboxTables } from '#libs/eventlog/kafka/index'
import { Database } from '#libs/postgres/index'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { HeardLately } from './heard-lately.ts'

let server: TestDatabase
let database: Database
const prefix = `heard-lately-${crypto.randomUUID()}`
const logs: KafkaEventLog[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'heard lately test', connections: 8 })
  await database.query('CREATE SCHEMA keys')
  await database.query('CREATE SCHEMA follower')
  const tables = [OutboxTables.create('keys'), OutboxTables.addTopic('keys'), FollowerTables.create('follower')]
  for (const statement of tables.flatMap((text) => text.split(';'))) {
    if (statement.trim() !== '') await database.query(statement)
  }
})
afterAll(async () => {
  for (const log of logs) await log.close()
  await database.close()
  await server.drop()
})

function openLog(outbox?: { database: Database; schema: string; source: 'keys' }): KafkaEventLog {
  const log = openKafkaEventLog({
    kafka: { brokers: [process.env['TEST_KAFKA_BROKERS'] ?? ''], clientId: 'heard lately test' },
    topics: { prefix, partitions: 4, replication: 1, retention: 86_400_000 },
    ...(outbox !== undefined && { outbox }),
    onFailure: () => undefined,
  })
  logs.push(log)
  return log
}

const follow = (log: KafkaEventLog): Follower =>
  log.follow({
    group: 'heard-lately',
    patterns: ['admin-token.*'],
    database,
    schema: 'follower',
    handle: async () => undefined,
  })

/** Goes on in the next turn of the event loop: nothing that lasts for longer than that is missed. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a service goes on taking admin tokens by the event log alone while other instances of it come and go, though nothing is proved meanwhile', async () => {
  const publisher = openLog({ database, schema: 'keys', source: 'keys' })
  const log = openLog()
  const follower = follow(log)
  const heard = new HeardLately({
    isFollowing: () => log.broker === 'connected' && follower.state === 'following',
    answeredAt: () => log.answeredAt(),
    provenUpTo: () => follower.followedUpTo(),
    clock: () => new Date(),
    onFailure: () => undefined,
  })
  while (log.answeredAt() === undefined) await turn()
  heard.look()
  const began = Date.now()
  while ((follower.followedUpTo()?.getTime() ?? 0) < began) await turn()
  await publisher.close()
  const unproved = Date.now() + 5_500
  while (Date.now() < unproved) await new Promise((resolve) => setTimeout(resolve, 100))
  expect(heard.isCurrent).toBe(true)

  const lapses: number[] = []
  const lookUntil = async (isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      if (!heard.isCurrent) lapses.push(Date.now() - began)
      await turn()
    }
  }
  const settled = (): (() => boolean) => {
    const at = Date.now() + 4_000
    return () => Date.now() > at
  }
  const other = openLog()
  const member = follow(other)
  await lookUntil(() => member.state === 'following')
  await lookUntil(settled())
  await other.close()
  await lookUntil(settled())
  expect(lapses.slice(0, 3)).toEqual([])
  await heard.end()
}, 60_000)
