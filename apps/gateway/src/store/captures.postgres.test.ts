import { newId } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import type { Capture } from '../capture.ts'
import { migrateGateway } from '../index.ts'
import { StoredCaptures } from './captures.ts'

let server: TestDatabase
let database: Database
let captures: StoredCaptures
const failures: unknown[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 2 })
  await migrateGateway(database)
  await database.query(
    `INSERT INTO gateway.known_connection (connection, tenant, environment, identity_provider, enabled, version)
     VALUES ('c1', 'acme', 'sandbox', 'other', true, 1)`,
  )
})

beforeEach(() => {
  failures.length = 0
  captures = new StoredCaptures(database, (error) => failures.push(error))
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

function capture(of: Partial<Capture> = {}): Capture {
  return {
    requestId: newId(Date.now()),
    connection: 'c1',
    receivedAt: new Date(),
    method: 'POST',
    path: '/Users',
    query: '',
    headers: { accept: 'application/json' },
    body: '{"userName":"qwe\\u0000"}',
    ...of,
  }
}

test('a capture is made after its request was answered, and found as it was kept', async () => {
  const kept = capture()
  let isMade = false
  captures.keep(() => {
    isMade = true
    return kept
  }, 10)
  await Promise.resolve()
  expect(isMade).toBe(false)
  expect(await captures.find(kept.requestId)).toEqual(kept)
})

test('one that cannot be made, or that Postgres would refuse, costs the others nothing', async () => {
  const [good, bad] = [capture(), capture({ path: '/Users/\0' })]
  const fault = new Error('it cannot be made')
  captures.keep(() => {
    throw fault
  }, 1)
  captures.keep(() => bad, 1)
  captures.keep(() => good, 1)
  expect(await captures.find(good.requestId)).toEqual(good)
  expect(await captures.find(bad.requestId)).toBeUndefined()
  expect(failures).toEqual([fault, expect.objectContaining({ code: '22P05' })])
})

test('those that wait are bounded in number and in size', async () => {
  const made: string[] = []
  const keep = (name: string, size: number): void =>
    captures.keep(() => {
      made.push(name)
      return undefined
    }, size)
  keep('large', 16 * 1024 * 1024)
  keep('beyond', 1)
  await captures.settled()
  expect(made).toEqual(['large'])
  for (let index = 0; index < 1_000; index++) keep('one of many', 1)
  await captures.settled()
  expect(made.length).toBeLessThan(500)
})
