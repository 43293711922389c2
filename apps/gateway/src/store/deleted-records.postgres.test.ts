import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
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
