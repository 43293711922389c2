import { setTimeout as pause } from 'node:timers/promises'
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

/** `clockAhead` and `times` in milliseconds. */
async function open(
  nth: number,
  { clockAhead = (): number => 0, times = { lease: 1_000, every: 100 } } = {},
): Promise<Opened> {
  const told: boolean[] = []
  const nonces = await LeasedNonces.open({
    database: of(nth),
    clock: () => new Date(Date.now() + clockAhead()),
    limit: 1_000,
    // A database that is away is what some of these tests are about.
    onFailure: () => undefined,
    heldElsewhere: (isSo) => void told.push(isSo),
    times,
  })
  return { nonces, told }
}

const take = ({ nonces }: Opened, nonce: string, ahead = 0): Promise<boolean | undefined> =>
  nonces.take({ signer: 'k1', nonce, created: new Date(Date.now() + ahead) }, 360_000)

async function taken(by: Opened, ahead = 0): Promise<boolean> {
  const began = Date.now()
  for (;;) {
    const answer = await take(by, crypto.randomUUID(), ahead)
    if (answer !== undefined) return answer
    if (Date.now() - began > 15_000) throw new Error('it never took them')
    await pause(20)
  }
}

/** As though the clock of Postgres were set forward by an hour. */
async function lapse(): Promise<void> {
  const statement = `UPDATE gateway.lease SET until = now() - interval '1 hour' WHERE name = 'nonces'`
  await of(1).query(statement)
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const began = Date.now()
  while (!(await holds())) {
    if (Date.now() - began > 15_000) throw new Error(`it never came to pass: ${what}`)
    await pause(10)
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
  await pause(1_500)
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

test('who opens just after another has ended takes nothing that one may have taken whose clock is ahead', async () => {
  const ahead = 1_900
  const one = await open(0, { clockAhead: () => ahead })
  expect(await taken(one, ahead)).toBe(true)
  const signed = { signer: 'k1', nonce: 'n1', created: new Date(Date.now() + ahead) }
  expect(await one.nonces.take(signed, 360_000)).toBe(true)
  await one.nonces.close()
  const other = await open(1)
  expect(await other.nonces.take(signed, 360_000)).toBeUndefined()
  await other.nonces.close()
})

test('who follows nobody, or one that ended longer ago than clocks differ, leaves nothing to it', async () => {
  const first = await open(0)
  // Of another key: what one may have created ahead is kept.
  const signed = { signer: 'k2', nonce: 'n1', created: new Date(Date.now() + 1_900) }
  expect(await first.nonces.take(signed, 360_000)).toBe(true)
  await first.nonces.close()
  await pause(2_000)
  const next = await open(1)
  expect(await take(next, 'n2', 1_900)).toBe(true)
  await next.nonces.close()
})

test('who cannot take the lease again takes none once it has lapsed, before the other does', async () => {
  const one = await open(0)
  const other = await open(1)
  expect(await taken(one)).toBe(true)
  // Cut off from Postgres: it is not released.
  await of(0).close()
  databases[0] = opened()
  const takings: ('one' | 'other')[] = []
  const ask = async (): Promise<void> => {
    if ((await take(one, crypto.randomUUID())) === true) takings.push('one')
    // Later than what it leaves to the one before it: it takes that from its first moment on.
    if ((await take(other, crypto.randomUUID(), 60_000)) === true) takings.push('other')
    await pause(10)
  }
  while (!takings.includes('other')) await ask()
  for (let turn = 0; turn < 20; turn++) await ask()
  expect(takings.lastIndexOf('one')).toBeLessThan(takings.indexOf('other'))
  await one.nonces.close()
  await other.nonces.close()
})

test('who is told that another has the lease takes none from then on', async () => {
  const one = await open(0, { times: { lease: 60_000, every: 100 } })
  const other = await open(1, { times: { lease: 60_000, every: 10 } })
  expect(await taken(one)).toBe(true)
  await until('the other has the lease', async () => {
    await lapse()
    await pause(50)
    return one.told.includes(true)
  })
  expect(await take(one, 'n1')).toBeUndefined()
  await one.nonces.close()
  await other.nonces.close()
})

test('where the clock of Postgres was set forward, who follows takes none as long as the one before it may', async () => {
  const one = await open(0, { times: { lease: 4_000, every: 100 } })
  const other = await open(1, { times: { lease: 4_000, every: 10 } })
  const holder = async () => (await of(1).query<{ holder: string }>('SELECT holder FROM gateway.lease'))[0]?.holder
  expect(await taken(one)).toBe(true)
  // So that it does not hear of it.
  await of(0).close()
  databases[0] = opened()
  const before = await holder()
  await lapse()
  await until('the other has the lease', async () => (await holder()) !== before)
  const takings: ('one' | 'other')[] = []
  await until('the other takes some', async () => {
    const signed = { signer: 'k1', nonce: crypto.randomUUID(), created: new Date(Date.now() + 60_000) }
    if ((await take(one, crypto.randomUUID())) === true) takings.push('one')
    if ((await other.nonces.take(signed, 960_000)) === true) takings.push('other')
    return takings.includes('other')
  })
  for (let turn = 0; turn < 20; turn++) expect(await take(one, crypto.randomUUID())).toBeUndefined()
  expect(takings.lastIndexOf('one')).toBeLessThan(takings.indexOf('other'))
  expect(await taken(other)).toBe(true)
  await one.nonces.close()
  await other.nonces.close()
})

test('who closes before it may take any leaves the wait to whoever follows', async () => {
  const times = { lease: 4_000, every: 50 }
  const one = await open(0, { times })
  expect(await taken(one)).toBe(true)
  // So that it does not hear of it.
  await of(0).close()
  databases[0] = opened()
  await lapse()
  const two = await open(1, { times })
  expect(await take(two, 'n1', 60_000)).toBeUndefined()
  await two.nonces.close()
  await lapse()
  const three = await open(0, { times })
  const takings: ('one' | 'three')[] = []
  await until('the third takes some', async () => {
    const signed = { signer: 'k1', nonce: crypto.randomUUID(), created: new Date(Date.now() + 60_000) }
    if ((await take(one, crypto.randomUUID())) === true) takings.push('one')
    if ((await three.nonces.take(signed, 960_000)) === true) takings.push('three')
    return takings.includes('three')
  })
  for (let turn = 0; turn < 20; turn++) expect(await take(one, crypto.randomUUID())).toBeUndefined()
  expect(takings.lastIndexOf('one')).toBeLessThan(takings.indexOf('three'))
  await one.nonces.close()
  await three.nonces.close()
})

test('who finds that another took the lease and let go of it meanwhile no longer knows what was signed before', async () => {
  const one = await open(0)
  expect(await taken(one)).toBe(true)
  const signed = { signer: 'k1', nonce: 'n1', created: new Date() }
  expect(await one.nonces.take(signed, 360_000)).toBe(true)
  await of(1).query(
    `UPDATE gateway.lease SET holder = '00000000-0000-0000-0000-000000000000', until = now() - interval '1 hour' WHERE name = 'nonces'`,
  )
  await until('it knows nothing of it', async () => (await one.nonces.take(signed, 360_000)) === undefined)
  expect(await taken(one)).toBe(true)
  await one.nonces.close()
})

test('one that let go of the lease leaves nothing to wait for, also where the clock of Postgres was set back', async () => {
  const one = await open(0)
  expect(await taken(one)).toBe(true)
  await one.nonces.close()
  await of(1).query(`UPDATE gateway.lease SET until = until + interval '1 second' WHERE name = 'nonces'`)
  const other = await open(1)
  expect(await take(other, 'n1', 60_000)).toBe(true)
  expect(other.told).toEqual([])
  await other.nonces.close()
})

test('who slept for longer than the lease takes none before it has the lease again', async () => {
  let slept = 0
  const times = { lease: 60_000, every: 60_000 }
  const one = await open(0, { clockAhead: () => slept, times })
  expect(await taken(one)).toBe(true)
  slept = times.lease
  expect(await take(one, 'n1', slept)).toBeUndefined()
  await one.nonces.close()
})

test('who slept, and its clocks with it, does not take what the one that followed took since', async () => {
  const one = await open(0, { times: { lease: 60_000, every: 60_000 } })
  expect(await taken(one)).toBe(true)
  await lapse()
  const other = await open(1)
  expect(await taken(other)).toBe(true)
  // Later than the clock of the one that slept.
  const signed = { signer: 'k1', nonce: 'n1', created: new Date(Date.now() + 60_000) }
  expect(await other.nonces.take(signed, 960_000)).toBe(true)
  expect(await one.nonces.take(signed, 960_000)).toBeUndefined()
  await one.nonces.close()
  await other.nonces.close()
})
