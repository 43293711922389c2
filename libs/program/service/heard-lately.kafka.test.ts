import { setTimeout as pause } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { type Follower, FollowerTables } from '#libs/eventlog/index'
import { type KafkaEventLog, openKafkaEventLog } from '#libs/eventlog/kafka/index'
import { Database } from '#libs/postgres/index'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { HeardLately } from './heard-lately.ts'

let server: TestDatabase
let database: Database
const brokers = [process.env['TEST_KAFKA_BROKERS'] ?? '']
const prefix = `heard-lately-${crypto.randomUUID()}`
const logs: KafkaEventLog[] = []
const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()

beforeAll(async () => {
  await admin.connect()
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'heard lately test', connections: 8 })
  await database.query('CREATE SCHEMA follower')
  for (const statement of FollowerTables.create('follower').split(';')) {
    if (statement.trim() !== '') await database.query(statement)
  }
})
afterAll(async () => {
  for (const log of logs) await log.close()
  await admin.disconnect()
  await database.close()
  await server.drop()
})

function openLog(): KafkaEventLog {
  const log = openKafkaEventLog({
    kafka: { brokers, clientId: 'heard lately test' },
    topics: { prefix, partitions: 4, replication: 1, retention: 86_400_000 },
    onFailure: () => undefined,
  })
  logs.push(log)
  return log
}

const follow = (log: KafkaEventLog, group: string): Follower =>
  log.follow({ group, patterns: ['admin-token.*'], database, schema: 'follower', handle: async () => undefined })

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within 60 s: ${what}`)
    await pause(20)
  }
}

/** Kafka has handed the partitions to so many members, and none is still being waited for. */
async function isSharedBy(members: number, group: string): Promise<boolean> {
  const { groups } = await admin.describeGroups([`${prefix}.${group}`])
  return groups.every((found) => found.state === 'Stable' && found.members.length === members)
}

test('a service goes on taking admin tokens by the event log alone while other instances of it come and go, though nothing is proved meanwhile', async () => {
  const [log, undisturbed] = [openLog(), openLog()]
  const follower = follow(log, 'heard-lately')
  follow(undisturbed, 'undisturbed')
  let behind = 60_000
  const shifted = (at: Date | undefined): Date | undefined => at && new Date(at.getTime() - behind)
  /** Time is what Kafka last answered a group that nobody joins or leaves: where it or this machine is slow, time is too. */
  const clock = (): Date => shifted(undisturbed.answeredAt()) ?? new Date(0)
  const isFollowing = (): boolean => log.broker === 'connected' && follower.state === 'following'
  let proven: Date | undefined
  const heard = new HeardLately({
    isFollowing,
    answeredAt: () => shifted(log.answeredAt()),
    provenUpTo: () => proven,
    clock,
    onFailure: () => undefined,
  })
  await until('both groups are followed', () => isFollowing() && [log, undisturbed].every((one) => one.answeredAt()))
  heard.look()
  proven = clock()
  behind = 0
  /** Nothing is proved any more: whoever was cut off for a moment is not current again. */
  const goesOnUntil = (what: string, holds: () => boolean | Promise<boolean>): Promise<void> =>
    until(what, () => {
      expect(heard.isCurrent).toBe(true)
      return holds()
    })
  const goesOnWhenSharedBy = async (members: number): Promise<void> => {
    await goesOnUntil(`shared by ${members}`, () => isSharedBy(members, 'heard-lately'))
    const since = Date.now()
    await goesOnUntil('Kafka has answered since', () => (log.answeredAt()?.getTime() ?? 0) > since)
  }
  await goesOnWhenSharedBy(1)
  const other = openLog()
  follow(other, 'heard-lately')
  await goesOnWhenSharedBy(2)
  await other.close()
  await goesOnWhenSharedBy(1)
  await heard.end()
})
