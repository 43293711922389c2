import { addPepper, formatPeppers, generatePeppers, type Peppers } from '#libs/credentials/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateKeys } from './migrations.ts'
import { checkPeppers, keptPeppers, pepperNeeds, PeppersDoNotFit, refuseNewPeppers } from './peppers.ts'

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

/** Accepted keys with these ids, under version 1. */
async function insertKeys(kids: readonly string[]): Promise<void> {
  await database.query(
    `WITH tenant AS (INSERT INTO keys.tenant VALUES ('acme', 'acme', 1, now()) RETURNING id),
     connection AS (
       INSERT INTO keys.connection SELECT 'people', id, 'people', 'live', 'other', 'enabled', 1, now() FROM tenant RETURNING id)
     INSERT INTO keys.provisioning_key (connection, kid, tenant, environment, state, pepper_version, digest, created_at)
     SELECT id, kid, 'acme', 'live', 'active', 1, '', now() FROM connection, unnest($1::text[]) AS kid`,
    [kids],
  )
}

test('a pepper may be left out once no accepted key needs it', async () => {
  const peppers = addPepper(generatePeppers())
  await checkPeppers(database, peppers)
  await insertKeys(['abc'])
  const left = checkPeppers(database, without(peppers, 1))
  await expect(left).rejects.toThrow(PeppersDoNotFit)
  await expect(left).rejects.toThrow(
    /^Version 1 is not among the peppers, and accepted keys \(1: abc\) still need it\. Put back/,
  )
  await database.query("UPDATE keys.provisioning_key SET state = 'revoked', ended_at = now()")
  await checkPeppers(database, without(peppers, 1))
})

test('of the keys that need a pepper all are counted and the first 20 by id are named, and for these no other is read', async () => {
  await checkPeppers(database, addPepper(generatePeppers()))
  const kids = Array.from({ length: 3_000 }, (_, index) => `kid${String(index).padStart(9, '0')}`)
  await insertKeys(kids.toReversed())
  expect(await pepperNeeds(database)).toMatchObject([
    { version: 1, keys: 3_000, kids: kids.slice(0, 20) },
    { version: 2, keys: 0, kids: [] },
  ])
  await database.query('VACUUM ANALYZE keys.provisioning_key')
  const [explained] = await database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${keptPeppers}`,
  )
  const nodes = explained?.['QUERY PLAN'].flatMap(({ Plan }) => within(Plan)) ?? []
  const naming = nodes.filter((node) => node['Node Type'] === 'Limit').flatMap((node) => within(node))
  expect(naming.length).toBeGreaterThan(1)
  const read = naming.map((node) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0))
  expect(Math.max(...read)).toBeLessThanOrEqual(20)
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}

function within(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(within)]
}

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
