import { Database } from '#libs/postgres/index'
import { createLogger } from '#libs/telemetry/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { StoredCaptures } from '../store/captures.ts'
import { ForgetCaptures } from './forget-captures.ts'

let server: TestDatabase
let database: Database
const logged: string[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 1 })
  await migrateGateway(database)
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

async function forget(): Promise<void> {
  const logger = await createLogger({
    service: 'test',
    level: 'info',
    pretty: false,
    stream: { write: (line) => void logged.push(line) },
  })
  const parts = { clock: () => new Date(), captureRetention: 60_000, logger }
  const forgetting = new ForgetCaptures(parts, new StoredCaptures(database, () => undefined))
  forgetting.onModuleInit()
  await forgetting.onModuleDestroy()
}

test('captures older than they are kept are forgotten, and a failure to do so is told', async () => {
  await database.query(
    `INSERT INTO gateway.captured_request (connection, request_id, received_at, method, path, query, headers)
     SELECT 'c1', gen_random_uuid(), now() - age, 'GET', '/Users', '', '{}' FROM unnest('{1 second,2 minutes}'::interval[]) AS age`,
  )
  await forget()
  expect(await database.query('SELECT 1 FROM gateway.captured_request')).toHaveLength(1)
  expect(logged).toEqual([])
  await database.query('ALTER TABLE gateway.captured_request RENAME TO captured_request_away')
  await forget()
  expect(logged.join('')).toContain('captured requests could not be forgotten')
})
