import { AppendQueue } from '#libs/eventlog/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database } from '#libs/postgres/index'
import { errors } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { entranceOver, passageOf, type Entrance } from '#test/way-in'
import { accepted, type Answer } from './answer.ts'
import { recordUnread } from './unread.ts'
import { conclude } from './conclude.ts'
import { FirstUses } from './first-uses.ts'
import { migrateGateway } from './index.ts'
import { exchange } from './token.ts'
import { admit, type Passage } from './way-in.ts'

let server: TestDatabase
let database: Database
let log: PostgresEventLog
let decisions: AppendQueue

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
  const onFailure = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  decisions = new AppendQueue({ log, database, capacity: 1_000, onFailure })
})

afterAll(async () => {
  await decisions.drained()
  await log.close()
  await database.close()
  await server.drop()
})

const unproved = 20

async function given() {
  const limits = { perKey: 1_000_000, perConnection: 1_000_000, unproved, lookUps: 1_000_000, refusals: 1_000_000 }
  const place = await entranceOver(database, { limits, now: () => 0 })
  let records = 0
  const parts = {
    ...place.parts,
    decisions,
    firstUses: new FirstUses(decisions),
    answered: ({ alike }: Passage) => {
      if (alike !== 'left out') records++
      return () => undefined
    },
  }
  return { place, parts, records: () => records }
}

const flood = 200
/** Up to what a network may try each leaves one, and then one in the second that passes. */
const mostRecords = unproved + 1

type Bent = (passage: Passage) => Passage
const bent = (arrival: (sent: Passage['arrival']) => Partial<Passage['arrival']>): Bent => {
  return (passage) => ({ ...passage, arrival: { ...passage.arrival, ...arrival(passage.arrival) } })
}
const refusedBeforeRate: Readonly<Record<string, readonly [Bent, code: string]>> = {
  'with two Authorization headers': [bent(() => ({ breach: 'authorization-repeated' })), 'authorization-repeated'],
  'with a length beyond the limit': [
    bent(({ headers }) => ({ headers: { ...headers, 'content-length': '1000000' } })),
    'payload-too-large',
  ],
  'over plain HTTP': [bent(({ caller }) => ({ caller: { ...caller, link: 'clear' } })), 'plain-http'],
  'of which a proxy does not tell whose they are': [
    bent(({ caller }) => ({ caller: { ...caller, address: undefined } })),
    'address-unreadable',
  ],
  'of a caller that has hung up': [
    bent(({ caller }) => ({ caller: { ...caller, text: '', address: undefined } })),
    'address-unreadable',
  ],
}

async function answered(
  { place, parts }: { readonly place: Entrance; readonly parts: Parameters<typeof exchange>[1] },
  bend: Bent,
): Promise<string | null> {
  const passage = bend(passageOf({ connection: place.connection }))
  const answer = await conclude(
    passage,
    async () => {
      await admit(passage, parts)
      throw errors.internal()
    },
    parts,
  )
  return answer.outcome.code
}

test.each(Object.entries(refusedBeforeRate))(
  'a flood of requests %s is answered as what it is, and leaves few records',
  async (_what, [bend, code]) => {
    const { place, parts, records } = await given()
    for (let time = 0; time < flood; time++) expect(await answered({ place, parts }, bend)).toBe(code)
    expect(records()).toBeGreaterThan(0)
    expect(records()).toBeLessThanOrEqual(mostRecords)
  },
)

test('a flood of requests that HTTP itself refused leaves few records', async () => {
  const { place, parts, records } = await given()
  for (let time = 0; time < flood; time++) {
    const passage = passageOf({ connection: place.connection })
    await recordUnread(passage, { status: 400, detail: 'It breaks the rules. Keep to them.' }, parts)
    expect(passage.steps).toMatchObject([{ step: 'shape', decision: 'refused', code: 'unreadable-request' }])
  }
  expect(records()).toBeGreaterThan(0)
  expect(records()).toBeLessThanOrEqual(mostRecords)
})

test('a flood of requests for a token that are none leaves few records', async () => {
  for (const bend of [
    bent(({ headers }) => ({ headers: { ...headers, 'content-type': 'text/plain' } })),
    refusedBeforeRate['over plain HTTP']?.[0],
  ]) {
    const { place, parts, records } = await given()
    for (let time = 0; time < flood; time++) {
      const { arrival } = bend?.(passageOf({ connection: place.connection, method: 'POST' })) ?? {}
      if (arrival === undefined) throw new Error('there is one')
      expect((await exchange(arrival, parts)).status).toBeGreaterThanOrEqual(400)
    }
    expect(records()).toBeGreaterThan(0)
    expect(records()).toBeLessThanOrEqual(mostRecords)
  }
})

test('the first use of a key is stored by the end of an answer that is sent as it is read', async () => {
  const { place, parts } = await given()
  for (let time = 0; time < 10; time++) {
    const key = await place.mint()
    const requestId = `streamed-${time}`
    const sent = passageOf({ connection: place.connection, key })
    const passage = { ...sent, arrival: { ...sent.arrival, requestId } }
    const text = async function* () {
      yield* ['{', '}']
    }
    const work = async (): Promise<Answer> => {
      await admit(passage, parts)
      return {
        status: 200,
        headers: {},
        outcome: accepted(200),
        body: { pieces: text(), close: async () => undefined },
      }
    }
    const { body } = await conclude(passage, work, parts)
    if (typeof body !== 'object') throw new Error('it was to be sent as it is read')
    for await (const _ of body.pieces);
    expect(await database.query('SELECT name FROM event_log.event WHERE subject = $1', [requestId])).toEqual([
      { name: 'request.decided' },
    ])
    await body.close()
  }
})

test('the first use of a key is stored by the time that it is answered, be it refused for another reason', async () => {
  const { place, parts } = await given()
  for (let time = 0; time < 10; time++) {
    const key = await place.mint()
    const requestId = `first-${time}`
    const sent = passageOf({ connection: place.connection, key })
    const passage = { ...sent, arrival: { ...sent.arrival, requestId } }
    const work = async (): Promise<never> => {
      await admit(passage, parts)
      throw errors.notFound('User', 'ada')
    }
    expect((await conclude(passage, work, parts)).outcome.status).toBe(404)
    expect(await database.query('SELECT name FROM event_log.event WHERE subject = $1', [requestId])).toEqual([
      { name: 'request.decided' },
    ])
  }
})
