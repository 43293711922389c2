import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { aboutNothing } from '../admin-call.ts'
import { AnsweredTables, KeptAnswers, type Repeatable } from './kept-answers.ts'

let server: TestDatabase
let database: Database
let now: Date
const kept = new KeptAnswers('here')

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await database.query('CREATE SCHEMA here')
  await database.query(AnsweredTables.create('here'))
})
afterAll(async () => {
  await database.close()
  await server.drop()
})
beforeEach(() => {
  now = new Date('2026-03-01T00:00:00Z')
})

function call(key: string, more: Partial<Repeatable> = {}): Repeatable {
  const header = (name: string): string | undefined => (name === 'idempotency-key' ? key : undefined)
  const request = { header, method: 'POST', path: '/admin/v1/things', query: '', body: { a: 1, b: 2 } }
  return { ...request, actorId: 'bootstrap', about: aboutNothing, made: false, tag: undefined, ...more }
}

type Way = 'within' | 'around'

function run<Body extends string>(way: Way, asked: Repeatable, work: () => Promise<Body>, tenant = 'acme') {
  if (way === 'around') return kept.around(database, asked, tenant, () => now, work)
  return database.transaction((transaction) => kept.within(transaction, asked, tenant, now, work))
}

let count = 0
const counting = async (): Promise<string> => `answer ${++count}`

describe.each<Way>(['within', 'around'])('%s', (way) => {
  test('an answer is given again, with what it was about, that it made something, and its tag', async () => {
    const key = crypto.randomUUID()
    const first = call(key)
    const answer = await run(way, first, async () => {
      Object.assign(first, { about: { ...aboutNothing, tenant: 'acme' }, made: true, tag: '"1"' })
      return counting()
    })
    const second = call(key, { body: { b: 2, a: 1 } })
    expect(await run(way, second, counting)).toEqual({ body: answer.body, repeated: true })
    expect([answer.repeated, second.about.tenant, second.made, second.tag]).toEqual([false, 'acme', true, '"1"'])
  })

  test.each<[string, Partial<Repeatable>]>([
    ['body', { body: {} }],
    ['method', { method: 'PUT' }],
    ['address', { path: '/admin/v1/others' }],
    ['query', { query: 'a=1' }],
    ['token', { actorId: 'another' }],
  ])('another %s under the same key is refused', async (_, other) => {
    const key = crypto.randomUUID()
    await run(way, call(key), counting)
    await expect(run(way, call(key, other), counting)).rejects.toMatchObject({ code: 'idempotencyKeyReused' })
  })

  test('a key of another tenant is another key, and so is none at all', async () => {
    const key = crypto.randomUUID()
    const { body } = await run(way, call(key), counting)
    expect((await run(way, call(key), counting, 'globex')).body).not.toBe(body)
    const none = call(key, { header: () => undefined })
    expect((await run(way, none, counting)).repeated).toBe(false)
  })

  test('work that fails keeps nothing', async () => {
    const key = crypto.randomUUID()
    const failing = (): Promise<string> => Promise.reject(new Error('no'))
    await expect(run(way, call(key), failing)).rejects.toThrow('no')
    expect((await run(way, call(key, { body: 'corrected' }), counting)).repeated).toBe(false)
  })

  test('while the work goes on, the key is in use', async () => {
    const key = crypto.randomUUID()
    const { promise, resolve } = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const first = run(way, call(key), () => {
      begun.resolve()
      return promise
    })
    await begun.promise
    await expect(run(way, call(key), counting)).rejects.toMatchObject({ code: 'idempotencyKeyInUse' })
    resolve('done')
    expect([await first, await run(way, call(key), counting)]).toMatchObject([{ body: 'done' }, { body: 'done' }])
  })

  test('after a day the key is free', async () => {
    const key = crypto.randomUUID()
    await run(way, call(key), counting)
    now = new Date(now.getTime() + 24 * 60 * 60 * 1000 + 1)
    expect((await run(way, call(key), counting)).repeated).toBe(false)
  })
})

test('work around which the process ended may be done again after a minute', async () => {
  const key = crypto.randomUUID()
  const begun = Promise.withResolvers<void>()
  void run('around', call(key), () => {
    begun.resolve()
    return new Promise<string>(() => undefined)
  })
  await begun.promise
  now = new Date(now.getTime() + 59_000)
  await expect(run('around', call(key), counting)).rejects.toMatchObject({ code: 'idempotencyKeyInUse' })
  await expect(run('within', call(key), counting)).rejects.toMatchObject({ code: 'idempotencyKeyInUse' })
  now = new Date(now.getTime() + 2_000)
  expect((await run('around', call(key), counting)).repeated).toBe(false)
})
