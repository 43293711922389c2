import { AppendQueue, type EventLog } from '#libs/eventlog/index'
import { Database, maintainPartitions } from '#libs/postgres/index'
import { startOwnPostgres, type OwnPostgres } from '#test/servers/own-postgres'
import { createTables, effects, effectsReach, follow, told, until } from '../conformance/harness.ts'
import { describeEventLog, type Harness } from '../conformance/index.ts'
import { appendEvents } from './append.ts'
import { openPostgresEventLog, type PostgresEventLog } from './index.ts'

const day = 24 * 60 * 60 * 1000

let postgres: OwnPostgres
beforeAll(async () => {
  postgres = await startOwnPostgres()
}, 60_000)
afterAll(() => postgres.stop(), 60_000)

interface PostgresHarness extends Harness {
  readonly log: PostgresEventLog
  readonly url: string
  /** `pollEvery` as that of the log. */
  another(pollEvery?: number): Promise<EventLog>
}

async function openHarness(): Promise<PostgresHarness> {
  const url = await postgres.createDatabase()
  const openLog = (pollEvery = 20) =>
    openPostgresEventLog({ url, retention: 30 * day, clock: () => new Date(), pollEvery, onFailure: () => {} })
  const logs = [await openLog()]
  const database = new Database({ url, applicationName: 'conformance', connections: 12 })
  const [log] = logs
  if (log === undefined) throw new Error('no log was opened')
  return {
    url,
    log,
    database,
    async another(pollEvery) {
      const other = await openLog(pollEvery)
      logs.push(other)
      return other
    },
    async appendText(event, payload) {
      await database.transaction(async (transaction) => {
        appendEvents(transaction, [event])
        await transaction.query('UPDATE event_log.event SET payload = $2 WHERE id = $1', [event.id, payload])
      })
    },
    outage: (meanwhile) => postgres.outage(meanwhile),
    async close() {
      for (const each of logs) await each.close()
      await database.close()
    },
  }
}

describeEventLog('Postgres', openHarness)

describe('what only the Postgres event log has', () => {
  let harness: Awaited<ReturnType<typeof openHarness>>
  beforeEach(async () => {
    harness = await openHarness()
    await createTables(harness.database)
  }, 60_000)
  afterEach(() => harness.close(), 60_000)

  const partitions = async (): Promise<string[]> => {
    const rows = await harness.database.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'event_log.event'::regclass ORDER BY 1",
    )
    return rows.map((row) => row.name)
  }

  it('hears what its own process appended without waiting for its next look', async () => {
    const { database } = harness
    const log = await harness.another(3_600_000)
    const { follower } = follow(log, database)
    await until(() => follower.followedUpTo() !== undefined)
    for (const version of [1, 2]) {
      await database.transaction(async (transaction) => log.append(transaction, [told('own', version)]))
      await effectsReach(database, version)
      // Past what it gathers for: it waits for its next look.
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await follower.stop()
  }, 10_000)

  it('drops whole days past retention, keeps the rest, and goes on working', async () => {
    const { database, log, url } = harness
    const old = new Date(Date.now() - 40 * day)
    const days = { schema: 'event_log', table: 'event', length: 'day', ahead: 0, behind: 0 } as const
    await maintainPartitions(database, { ...days, retention: 60 * day }, old)
    const oldName = `event_log.event_${old.toISOString().slice(0, 10).replaceAll('-', '')}`
    expect(await partitions()).toContain(oldName)
    const present = await partitions()
    const [expired, kept] = [told('expired', 1), told('kept', 1)]
    await database.transaction(async (transaction) => appendEvents(transaction, [expired, kept]))
    await database.query('UPDATE event_log.event SET appended_at = $2 WHERE id = $1', [expired.id, old])

    const again = await openPostgresEventLog({ url, retention: 30 * day, clock: () => new Date(), onFailure: () => {} })
    expect(await partitions()).toEqual(present.filter((name) => name !== oldName))
    await again.close()

    const { follower } = follow(log, database)
    await database.transaction(async (transaction) => log.append(transaction, [told('new', 1)]))
    await effectsReach(database, 2)
    expect((await effects(database)).map((effect) => effect.key)).toEqual(['conformance/kept', 'conformance/new'])
    await follower.stop()
  }, 30_000)

  it('refuses a place that was taken on another server, and says what to do', async () => {
    const { database, log } = harness
    const place = { from: '999999999:999999999:', to: null, after: 0, last: 0, openedAt: null }
    await database.query("INSERT INTO follower.followed VALUES ('conformance', $1, 'epoch')", [JSON.stringify(place)])
    const { follower, stalls } = follow(log, database)
    await until(() => stalls.length > 0)
    expect(String(stalls[0])).toMatch(/dump and restore/)
    await follower.stop()
  }, 30_000)

  it('takes no event into a full queue, and loses none that it took while the database was away', async () => {
    const { database, log, outage } = harness
    const failures: unknown[] = []
    const queue = new AppendQueue({ log, database, capacity: 3, onFailure: (error) => failures.push(error) })
    const { follower } = follow(log, database)
    await outage(async () => {
      expect([1, 2, 3, 4].map((version) => queue.offer(told('queued', version)))).toEqual([true, true, true, false])
      expect(queue.isFull).toBe(true)
      await until(() => failures.length > 0)
    })
    await queue.drained()
    expect(queue.length).toBe(0)
    expect(queue.offer(told('queued', 4))).toBe(true)
    await queue.drained()
    await until(async () => (await effects(database).catch(() => [])).length >= 4)
    expect((await effects(database)).map((effect) => effect.version)).toEqual([1, 2, 3, 4])
    await follower.stop()
  }, 60_000)

  it('holds a place for an event that is known later, and appends it then', async () => {
    const { database, log } = harness
    const queue = new AppendQueue({ log, database, capacity: 2, onFailure: () => {} })
    const later = Promise.withResolvers<ReturnType<typeof told>>()
    expect(queue.offerLater(later.promise)).toBe(true)
    expect(queue.offer(told('known later', 1))).toBe(true)
    expect([queue.length, queue.isFull, queue.offerLater(later.promise)]).toEqual([2, true, false])
    later.resolve(told('known later', 2))
    await queue.drained()
    expect(queue.length).toBe(0)
    const found = await database.query("SELECT version FROM event_log.event WHERE subject = 'known later' ORDER BY 1")
    expect(found).toEqual([{ version: 1 }, { version: 2 }])
  })

  it('counts what a queue gives up, and takes nothing more', async () => {
    const { database, log } = harness
    const queue = new AppendQueue({ log, database, capacity: 3, onFailure: () => {} })
    expect([1, 2].map((version) => queue.offer(told('given up', version)))).toEqual([true, true])
    expect(queue.abandon()).toBe(2)
    expect(queue.offer(told('given up', 3))).toBe(false)
    await queue.drained()
    expect(queue.length).toBe(0)
    expect(await database.query("SELECT id FROM event_log.event WHERE subject = 'given up'")).toEqual([])
  })
})
