import { memoryNonces, type Nonces } from '#libs/cache/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { openSignedAhead } from './signed-ahead.ts'

const start = Date.parse('2026-01-01T00:00:00.400Z')
const minute = 60_000
let server: TestDatabase
let database: Database
let now: number
const failures: unknown[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = open()
  await migrateGateway(database)
})

beforeEach(async () => {
  now = start
  failures.length = 0
  await database.query('TRUNCATE gateway.signed_ahead')
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

function open(): Database {
  return new Database({ url: server.url, applicationName: 'test', connections: 2 })
}

/** The nonces of a process that starts now. */
async function started(over = database): Promise<Nonces> {
  const onFailure = (error: unknown): unknown => failures.push(error)
  const ahead = await openSignedAhead(over, { since: new Date(now), onFailure })
  return memoryNonces({ clock: () => new Date(now), limit: 1_000, ahead })
}

/** Of a client whose clock is ahead by so many milliseconds, and tells whole seconds. */
function signed(nonce: string, ahead: number, signer = 'the key') {
  return { signer, nonce, created: new Date(Math.floor((now + ahead) / 1_000) * 1_000) }
}

test('what was signed ahead of the clock and taken is not taken again after a start, and what is signed later is', async () => {
  const first = await started()
  now += minute
  const early = signed('early', 4 * minute)
  expect(await first.take(early, 10 * minute)).toBe(true)
  now += 300
  const second = await started()
  expect(await second.take(early, 10 * minute)).toBeUndefined()
  expect(await second.take(signed('fresh', 2_000), 10 * minute)).toBe(true)
  expect(await second.take(signed('fresh', 4 * minute, 'another key'), 10 * minute)).toBe(true)
  now += 10_000
  expect(await second.take(early, 10 * minute)).toBeUndefined()
  expect(await second.take(signed('as far ahead', 4 * minute), 10 * minute)).toBe(true)
})

test('it holds for a start after that one', async () => {
  const first = await started()
  now += minute
  const early = signed('early', 4 * minute)
  expect(await first.take(early, 10 * minute)).toBe(true)
  await started()
  now += minute
  const third = await started()
  expect(await third.take(early, 10 * minute)).toBeUndefined()
})

test('what was taken within the second in which another process starts is not taken again', async () => {
  const first = await started()
  now += minute
  const request = signed('nonce', 0)
  expect(await first.take(request, 10 * minute)).toBe(true)
  now += 100
  expect(await (await started()).take(request, 10 * minute)).toBeUndefined()
})

test('what no gateway takes any more is forgotten when more is kept of the key, and until then who comes later knows of it', async () => {
  const [since, onFailure] = [new Date(now), (error: unknown): unknown => failures.push(error)]
  const nonces = await started()
  for (let count = 0; count < 10; count++) {
    now += minute
    expect(await nonces.take(signed(`nonce ${count}`, 2 * minute), 10 * minute)).toBe(true)
    const begun = (await openSignedAhead(database, { since, onFailure })).before.get('the key')
    expect(begun).toHaveLength(Math.min(count + 1, 9))
  }
  const kept = await database.query<{ begins: Date }>('SELECT begins FROM gateway.signed_ahead ORDER BY begins')
  expect(kept.map(({ begins }) => begins.getTime() > now - 6 * minute - 5_000)).toEqual(Array(9).fill(true))
})

test('what has come to pass is forgotten at a start', async () => {
  const first = await started()
  now += minute
  expect(await first.take(signed('early', 4 * minute), 10 * minute)).toBe(true)
  const kept = (): Promise<object[]> => database.query('SELECT kid FROM gateway.signed_ahead')
  await started()
  expect(await kept()).toEqual([{ kid: 'the key' }])
  now += 5 * minute
  await started()
  expect(await kept()).toEqual([])
})

test('while Postgres is away what is signed ahead of the clock is not taken, all else is, and the operator hears why', async () => {
  const away = open()
  const nonces = await started(away)
  await away.close()
  now += minute
  expect(await nonces.take(signed('early', 4 * minute), 10 * minute)).toBeUndefined()
  expect(failures).toHaveLength(1)
  expect(await nonces.take(signed('in time', 0), 10 * minute)).toBe(true)
})
