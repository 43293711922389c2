import { newId } from '#libs/events/index'
import { Database, migrate } from '#libs/postgres/index'
import { testDatabase } from '#test/servers/postgres'
import { findDetections } from './detections.ts'
import { findRecords, recordsStatement } from './find-records.ts'
import { migrations } from './migrations.ts'
import { maintainTrail } from './trail.ts'

const keeping = { retention: 90 * 86_400_000, clock: () => new Date() }
let server: Awaited<ReturnType<typeof testDatabase>>
let database: Database
// For each its own: an index that is made over rows that were updated is passed over while any transaction of the server is older than it.
beforeEach(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 1 })
})
afterEach(async () => {
  await database.close()
  await server.drop()
})

const upTo = (count: number): Promise<void> =>
  migrate(database, { schema: 'audit', migrations: migrations.slice(0, count) })

/** What a client may send, so that it looks like the answer. */
const confusing = '{"environment":"sandbox"}'

async function recordOfBefore(environment: string | null): Promise<string> {
  const id = newId()
  const payload = { requestId: id, userAgent: confusing, environment, detail: confusing }
  await database.query(
    `INSERT INTO audit.record (tenant, received_at, id, surface, outcome, status, payload)
     VALUES ('acme', now(), $1, 'scim', 'accepted', 200, $2)`,
    [id, JSON.stringify(payload)],
  )
  return id
}

async function detectionOfBefore(connection: string | null): Promise<string> {
  const id = newId()
  await database.query(
    `INSERT INTO audit.detection (tenant, rule, subject_kind, subject_id, id, connection, state, first_seen, last_seen, count, requests, raised_at, raised, version)
     VALUES ('acme', 'wrong-secret', 'connection', $1, $2, $3, 'open', now(), now(), 1, '{}', now(), 1, 1)`,
    [id, id, connection],
  )
  return id
}

test('records and detections of before they told their environment are listed by it', async () => {
  await upTo(migrations.findIndex(({ name }) => name.startsWith('Environments')))
  await maintainTrail(database, keeping)
  const [live, sandbox, neither] = [
    await recordOfBefore('live'),
    await recordOfBefore('sandbox'),
    await recordOfBefore(null),
  ]
  await database.query(
    `INSERT INTO audit.watched (id, kind, state, touched_at) VALUES ('c1', 'connection', $1, now())`,
    [JSON.stringify({ counts: {}, connection: { environment: 'sandbox', enabled: true } })],
  )
  const [ofSandbox, ofNobody] = [await detectionOfBefore('c1'), await detectionOfBefore(null)]

  await upTo(migrations.length)
  const ids = async (environment?: 'live' | 'sandbox'): Promise<string[]> =>
    (await findRecords(database, { environment }, 10, undefined)).map(({ id }) => id)
  expect([await ids('live'), await ids('sandbox')]).toEqual([[live], [sandbox]])
  expect((await ids()).sort()).toEqual([live, sandbox, neither].sort())
  const detections = async (environment?: 'live' | 'sandbox'): Promise<string[]> =>
    (await findDetections(database, { environment }, 10, undefined, new Date())).map(({ id }) => id)
  expect([await detections('live'), await detections('sandbox')]).toEqual([[], [ofSandbox]])
  expect((await detections()).sort()).toEqual([ofSandbox, ofNobody].sort())
})

test('records of sandboxes are found by their index, however many others there are', async () => {
  await upTo(migrations.length)
  await maintainTrail(database, keeping)
  await database.query(
    `INSERT INTO audit.record (tenant, received_at, id, surface, outcome, status, environment, payload)
     SELECT 'acme', now(), 'r' || number, 'scim', 'accepted', 200, CASE WHEN number % 1000 = 0 THEN 'sandbox' ELSE 'live' END, '{}'
     FROM generate_series(1, 5000) AS number`,
  )
  await database.query('ANALYZE audit.record')
  const indexes = await database.query<{ name: string }>(
    `SELECT indexname AS name FROM pg_indexes
     WHERE schemaname = 'audit' AND indexdef LIKE '%WHERE (environment = ''sandbox''::text)'`,
  )
  const { text, values } = recordsStatement({ environment: 'sandbox' }, 50, undefined)
  const plan = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values)
  const used = plan.flatMap((row) => /(?:using|Bitmap Index Scan on) (\w+)/.exec(row['QUERY PLAN'])?.[1] ?? [])
  expect(used.length).toBeGreaterThan(0)
  expect(indexes.map(({ name }) => name)).toEqual(expect.arrayContaining(used))
  expect((await findRecords(database, { environment: 'sandbox' }, 50, undefined)).length).toBeGreaterThanOrEqual(5)
})
