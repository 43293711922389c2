import { Database } from '#libs/postgres/index'
import { createLogger } from '#libs/telemetry/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { Currency } from '../currency.ts'
import { PurgeDeleted } from '../events/purge-deleted.ts'
import { migrateGateway } from '../index.ts'
import { StoredDeletedRecords } from './deleted-records.ts'

let server: TestDatabase
let database: Database
let deleted: StoredDeletedRecords

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
  deleted = new StoredDeletedRecords(database)
  await database.query(`
    INSERT INTO gateway.known_connection (connection, tenant, environment, identity_provider, enabled, version)
    SELECT 'c' || n, 'acme', 'live', 'okta', true, 1 FROM generate_series(1, 3) AS n`)
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

const day = 86_400_000
const start = Date.parse('2026-01-01T00:00:00Z')
const dayNumber = (number: number): Date => new Date(start + number * day)

/** So many deletions of a connection, one a day. */
async function keep(connection: string, days: number): Promise<void> {
  await database.query(
    `INSERT INTO gateway.deleted_record (connection, id, resource_type, name_key, version, created, deleted_at, document)
    SELECT $1, gen_random_uuid(), 'User', 'name', 2, $2, $2::timestamptz + n * interval '24 hours', '{}' FROM generate_series(0, $3::int - 1) AS n`,
    [connection, dayNumber(0), days],
  )
}
const left = async (connection: string): Promise<number> =>
  (await database.query('SELECT FROM gateway.deleted_record WHERE connection = $1', [connection])).length

beforeEach(() => database.query('DELETE FROM gateway.deleted_record'))

test('what was deleted before the instant is removed for good, in every connection, and nothing else', async () => {
  await keep('c1', 40)
  await keep('c3', 5)
  expect(await deleted.purge(dayNumber(10))).toBe(15)
  expect([await left('c1'), await left('c3')]).toEqual([30, 0])
  expect(await deleted.purge(dayNumber(10))).toBe(0)
})

test('a purge that has much to catch up with removes all of it, in several transactions', async () => {
  await keep('c1', 1_900)
  await keep('c2', 700)
  expect(await deleted.purge(dayNumber(3_000))).toBe(2_600)
  expect(await left('c1')).toBe(0)
})

test('while another gateway purges nothing is done, and what is being restored is passed over', async () => {
  await keep('c1', 3)
  const [held] = await database.query<{ id: string }>(
    'SELECT id FROM gateway.deleted_record ORDER BY deleted_at LIMIT 1',
  )
  await database.transaction(async (other) => {
    await other.query(`SELECT pg_advisory_xact_lock(hashtextextended('latchkey purge', 0))`)
    expect(await deleted.purge(dayNumber(10))).toBe(0)
  })
  await database.transaction(async (other) => {
    await other.query('SELECT FROM gateway.deleted_record WHERE id = $1 FOR UPDATE', [held?.id])
    expect(await deleted.purge(dayNumber(10))).toBe(2)
  })
  expect(await deleted.purge(dayNumber(10))).toBe(1)
})

/** A deleted connection with so many users, each a member of a group, one of them deleted before. */
async function deletedConnection(connection: string, users: number, at: Date): Promise<void> {
  await database.query(
    `INSERT INTO gateway.scim_user (connection, id, user_name_key, email_keys, active, version, created, last_modified, document)
    SELECT $1, gen_random_uuid(), 'user' || n, '{}', true, 1, now(), now(), '{}' FROM generate_series(1, $2::int) AS n`,
    [connection, users],
  )
  await database.query(
    `WITH made AS (
      INSERT INTO gateway.scim_group (connection, id, display_name_key, version, created, last_modified, document)
      VALUES ($1, gen_random_uuid(), 'all', 1, now(), now(), '{}') RETURNING id)
    INSERT INTO gateway.membership (connection, group_id, member_id, kind)
    SELECT $1, made.id, u.id::text, 'User' FROM made, gateway.scim_user AS u WHERE u.connection = $1`,
    [connection],
  )
  await keep(connection, 1)
  await database.query(
    `INSERT INTO gateway.known_key (connection, kid, tenant, environment, pepper_version, digest, state, version)
    VALUES ($1, $1, 'acme', 'live', 1, '', 'revoked', 2)`,
    [connection],
  )
  await database.query('INSERT INTO gateway.deleted_connection (connection, deleted_at) VALUES ($1, $2)', [
    connection,
    at,
  ])
}

const tables = ['scim_user', 'scim_group', 'membership', 'deleted_record', 'known_key']
const rowsOf = (connection: string): Promise<number[]> =>
  Promise.all(
    tables.map(
      async (table) =>
        (await database.query(`SELECT FROM gateway.${table} WHERE connection = $1`, [connection])).length,
    ),
  )

test('what a deleted connection brought is kept for as long as what is deleted, and then all of it is removed, in bounded batches', async () => {
  await deletedConnection('gone', 2_300, dayNumber(10))
  await deletedConnection('going', 3, dayNumber(20))
  expect(await deleted.purgeConnections(dayNumber(9))).toBe(0)
  expect(await rowsOf('gone')).toEqual([2_300, 1, 2_300, 1, 1])
  await database.transaction(async (other) => {
    await other.query(`SELECT pg_advisory_xact_lock(hashtextextended('latchkey purge', 0))`)
    expect(await deleted.purgeConnections(dayNumber(15))).toBe(0)
  })
  expect(await deleted.purgeConnections(dayNumber(15))).toBe(1)
  expect(await rowsOf('gone')).toEqual([0, 0, 0, 0, 0])
  expect(await rowsOf('going')).toEqual([3, 1, 3, 1, 1])
  expect(await deleted.purgeConnections(dayNumber(15))).toBe(0)
  // What was deleted in it before goes when it would have gone.
  expect(await deleted.purge(dayNumber(1))).toBe(1)
  expect(await rowsOf('going')).toEqual([3, 1, 3, 0, 1])
  expect(await database.query('SELECT FROM gateway.deleted_connection')).toHaveLength(2)
})

test('the worker removes both, and forgets the answers about people who were restored', async () => {
  await deletedConnection('old', 2, dayNumber(1))
  await deletedConnection('young', 2, dayNumber(9))
  await keep('c1', 3)
  await database.query(
    `INSERT INTO gateway.answered (tenant, idempotency_key, fingerprint, answer, expires_at)
    SELECT 'acme', at::text, '', '{}', at FROM unnest($1::timestamptz[]) AS at`,
    [[dayNumber(39), dayNumber(41)]],
  )
  const logged: string[] = []
  await database.query(
    `INSERT INTO gateway.disabled_connection SELECT 'never' || extract(day FROM at), 2, at FROM unnest($1::timestamptz[]) AS at`,
    [[dayNumber(37), dayNumber(38)]],
  )
  await purge(38.5, logged)
  expect([await left('c1'), await rowsOf('old'), (await rowsOf('young'))[0]]).toEqual([0, [0, 0, 0, 0, 0], 2])
  await purge(40, logged)
  expect(await rowsOf('young')).toEqual([0, 0, 0, 0, 0])
  expect(await database.query('SELECT FROM gateway.answered')).toHaveLength(1)
  expect(await database.query('SELECT FROM gateway.disabled_connection')).toHaveLength(1)
  expect(logged.map((line) => JSON.parse(line).connections).filter(Boolean)).toEqual([1, 1])
})

test('the worker goes on where a part of its work fails, and tells which', async () => {
  await database.query('ALTER TABLE gateway.answered RENAME TO answered_away')
  await database.query(
    `INSERT INTO gateway.disabled_connection SELECT 'never', 2, at FROM unnest($1::timestamptz[]) AS at`,
    [[dayNumber(37)]],
  )
  const logged: string[] = []
  await purge(40, logged)
  await database.query('ALTER TABLE gateway.answered_away RENAME TO answered')
  const failures = logged.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined)
  expect(failures.map(({ msg }) => msg)).toEqual([
    'answers kept for repeated calls of the admin API could not be forgotten',
  ])
  expect(await database.query(`SELECT FROM gateway.disabled_connection WHERE connection = 'never'`)).toEqual([])
})

/** A turn of the worker, by the clock of that day. */
async function purge(number: number, logged: string[]): Promise<void> {
  const stream = { write: (line: string) => void logged.push(line) }
  const logger = await createLogger({ service: 'test', level: 'info', pretty: false, stream })
  const log = { provenUpTo: () => dayNumber(38.5), caughtUpAt: () => undefined, unbrokenSince: () => undefined }
  const currency = new Currency(log, () => dayNumber(38.5))
  const parts = { clock: () => dayNumber(number), currency, database, deletedRetention: 30 * day, logger }
  const purging = new PurgeDeleted(parts, deleted)
  purging.onModuleInit()
  await purging.onModuleDestroy()
}
