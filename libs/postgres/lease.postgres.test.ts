import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { Database } from './database.ts'
import { Lease, LeaseTables } from './lease.ts'

const milliseconds = 60_000

let server: TestDatabase
let database: Database

beforeEach(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 2 })
  await database.query(`CREATE SCHEMA own; ${LeaseTables.create('own')}`)
})
afterEach(async () => {
  await database.close()
  await server.drop()
})

const leaseOf = (through = database): Lease => new Lease(through, 'own', 'work', milliseconds)

/** As though the clock of Postgres were set forward by an hour. */
const lapse = () => database.query(`UPDATE own.lease SET until = now() - interval '1 hour'`)

test('is taken by one alone, which holds it for longer, until it lets go', async () => {
  const [one, other] = [leaseOf(), leaseOf()]
  expect(await one.take()).toEqual({ from: 'nobody', aloneFrom: -Infinity })
  expect([await other.take(), await other.isHeld(database)]).toEqual([undefined, false])
  expect(await one.take()).toEqual({ from: 'itself', aloneFrom: -Infinity })
  expect(await one.isHeld(database)).toBe(true)
  const now = new Date()
  await other.release(now)
  expect(await one.isHeld(database)).toBe(true)
  await one.release(now)
  expect(await one.isHeld(database)).toBe(false)
  expect(await other.take()).toEqual({ from: { letGoAt: now }, aloneFrom: -Infinity })
})

test('who takes it from one that did not let go is alone only after the length of the lease, however often it is asked', async () => {
  const [one, other] = [leaseOf(), leaseOf()]
  await one.take()
  const asked = performance.now()
  await lapse()
  const taken = await other.take()
  expect(taken?.from).toBe('another')
  expect(taken?.aloneFrom).toBeGreaterThanOrEqual(asked + milliseconds)
  expect(await other.take()).toEqual({ from: 'itself', aloneFrom: taken?.aloneFrom })
})

test('who lets go while one before may go by it leaves that to be waited for', async () => {
  const [one, two, three] = [leaseOf(), leaseOf(), leaseOf()]
  await one.take()
  await lapse()
  await two.take()
  const asked = performance.now()
  await two.release(new Date())
  expect(await three.take()).toBeUndefined()
  await lapse()
  const taken = await three.take()
  expect(taken?.from).toBe('another')
  expect(taken?.aloneFrom).toBeGreaterThanOrEqual(asked + milliseconds)
})

test('whose taking was never answered does not hold it, and says that another had it', async () => {
  let isLost = false
  class Losing extends Database {
    override async query<Row extends object>(statement: string, values?: unknown[]): Promise<Row[]> {
      const rows = await super.query<Row>(statement, values)
      if (isLost) throw new Error('the connection broke before the answer')
      return rows
    }
  }
  const losing = new Losing({ url: server.url, applicationName: 'test', connections: 1 })
  const [one, other] = [leaseOf(), leaseOf(losing)]
  await one.take()
  expect(await other.take()).toBeUndefined()
  await lapse()
  isLost = true
  await expect(other.take()).rejects.toThrow('broke')
  isLost = false
  expect([await one.take(), await other.isHeld(database), await other.take()]).toEqual([undefined, false, undefined])
  await lapse()
  expect(await other.take()).toMatchObject({ from: 'another' })
  await losing.close()
})

test('who was not heard of while another had it learns that, also where that other is gone', async () => {
  const [one, other] = [leaseOf(), leaseOf()]
  await one.take()
  await lapse()
  await other.take()
  await lapse()
  expect(await one.take()).toMatchObject({ from: 'another' })
})
