import { addPepper, formatPeppers, generatePeppers, type Peppers } from '#libs/credentials/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateKeys } from './migrations.ts'
import { checkPeppers, PeppersDoNotFit, refuseNewPeppers } from './peppers.ts'

let server: TestDatabase
let database: Database

beforeEach(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'peppers test', connections: 2 })
  await migrateKeys(database)
})

afterEach(async () => {
  await database.close()
  await server.drop()
})

const keptVersions = async (): Promise<number[]> => {
  const rows = await database.query<{ version: number }>('SELECT version FROM keys.pepper ORDER BY version')
  return rows.map(({ version }) => version)
}

const without = ({ current, keys }: Peppers, version: number): Peppers => ({
  current,
  keys: new Map([...keys].filter(([other]) => other !== version)),
})

test('the same peppers fit again, and a new one is added', async () => {
  const peppers = generatePeppers()
  await checkPeppers(database, peppers)
  await checkPeppers(database, peppers)
  await checkPeppers(database, addPepper(peppers))
  expect(await keptVersions()).toEqual([1, 2])
})

test('another pepper of a known version does not fit, whether keys need it or not, and nothing of it is kept', async () => {
  await checkPeppers(database, generatePeppers())
  const others = addPepper(generatePeppers())
  await expect(checkPeppers(database, others)).rejects.toThrow(PeppersDoNotFit)
  await expect(checkPeppers(database, others)).rejects.toThrow('of version 1. Put back')
  expect(await keptVersions()).toEqual([1])
})

test('a pepper may be left out once no accepted key needs it', async () => {
  const peppers = addPepper(generatePeppers())
  await checkPeppers(database, peppers)
  await database.query(`
    WITH tenant AS (INSERT INTO keys.tenant VALUES ('acme', 'acme', 1, now()) RETURNING id),
    connection AS (
      INSERT INTO keys.connection SELECT 'people', id, 'people', 'live', 'other', 'enabled', 1, now() FROM tenant RETURNING id)
    INSERT INTO keys.provisioning_key (connection, kid, tenant, environment, state, pepper_version, digest, created_at)
    SELECT id, 'abc', 'acme', 'live', 'active', 1, '', now() FROM connection`)
  const left = checkPeppers(database, without(peppers, 1))
  await expect(left).rejects.toThrow(PeppersDoNotFit)
  await expect(left).rejects.toThrow(
    /^Version 1 is not among the peppers, and accepted keys \(1: abc\) still need it\. Put back/,
  )
  await database.query("UPDATE keys.provisioning_key SET state = 'revoked', ended_at = now()")
  await checkPeppers(database, without(peppers, 1))
})

test('of two programs with different peppers that start at once on an empty database, one is refused', async () => {
  const outcomes = await Promise.allSettled([
    checkPeppers(database, generatePeppers()),
    checkPeppers(database, generatePeppers()),
  ])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('what is kept of a pepper is not the pepper', async () => {
  const peppers = generatePeppers()
  await checkPeppers(database, peppers)
  const [row] = await database.query<{ fingerprint: Buffer }>('SELECT fingerprint FROM keys.pepper')
  const pepper = Buffer.from(formatPeppers(peppers).split(':')[1] ?? '', 'base64')
  expect([row?.fingerprint.length, row?.fingerprint.equals(pepper)]).toEqual([32, false])
})

test('no file of peppers is made beside keys that were minted under those of one that is missing', async () => {
  await refuseNewPeppers(database, '/data/peppers')
  await checkPeppers(database, generatePeppers())
  const refused = refuseNewPeppers(database, '/data/peppers')
  await expect(refused).rejects.toThrow(PeppersDoNotFit)
  await expect(refused).rejects.toThrow(
    /^The file \/data\/peppers with the peppers is missing, .*Put it back from the backup/,
  )
  await database.query('DROP TABLE keys.pepper')
  await refuseNewPeppers(database, '/data/peppers')
})
