import type { AnyEvent } from '#libs/events/index'
import { Database, type Transaction } from '#libs/postgres/index'
import { waitsForALock } from '#test/servers/locks'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { aboutNothing, type AdminCall } from './admin-call.ts'
import { AdminWrites, type Written } from './admin-writes.ts'
import { AnsweredTables } from './store/kept-answers.ts'

let server: TestDatabase
let database: Database
let committed: number

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 6 })
  await database.query('CREATE SCHEMA here')
  await database.query(AnsweredTables.create('here'))
  await database.query('CREATE TABLE here.thing (id text PRIMARY KEY, changes integer NOT NULL DEFAULT 0)')
  await database.query('CREATE TABLE here.told (event text NOT NULL)')
  await database.query(`INSERT INTO here.thing (id) VALUES ('a'), ('b')`)
})
afterAll(async () => {
  await database.close()
  await server.drop()
})
beforeEach(async () => {
  committed = 0
  await database.query('UPDATE here.thing SET changes = 0')
  await database.query('DELETE FROM here.told')
})

const record = { id: 'the record' } as AnyEvent
const event = { id: 'the event' } as AnyEvent

function call(): AdminCall {
  const key = crypto.randomUUID()
  const header = (name: string): string | undefined => (name === 'idempotency-key' ? key : undefined)
  const request = { header, method: 'PUT', path: '/admin/v1/things/a', query: '', body: {} }
  const state = { about: aboutNothing, made: false, tag: undefined, recorded: false, status: 200 }
  return { ...request, actorId: 'bootstrap', ...state, decided: () => record } as unknown as AdminCall
}

const writes = (): AdminWrites<Transaction> =>
  new AdminWrites<Transaction>({
    open: (work) => database.transaction((transaction) => work(transaction, transaction)),
    schema: 'here',
    log: {
      append: (transaction, events) =>
        events.forEach(({ id }) => transaction.send('INSERT INTO here.told (event) VALUES ($1)', [id])),
    },
    clock: () => new Date(),
    committed: () => void committed++,
  })

const change = (transaction: Transaction, id: string): Promise<object[]> =>
  transaction.query('UPDATE here.thing SET changes = changes + 1 WHERE id = $1', [id])
const kept = async () => ({
  changes: await database.query('SELECT id, changes FROM here.thing ORDER BY id'),
  told: (await database.query<{ event: string }>('SELECT event FROM here.told ORDER BY event')).map((row) => row.event),
})

test('a write that a deadlock ended is begun anew, and takes effect once', async () => {
  const held = Promise.withResolvers<void>()
  // This one looks for a deadlock so late that the other finds it, and is ended for it.
  const other = database.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL deadlock_timeout = '60s'`)
    await change(transaction, 'b')
    held.resolve()
    await waitsForALock(database)
    await change(transaction, 'a')
  })
  await held.promise
  const asked = call()
  let runs = 0
  const work = async (transaction: Transaction): Promise<Written<string>> => {
    runs++
    await change(transaction, 'a')
    // By then another has made it.
    if (runs === 1) asked.made = true
    await change(transaction, 'b')
    return { about: {}, events: [event], body: `run ${runs}` }
  }
  expect(await writes().run(asked, 'acme', work)).toEqual({ body: 'run 2', repeated: false })
  await other
  expect([runs, committed, asked.made, asked.recorded]).toEqual([2, 1, false, true])
  expect(await kept()).toEqual({
    changes: ['a', 'b'].map((id) => ({ id, changes: 2 })),
    told: ['the event', 'the record'],
  })
  expect(await writes().run(asked, 'acme', work)).toEqual({ body: 'run 2', repeated: true })
  expect(runs).toBe(2)
})

test('a write that is in the way of others again and again is answered 503, and has changed nothing', async () => {
  const release = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const other = database.transaction(async (transaction) => {
    await transaction.query(`SELECT FROM here.thing WHERE id = 'b' FOR UPDATE`)
    held.resolve()
    await release.promise
  })
  await held.promise
  let runs = 0
  const writing = writes().run(call(), 'acme', async (transaction) => {
    runs++
    await change(transaction, 'a')
    await transaction.query(`SELECT FROM here.thing WHERE id = 'b' FOR UPDATE NOWAIT`)
    return { about: {}, events: [event], body: '' }
  })
  await expect(writing).rejects.toMatchObject({ code: 'unavailable', status: 503 })
  release.resolve()
  await other
  expect([runs, committed]).toEqual([5, 0])
  expect(await kept()).toMatchObject({ changes: [{ changes: 0 }, { changes: 0 }], told: [] })
})
