import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { LeasedNonces } from './leased-nonces.ts'

let server: TestDatabase
let databases: Database[]

beforeEach(async () => {
  server = await testDatabase()
  databases = [opened(), opened()]
  await migrateGateway(of(0))
})
afterEach(async () => {
  await Promise.all(databases.map((database) => database.close()))
  await server.drop()
})

function opened(): Database {
  return new Database({ url: server.url, applicationName: 'test', connections: 2 })
}

function of(nth: number): Database {
  const database = databases[nth]
  if (database === undefined) throw new Error('there is no such process')
  return database
}

interface Opened {
  readonly nonces: LeasedNonces
  readonly told: boolean[]
}

async function open(nth: number): Promise<Opened> {
  const told: boolean[] = []
  const nonces = await LeasedNonces.open({
    database: of(nth),
    clock: () => new Date(),
    limit: 1_000,
    // A database that is away is what some of these tests are about.
    onFailure: () => undefined,
    heldElsewhere: (isSo) => void told.push(isSo),
    times: { lease: 1_000, every: 100 },
  })
  return { nonces, told }
}

const take = ({ nonces }: Opened, nonce: string, ahead = 0): Promise<boolean | undefined> =>
  nonces.take({ signer: 'k1', nonce, created: new Date(Date.now() + ahead) }, 360_000)

async function taken(by: Opened, began = Date.now()): Promise<boolean> {
  for (;;) {
    const answer = await take(by, crypto.randomUUID())
    if (answer !== undefined) return answer
    if (Date.now() - began > 15_000) throw new Error('it never took them')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('of two processes over one database one alone takes nonces, and the other knows of none', async () => {
  const one = await open(0)
  const other = await open(1)
  expect(await taken(one)).toBe(true)
  const signed = { signer: 'k1', nonce: 'n1', created: new Date() }
  expect(await one.nonces.take(signed, 360_000)).toBe(true)
  expect(await one.nonces.take(signed, 360_000)).toBe(false)
  expect(await other.nonces.take(signed, 360_000)).toBeUndefined()
  // Longer than the lease is.
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect([await take(one, 'n2'), await take(other, 'n3')]).toEqual([true, undefined])
  expect([one.told, other.told]).toEqual([[], [true]])
  await Promise.all([one.nonces.close(), other.nonces.close()])
})

test('the other takes over when the first has ended, and takes nothing that the first may have taken', async () => {
  const one = await open(0)
  const other = await open(1)
  expect(await taken(one)).toBe(true)
  const now = { signer: 'k1', nonce: 'n1', created: new Date() }
  const early = { signer: 'k1', nonce: 'n2', created: new Date(Date.now() + 240_000) }
  for (const signed of [now, early]) expect(await one.nonces.take(signed, 960_000)).toBe(true)
  await one.nonces.close()
  expect(await one.nonces.take({ ...now, nonce: 'n3' }, 360_000)).toBeUndefined()
  expect(await taken(other)).toBe(true)
  for (const signed of [now, early]) expect(await other.nonces.take(signed, 960_000)).toBeUndefined()
  expect(await take(other, 'n4', 300_000)).toBe(true)
  expect(other.told).toEqual([true, false])
  await other.nonces.close()
})

test('who cannot take the lease again takes none once it has lapsed, before the other does', async () => {
  const one = await open(0)
  const other = await open(1)
  expect(await taken(one)).toBe(true)
  // Cut off from Postgres: it is not released.
  await of(0).close()
  databases[0] = opened()
  const began = Date.now()
  let last = began
  while (Date.now() - began < 1_500) {
    if ((await take(one, crypto.randomUUID())) === true) last = Date.now()
    else expect(Date.now() - began).toBeGreaterThan(500)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(last - began).toBeLessThan(1_100)
  expect(await taken(other)).toBe(true)
  expect(await take(one, 'n1')).toBeUndefined()
  await one.nonces.close()
  await other.nonces.close()
})
