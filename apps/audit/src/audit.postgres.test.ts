import { type AnyEvent, makeEvent, newId, type RequestDecided } from '#libs/events/index'
import { admitted, type FollowerService, startFollowerService } from '#test/follower-service'
import { AUDIT, auditGroup, AuditModule, auditOperations, auditSchema, migrateAudit, readThresholds } from './index.ts'

const day = 24 * 60 * 60 * 1000
const keeping = { retention: 400 * day, clock: () => new Date() }

let audit: FollowerService
beforeAll(async () => {
  audit = await startFollowerService({
    module: (database, log) =>
      AuditModule.with({
        database,
        log,
        thresholds: readThresholds('{}'),
        raised: () => {},
        ...admitted(database, auditSchema),
        ...keeping,
        onFailure: () => {},
      }),
    prepare: (database) => migrateAudit(database, keeping),
    transportId: AUDIT,
    group: auditGroup,
    schema: auditSchema,
    operations: auditOperations,
  })
}, 60_000)
afterAll(() => audit.stop(), 60_000)

let tenants = 0
let tenant: string
beforeEach(() => {
  tenant = `tenant-${++tenants}`
})

function decision(facts: Partial<RequestDecided> = {}): RequestDecided {
  return {
    requestId: newId(),
    surface: 'scim',
    tenant,
    connection: 'payroll',
    environment: 'live',
    identityProvider: 'okta',
    kid: 'kid-1',
    method: 'POST',
    path: '/scim/v2/payroll/Users',
    operation: 'users.create',
    address: '192.0.2.7',
    userAgent: 'an IdP',
    steps: [{ step: 'key', decision: 'passed', microseconds: 12 }],
    outcome: 'accepted',
    status: 201,
    code: null,
    detail: null,
    subject: { kind: 'user', id: 'ada' },
    changed: [],
    events: [],
    deviations: [],
    receivedAt: new Date().toISOString(),
    microseconds: 900,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    ...facts,
  }
}

function decided(payload: RequestDecided): AnyEvent {
  const origin = {
    source: 'gateway',
    subject: payload.requestId,
    owner: payload.tenant ?? '',
    version: 1,
    time: new Date(),
  } as const
  return makeEvent('request.decided', origin, payload)
}

const ids = async (query: string): Promise<string[]> => {
  const { body } = await audit.get(`/audit/v1/records?${query}`)
  return body.items.map(({ id }: { id: string }) => id)
}

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

it('every decision becomes one record that holds all of it, also when it is told again', async () => {
  const accepted = decision({
    dialect: 'entra',
    deviations: [
      {
        code: 'operation-letter-case',
        pointer: '/Operations/0/op',
        cause: 'It is not in lower case.',
        fix: 'Send add.',
        quirk: 'entra-capital-operations',
        setting: 'Entra ID: append the flag',
      },
      // As records were before causes were told.
      { code: 'unknown-attribute', pointer: '/colour' },
    ],
  })
  const event = decided(accepted)
  await audit.tell(event, event)
  await audit.tell(event)
  const record = { id: accepted.requestId, ...accepted }
  expect(await audit.get(`/audit/v1/records/${accepted.requestId}`)).toEqual({ status: 200, body: record })
  expect((await audit.get(`/audit/v1/records?tenant=${tenant}&surface=scim`)).body).toEqual({ items: [record] })
})

it('a request with a key of another connection is found by either, in the order of all, and by none but the tenant of the key', async () => {
  const at = (minutes: number, facts: Partial<RequestDecided>) =>
    decision({ receivedAt: minutesAgo(minutes), ...facts })
  const [named, own] = [`named-${tenant}`, `own-${tenant}`]
  const path = `/scim/v2/${named}/Users`
  const misplaced = {
    connection: own,
    path,
    outcome: 'refused',
    status: 403,
    code: 'key-of-another-connection',
  } as const
  const [first, second, third] = [
    at(3, { connection: named, path }),
    at(2, misplaced),
    at(1, { connection: named, path }),
  ]
  const token = at(4, { ...misplaced, path: '/oauth2/token', client: named })
  const foreign = at(2, { ...misplaced, tenant: `other-of-${tenant}`, connection: 'foreign' })
  await audit.tell(...[first, second, third, token, foreign].map(decided))
  const expected = [third, second, first, token].map(({ requestId }) => requestId)
  expect(await ids(`tenant=${tenant}&connection=${named}`)).toEqual(expected)
  expect(await ids(`tenant=${tenant}&connection=${named}&outcome=refused`)).toEqual([second.requestId, token.requestId])
  expect(await ids(`connection=${own}`)).toEqual([second.requestId, token.requestId])
  const seen: string[] = []
  let after = ''
  do {
    const { body } = await audit.get(`/audit/v1/records?tenant=${tenant}&connection=${named}&limit=1${after}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    after = body.next === undefined ? '' : `&after=${encodeURIComponent(body.next)}`
  } while (after !== '')
  expect(seen).toEqual(expected)
})

it('a request of no known tenant is recorded too', async () => {
  const refused = decision({
    tenant: null,
    connection: null,
    kid: null,
    operation: null,
    outcome: 'refused',
    status: 401,
  })
  await audit.tell(decided(refused))
  expect(await ids('tenant=&outcome=refused')).toEqual([refused.requestId])
})

it('records are found by everything they can be searched by, newest first', async () => {
  const facts: Partial<RequestDecided>[] = [
    { receivedAt: minutesAgo(50), connection: 'a', kid: 'k1', operation: 'users.create' },
    {
      receivedAt: minutesAgo(40),
      connection: 'a',
      kid: 'k2',
      operation: 'users.delete',
      outcome: 'refused',
      status: 403,
    },
    {
      receivedAt: minutesAgo(30),
      connection: 'b',
      environment: 'sandbox',
      kid: 'k1',
      operation: 'users.create',
      outcome: 'failed',
      status: 500,
    },
    {
      receivedAt: minutesAgo(20),
      connection: 'b',
      environment: null,
      kid: 'k3',
      operation: 'keys.mint',
      surface: 'admin',
    },
    { receivedAt: minutesAgo(60), connection: 'c', kid: 'k4', within: newId() },
  ]
  const told = facts.map((each) =>
    decision({ ...each, connection: `${tenant}-${each.connection}`, kid: `${tenant}-${each.kid}` }),
  )
  await audit.tell(...told.map(decided))
  const all = told.map((each) => each.requestId)
  const expected = (...indexes: number[]) => indexes.map((index) => all[index])
  expect(await ids(`tenant=${tenant}`)).toEqual(expected(3, 2, 1, 0, 4))
  expect(await ids(`within=${told[4]?.within}`)).toEqual(expected(4))
  expect(await ids(`connection=${tenant}-a`)).toEqual(expected(1, 0))
  expect(await ids(`tenant=${tenant}&environment=sandbox`)).toEqual(expected(2))
  expect(await ids(`tenant=${tenant}&environment=live`)).toEqual(expected(1, 0, 4))
  expect(await ids(`kid=${tenant}-k1&environment=sandbox`)).toEqual(expected(2))
  expect(await ids(`kid=${tenant}-k1`)).toEqual(expected(2, 0))
  expect(await ids(`tenant=${tenant}&outcome=failed`)).toEqual(expected(2))
  expect(await ids(`tenant=${tenant}&operation=users.create`)).toEqual(expected(2, 0, 4))
  expect(await ids(`tenant=${tenant}&surface=admin`)).toEqual(expected(3))
  expect(await ids(`tenant=${tenant}&since=${minutesAgo(45)}&until=${minutesAgo(25)}`)).toEqual(expected(2, 1))
  expect(await ids(`tenant=${tenant}&since=${told[2]?.receivedAt}`)).toEqual(expected(3, 2))
  expect(await ids(`tenant=${tenant}&until=${told[2]?.receivedAt}`)).toEqual(expected(1, 0, 4))
  expect(await ids(`tenant=${tenant}&connection=${tenant}-a&kid=${tenant}-k1`)).toEqual(expected(0))
})

it('pages lose and repeat nothing, also among records of the same instant', async () => {
  const receivedAt = minutesAgo(1)
  const told = Array.from({ length: 25 }, () => decision({ receivedAt }))
  await audit.tell(...told.map(decided))
  const seen: string[] = []
  let query = `tenant=${tenant}&limit=10`
  for (let page = 0; page < 3; page++) {
    const { body } = await audit.get(`/audit/v1/records?${query}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    expect(body.next === undefined).toBe(page === 2)
    query = `tenant=${tenant}&limit=10&after=${body.next}`
  }
  expect(seen).toEqual(
    told
      .map((each) => each.requestId)
      .sort()
      .reverse(),
  )
})

it('a trail that joins late has room for everything within retention', async () => {
  const old = decision({ receivedAt: new Date(Date.now() - 399 * day).toISOString() })
  await audit.tell(decided(old))
  expect(await ids(`tenant=${tenant}`)).toEqual([old.requestId])
  expect(await audit.follower.deadLetters(10)).toEqual([])
})

it('months past retention are dropped, later ones kept', async () => {
  const old = decision({ receivedAt: new Date(Date.now() - 300 * day).toISOString() })
  const young = decision()
  await audit.tell(decided(old), decided(young))
  await migrateAudit(audit.database, { retention: 200 * day, clock: () => new Date() })
  expect(await ids(`tenant=${tenant}`)).toEqual([young.requestId])
  expect((await audit.get(`/audit/v1/records/${old.requestId}`)).status).toBe(404)
})

it('parameters that are unknown or cannot be read are problems that name them', async () => {
  for (const [query, name] of [
    ['outcome=maybe', 'outcome'],
    ['environment=both', 'environment'],
    ['since=yesterday', 'since'],
    ['limit=0', 'limit'],
    ['after=xyz', 'after'],
    ['kid=a&kid=b', 'kid'],
  ]) {
    const { status, body } = await audit.get(`/audit/v1/records?${query}`)
    expect({ status, code: body.code, named: JSON.stringify(body.errors).includes(String(name)) }).toEqual({
      status: 422,
      code: 'invalid',
      named: true,
    })
  }
  const unknown = await audit.get('/audit/v1/records?tennant=acme')
  expect([unknown.status, unknown.body.code]).toEqual([400, 'badRequest'])
  expect(unknown.body.detail).toMatch(/"tennant"\. Known are limit, after, tenant, /)
})

it('nothing is answered without the admin token', async () => {
  expect((await audit.get('/audit/v1/records', 'wrong')).status).toBe(401)
  expect((await audit.get(`/audit/v1/records/${newId()}`, 'wrong')).status).toBe(401)
})
