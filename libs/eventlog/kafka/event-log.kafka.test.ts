import { Database } from '#libs/postgres/index'
import { startOwnKafka, type OwnKafka } from '#test/servers/own-kafka'
import { startOwnPostgres, type OwnPostgres } from '#test/servers/own-postgres'
import { type AnyEvent, markName } from '#libs/events/index'
import {
  append,
  caughtUp,
  counted,
  createTables,
  effectCount,
  effects,
  effectsReach,
  follow,
  nextOf,
  told,
  until,
  versionsByKey,
} from '../conformance/harness.ts'
import { describeEventLog, type Harness } from '../conformance/index.ts'
import { KafkaClient, KafkaTrouble } from './client.ts'
import { openKafkaEventLog, OutboxTables, type KafkaEventLog } from './index.ts'
import { renewLeases } from './leases.ts'
import { Outbox } from './outbox.ts'
import { markOf, recordOf } from './records.ts'

const day = 24 * 60 * 60 * 1000

let postgres: OwnPostgres
let kafka: OwnKafka
beforeAll(async () => {
  ;[postgres, kafka] = await Promise.all([startOwnPostgres(), startOwnKafka()])
}, 120_000)
afterAll(() => Promise.all([postgres.stop(), kafka.stop()]), 60_000)

let opened = 0

interface KafkaHarness extends Harness {
  readonly log: KafkaEventLog
  readonly client: KafkaClient
  readonly outbox: Outbox
  readonly prefix: string
  another(): Promise<KafkaEventLog>
}

async function openHarness(): Promise<KafkaHarness> {
  const url = await postgres.createDatabase()
  const prefix = `t${process.pid}-${Date.now()}-${++opened}`
  const database = new Database({ url, applicationName: 'conformance', connections: 16 })
  await database.query('CREATE SCHEMA publisher')
  for (const statement of [...OutboxTables.create('publisher').split(';'), OutboxTables.addTopic('publisher')]) {
    if (statement.trim() !== '') await database.query(statement)
  }
  const address = { brokers: [kafka.brokers], clientId: 'conformance' }
  const topics = { prefix, partitions: 4, replication: 1, retention: 30 * day }
  const openLog = () =>
    openKafkaEventLog({
      kafka: address,
      topics,
      outbox: { database, schema: 'publisher', source: 'keys' },
      onFailure: () => {},
    })
  const log = openLog()
  const logs = [log]
  const outbox = new Outbox('publisher')
  return {
    log,
    database,
    outbox,
    prefix,
    client: new KafkaClient(address, topics),
    async another() {
      const other = openLog()
      logs.push(other)
      return other
    },
    async appendText(event, payload) {
      await database.transaction(async (transaction) => {
        outbox.append(transaction, [event], () => {})
        await transaction.query('UPDATE publisher.outbox SET payload = $2 WHERE id = $1', [event.id, payload])
      })
    },
    outage: (meanwhile) => postgres.outage(() => kafka.outage(meanwhile)),
    async close() {
      for (const each of logs) await each.close()
      await database.close()
    },
  }
}

describeEventLog('Kafka', openHarness)

describe('what only the Kafka event log has', () => {
  let harness: Awaited<ReturnType<typeof openHarness>>
  beforeEach(async () => {
    harness = await openHarness()
    await createTables(harness.database)
  }, 60_000)
  afterEach(() => harness.close(), 60_000)

  /** What stands in Kafka: the ids and versions of all events, by partition and in order. A broker that has just come back may not answer yet. */
  async function published(): Promise<{ id: string; key: string; version: number }[]> {
    const partitions = new Map([[`${harness.prefix}.trust`, [0, 1, 2, 3]]])
    for (;;) {
      const found: { id: string; key: string; version: number }[] = []
      try {
        await harness.client.readSince(partitions, new Date(0), async (records) => {
          for (const record of records) {
            if (record.header('ce_type') === markName || record.header('ce_id') === 'hello') continue
            const version = Number(record.header('ce_sequence'))
            found.push({ id: record.header('ce_id') ?? '', key: record.key ?? '', version })
          }
        })
        return found
      } catch (error) {
        if (!(error instanceof KafkaTrouble)) throw error
      }
    }
  }

  async function publishedOnceInOrder(appended: readonly AnyEvent[]): Promise<void> {
    const found = await published()
    expect(found.map(({ id }) => id).sort()).toEqual(appended.map(({ id }) => id).sort())
    for (const [key, versions] of versionsByKey(found)) expect([key, versions]).toEqual([key, counted(versions.length)])
  }

  const unpublished = async (): Promise<number> => (await harness.log.backlog()).events
  const isPublished = (): Promise<void> => until(async () => (await unpublished()) === 0)

  /** Writers that append the next version of ten keys, as services do, until told to stop; answers what they appended. */
  function load(logs: readonly KafkaEventLog[]): { stop(): Promise<AnyEvent[]> } {
    const { database } = harness
    const appended: AnyEvent[] = []
    let stopping = false
    const writers = logs.flatMap((log, writer) =>
      [0, 1].map(async (turn) => {
        for (let round = writer + turn; !stopping; round++) {
          await database
            .transaction(async (transaction) => {
              const event = await nextOf(transaction, `key-${round % 10}`)
              log.append(transaction, [event, told(`alone-${writer}-${turn}-${round}`, 1)])
              return event
            })
            .then((event) => void appended.push(event))
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      }),
    )
    return {
      async stop() {
        stopping = true
        await Promise.all(writers)
        return appended
      },
    }
  }

  it('publishes each event once, in order, when its relay was killed between publishing and removing', async () => {
    const { database, client, outbox, log } = harness
    await log.close()
    const events = counted(30).map((number) => told(`killed-${number % 5}`, Math.ceil(number / 5)))
    await database.transaction(async (transaction) => outbox.append(transaction, events, () => {}))
    const dead = crypto.randomUUID()
    await renewLeases(database, 'publisher', dead)
    const topics = await client.topics()
    const { rows } = await outbox.firstPage(
      database,
      counted(16).map((number) => number - 1),
      100,
    )
    const producer = await client.openProducer()
    const trust = `${harness.prefix}.trust`
    const mark = markOf({ source: 'keys', shards: [1], upTo: new Date().toISOString() }, trust, 1)
    const strange = { topic: trust, partition: 1, key: null, value: 'hello', headers: { ce_id: 'hello' } }
    await producer.send([mark, strange])
    await producer.send(rows.slice(0, 17).flatMap((row) => recordOf(row, 'keys', topics) ?? []))
    await producer.close()

    await harness.another()
    await isPublished()
    await publishedOnceInOrder(events)
  }, 60_000)

  it('removes nothing of a shard that has gone to another relay', async () => {
    const { database, outbox, log } = harness
    await log.close()
    const [event] = [told('fenced', 1)]
    await database.transaction(async (transaction) => outbox.append(transaction, [event], () => {}))
    await renewLeases(database, 'publisher', crypto.randomUUID())
    const { rows } = await outbox.firstPage(
      database,
      counted(16).map((number) => number - 1),
      10,
    )
    const positions = rows.map(({ position }) => position)
    await database.transaction((transaction) => outbox.remove(transaction, crypto.randomUUID(), positions))
    expect(await unpublished()).toBe(1)
  }, 30_000)

  it('keeps the order of each key and publishes once while relays come and go', async () => {
    const { log, database } = harness
    const { follower } = follow(log, database)
    const other = await harness.another()
    const writing = load([log, other])
    await effectsReach(database, 200)
    const third = await harness.another()
    await until(async () => (await relaysWithShards(database)) === 3)
    await third.close()
    await until(async () => (await relaysWithShards(database)) === 2)
    const before = await effectCount(database)
    await effectsReach(database, before + 200)
    const appended = await writing.stop()
    await isPublished()
    const found = await published()
    const keyed = found.filter(({ key }) => key.includes('key-'))
    expect(keyed.map(({ id }) => id).sort()).toEqual(appended.map(({ id }) => id).sort())
    for (const [key, versions] of versionsByKey(keyed)) expect([key, versions]).toEqual([key, counted(versions.length)])
    await effectsReach(database, found.length)
    expect(await effects(database)).toHaveLength(found.length)
    await follower.stop()
  }, 60_000)

  it.each(['kill', 'outage', 'freeze'] as const)(
    'loses, repeats and reorders nothing over a %s of the broker under load',
    async (fault) => {
      const { log, database } = harness
      const { follower } = follow(log, database)
      const writing = load([log])
      await effectsReach(database, 100)
      const away = fault === 'outage' ? 8_000 : fault === 'freeze' ? 12_000 : 0
      await kafka[fault](() => new Promise((resolve) => setTimeout(resolve, away)))
      const back = await effectCount(database)
      await effectsReach(database, back + 50)
      const appended = await writing.stop()
      await isPublished()
      const found = await published()
      const keyed = found.filter(({ key }) => key.includes('key-'))
      expect(keyed.map(({ id }) => id).sort()).toEqual(appended.map(({ id }) => id).sort())
      for (const [key, versions] of versionsByKey(keyed)) {
        expect([key, versions]).toEqual([key, counted(versions.length)])
      }
      await effectsReach(database, found.length)
      await caughtUp(follower)
      const applied = await effects(database)
      expect(applied).toHaveLength(found.length)
      for (const versions of versionsByKey(applied).values()) expect(versions).toEqual(counted(versions.length))
      await follower.stop()
    },
    120_000,
  )

  it('applies each event once, in order, while members join and leave the group under load', async () => {
    const { log, database } = harness
    const first = follow(log, database)
    const writing = load([log])
    await effectsReach(database, 100)
    const other = await harness.another()
    for (let turn = 0; turn < 3; turn++) {
      const member = follow(other, database)
      await until(() => member.follower.state === 'following')
      const before = await effectCount(database)
      await effectsReach(database, before + 100)
      await member.follower.stop()
    }
    await writing.stop()
    await isPublished()
    const found = await published()
    await effectsReach(database, found.length)
    await caughtUp(first.follower)
    const applied = await effects(database)
    expect(applied).toHaveLength(found.length)
    for (const versions of versionsByKey(applied).values()) expect(versions).toEqual(counted(versions.length))
    await first.follower.stop()
  }, 90_000)

  /** A member that has every partition and takes nothing of what it is handed. */
  async function frozenMember(): Promise<{ close(): Promise<void> }> {
    const { promise: assigned, resolve } = Promise.withResolvers<void>()
    const { promise: closed, resolve: release } = Promise.withResolvers<void>()
    const member = await harness.client.consume({
      group: `${harness.prefix}.conformance`,
      topics: [`${harness.prefix}.trust`],
      assigned: () => resolve(),
      receive: async ({ heartbeat }) => {
        const beating = setInterval(() => void heartbeat().catch(() => undefined), 1_000)
        await closed
        clearInterval(beating)
      },
      crashed: () => undefined,
    })
    await assigned
    return {
      async close() {
        release()
        await member.close()
      },
    }
  }

  it('has everything before its group gives it a partition, when another member is dead or frozen', async () => {
    const { log, database } = harness
    await append(
      harness,
      counted(40).map((number) => told(`kept-${number % 4}`, Math.ceil(number / 4))),
    )
    await isPublished()
    const frozen = await frozenMember()
    const began = Date.now()
    const { follower } = follow(log, database, { watched: true, batchSize: 7 })
    await until(() => (follower.caughtUpAt()?.getTime() ?? 0) >= began)
    expect(follower.state).toBe('stalled')
    await append(harness, [told('kept-0', 11)])
    await effectsReach(database, 41)
    expect(follower.state).toBe('stalled')
    await frozen.close()
    await until(() => follower.state === 'following')
    await append(harness, [told('kept-0', 12)])
    await effectsReach(database, 42)
    await caughtUp(follower)
    const applied = await effects(database)
    expect(applied).toHaveLength(42)
    for (const versions of versionsByKey(applied).values()) expect(versions).toEqual(counted(versions.length))
    await follower.stop()
  }, 60_000)

  it('has read the end of the log without interruption since Kafka answered again, not since it was asked, when that stood still', async () => {
    const { log, database } = harness
    const { follower } = follow(log, database, { watched: true })
    await until(() => follower.caughtUpAt() !== undefined && follower.followedUpTo() !== undefined)
    let back = Infinity
    await kafka.freeze(async () => {
      await new Promise((resolve) => setTimeout(resolve, 4_000))
      back = Date.now()
    })
    await until(() => (follower.caughtUpAt()?.getTime() ?? 0) >= back)
    expect(follower.unbrokenSince()?.getTime()).toBeGreaterThanOrEqual(back)
    await follower.stop()
  }, 60_000)

  it('tells when it last answered: lately while nothing happens, and not after it stands still, though it still counts as connected', async () => {
    const { log, database } = harness
    const { follower } = follow(log, database)
    const answered = (): number => log.answeredAt()?.getTime() ?? -Infinity
    const began = Date.now()
    await until(() => answered() > began)
    const between = Date.now()
    await until(() => answered() > between)
    let stoodStill = Infinity
    let back = Infinity
    await kafka.freeze(async () => {
      stoodStill = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      // What had answered by then may be heard a moment later.
      expect(answered()).toBeLessThan(stoodStill + 1_000)
      expect([follower.state, log.broker]).toEqual(['following', 'connected'])
      back = Date.now()
    })
    await until(() => answered() >= back)
    await follower.stop()
  }, 60_000)

  it('applies each event once, in order, while two watches race with the members of their group', async () => {
    const { log, database } = harness
    const first = follow(log, database, { watched: true, batchSize: 5 })
    const writing = load([log])
    const other = await harness.another()
    for (let turn = 0; turn < 3; turn++) {
      const member = follow(other, database, { watched: true, batchSize: 5 })
      await until(() => member.follower.caughtUpAt() !== undefined)
      const before = await effectCount(database)
      await effectsReach(database, before + 100)
      await member.follower.stop()
    }
    await writing.stop()
    await isPublished()
    const found = await published()
    await effectsReach(database, found.length)
    await caughtUp(first.follower)
    const applied = await effects(database)
    expect(applied).toHaveLength(found.length)
    for (const versions of versionsByKey(applied).values()) expect(versions).toEqual(counted(versions.length))
    await first.follower.stop()
  }, 90_000)

  it('appends while Kafka has never been there, and publishes once it is', async () => {
    const { database, outbox } = harness
    await harness.log.close()
    await kafka.outage(async () => {
      await harness.another()
      await database.transaction(async (transaction) => outbox.append(transaction, [told('early', 1)], () => {}))
      expect(await unpublished()).toBe(1)
    })
    await isPublished()
    expect((await published()).map(({ key }) => key)).toEqual(['conformance/early'])
  }, 60_000)

  it('buries what somebody else wrote into the topic, and goes on', async () => {
    const { log, database, client, prefix } = harness
    const { follower, buried } = follow(log, database)
    await caughtUp(follower)
    const producer = await client.openProducer()
    const strange = { topic: `${prefix}.trust`, partition: 0, key: null, value: 'hello', headers: {} }
    await producer.send([strange])
    await producer.close()
    await until(() => buried.length > 0)
    await append(harness, [told('after', 1)])
    await effectsReach(database, 1)
    expect(buried).toEqual(['UnreadableEvent: no event is named '])
    await follower.stop()
  }, 30_000)

  it('begins anew with what Kafka keeps when the database has forgotten its place', async () => {
    const { log, database } = harness
    const first = follow(log, database)
    await append(
      harness,
      counted(20).map((number) => told(`kept-${number}`, 1)),
    )
    await effectsReach(database, 20)
    await caughtUp(first.follower)
    await first.follower.stop()
    await database.query('DELETE FROM follower.followed')
    await database.query('DELETE FROM follower.effect')
    const second = follow(log, database)
    await effectsReach(database, 20)
    await second.follower.stop()
  }, 30_000)
})

async function relaysWithShards(database: Database): Promise<number> {
  const [row] = await database.query<{ owners: number }>(
    'SELECT count(DISTINCT owner) AS owners FROM publisher.relay_lease WHERE until > now()',
  )
  return row?.owners ?? 0
}
