import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { TrailUpkeep } from './audit.module.ts'
import { migrateAudit } from './index.ts'

const keeping = { retention: 400 * 86_400_000, clock: () => new Date() }
let server: TestDatabase
let database: Database
beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 2 })
  await migrateAudit(database, keeping)
})
afterAll(async () => {
  await database.close()
  await server.drop()
})

test('while partitions of the trail cannot be kept, what is past retention is forgotten all the same, and the failure is told', async () => {
  await database.query(
    `INSERT INTO audit.watched (id, kind, state, touched_at) VALUES ('192.0.2.7', 'address', '{}', now() - interval '2 days')`,
  )
  await database.query('ALTER TABLE audit.record RENAME TO record_away')
  const failures: unknown[] = []
  const upkeep = new TrailUpkeep({ database, ...keeping, onFailure: (error) => failures.push(error) })
  upkeep.onModuleInit()
  await upkeep.onModuleDestroy()
  expect(await database.query('SELECT FROM audit.watched')).toEqual([])
  expect(failures.map(String)).toEqual([expect.stringContaining('audit.record')])
})
