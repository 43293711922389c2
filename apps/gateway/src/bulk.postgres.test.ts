import fc from 'fast-check'
import { memoryLimiter } from '#libs/rates/index'
import { mintKey } from '#libs/credentials/index'
import { type AnyEvent, defaultPolicy, defaultSettings, type KeyPolicy, makeEvent, newId } from '#libs/events/index'
import { AppendQueue } from '#libs/eventlog/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database } from '#libs/postgres/index'
import { Diagnosis, bulkRequestSchema, parseJson, resourceTypes } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import type { Answer } from './answer.ts'
import { bulk, type BulkParts } from './bulk.ts'
import { findEndpoint } from './endpoints.ts'
import { migrateGateway } from './index.ts'
import type { KnownKey, Principal } from './principal.ts'
import { Rates } from './rates.ts'
import { KnownTrust } from './store/known-trust.ts'
import { Records } from './store/records.ts'
import { Writer } from './store/writer.ts'
import type { Admitted } from './way-in.ts'

let server: TestDatabase
const databases: Database[] = []
let log: PostgresEventLog
/** Two gateways over one database. */
let gateways: BulkParts[]

const onFailure = (error: unknown): void => {
  throw error
}

beforeAll(async () => {
  server = await testDatabase()
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  for (const name of ['one', 'two']) {
    databases.push(new Database({ url: server.url, applicationName: name, connections: 6 }))
  }
  for (const database of databases.slice(0, 1)) await migrateGateway(database)
  gateways = databases.map((database) => ({
    records: new Records({ database, listTimeout: 2_000 }),
    bodyLimits: { each: 1_048_576, bulk: 1_048_576 },
    writer: new Writer({ database, log, onFailure }),
    decisions: new AppendQueue({ log, database, capacity: 100_000, onFailure }),
    firstUses: { mayBeFirst: () => false, stored: async () => undefined },
    trust: new KnownTrust(database, () => undefined),
    currency: { ofMinted: true, look: () => true },
    clock: () => new Date(),
    baseUrl: (connection) => `https://example.com/scim/v2/${connection}`,
    rates: new Rates({
      shared: memoryLimiter(),
      own: memoryLimiter(),
      trust: { hasHeardOf: () => false },
      limits: { perKey: 1, perConnection: 1, unproved: 1, lookUps: 1, refusals: 1 },
    }),
    answered: () => () => undefined,
    failed: onFailure,
  }))
})

afterAll(async () => {
  for (const { decisions } of gateways) await decisions.drained()
  await log.close()
  for (const database of databases) await database.close()
  await server.drop()
})

/** Both gateways know of it from then on. */
async function apply(event: AnyEvent): Promise<void> {
  for (const [index, database] of databases.entries()) {
    const { trust } = gateways[index] ?? {}
    if (trust instanceof KnownTrust) await database.transaction((transaction) => trust.apply(transaction, [event]))
  }
}

let connections = 0

async function newConnection(): Promise<Principal> {
  const scope = { tenant: 'acme', connection: `c${++connections}`, environment: 'live' } as const
  const origin = { source: 'keys', owner: 'acme', subject: scope.connection, version: 1, time: new Date() } as const
  const facts = {
    ...scope,
    name: 'x',
    identityProvider: 'other',
    state: 'enabled',
    settings: defaultSettings,
    schemas: [] as never[],
  } as const
  const created: AnyEvent = makeEvent('connection.created', origin, facts)
  await apply(created)
  return { ...scope, identityProvider: 'other', enabled: true, settings: defaultSettings, types: resourceTypes }
}

interface Result {
  readonly status: string
  readonly version?: string
  readonly location?: string
  readonly response?: { readonly detail: string }
}

async function run(
  principal: Principal,
  Operations: readonly object[],
  {
    gateway = 0,
    failOnErrors,
    key,
    thumbprint,
  }: { gateway?: number; failOnErrors?: number; key?: KnownKey; thumbprint?: string } = {},
): Promise<Result[]> {
  const parts = gateways[gateway]
  if (parts === undefined) throw new Error('there is no such gateway')
  const now = new Date()
  const request: Admitted = {
    arrival: {
      requestId: newId(now.getTime()),
      method: 'POST',
      connectionId: principal.connection,
      path: '/Bulk',
      query: new URLSearchParams(),
      headers: {},
      breach: undefined,
      caller: {
        text: '192.0.2.7',
        address: { text: '192.0.2.7', family: 'ipv4' },
        link: 'tls',
        isProxied: false,
        ...(thumbprint === undefined
          ? {}
          : {
              certificate: () => ({
                thumbprint,
                validFrom: new Date(0),
                validTo: new Date(now.getTime() + 86_400_000),
              }),
            }),
      },
      receivedAt: now,
      began: performance.now(),
      traceId: '0af7651916cd43dd8448eb211c80319c',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      target: '',
      readBody: async () => Buffer.alloc(0),
    },
    steps: [],
    recorded: false,
    connection: principal,
    ...(key === undefined ? {} : { key }),
    principal,
    endpoint: findEndpoint('POST', '/Bulk'),
    diagnosis: new Diagnosis(),
    resourceId: undefined,
    body: parseJson(JSON.stringify({ schemas: [bulkRequestSchema], Operations, failOnErrors })),
  }
  const answer: Answer = await bulk(request, parts)
  return JSON.parse(String(answer.body)).Operations
}

const idIn = ({ location = '' }: Result): string => location.split('/').at(-1) ?? ''
const post = (bulkId: string, data: object, path = '/Users') => ({ method: 'POST', path, bulkId, data })
const add = (...ids: string[]) => ({
  Operations: [{ op: 'add', path: 'members', value: ids.map((value) => ({ value })) }],
})

/** An operation on the nth of the users and groups that are there at first. */
type Draft = (users: readonly string[], groups: readonly string[], index: number) => object

const [userCount, groupCount] = [4, 2]
const name = fc.constantFrom('ada', 'Ada', 'user0', 'USER1', 'user2')
const anyUser = fc.nat(userCount - 1)
const anyGroup = fc.nat(groupCount - 1)
const version = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
)
const under = (number: number | undefined): object => (number === undefined ? {} : { version: `W/"${number}"` })

const creates = name.map(
  (userName): Draft =>
    (_users, _groups, index) =>
      post(`b${index}`, { userName }),
)
const replaces = fc.tuple(anyUser, name, version).map(([one, userName, number]): Draft => (users) => ({
  method: 'PUT',
  path: `/Users/${users[one]}`,
  data: { userName },
  ...under(number),
}))
const patches = fc
  .tuple(
    anyUser,
    fc.oneof(
      name.map((userName) => ({ userName })),
      fc.constant({ title: 'x' }),
    ),
    version,
  )
  .map(([one, value, number]): Draft => (users) => ({
    method: 'PATCH',
    path: `/Users/${users[one]}`,
    data: { Operations: [{ op: 'replace', value }] },
    ...under(number),
  }))
/** One gives a name up, and another takes it. */
const passedOn: Draft[][] = [
  [renamed('PUT', 0, 'ada'), renamed('PUT', 1, 'user0')],
  [renamed('PATCH', 0, 'ada'), renamed('PUT', 1, 'user0')],
  [renamed('PUT', 0, 'ada'), renamed('PATCH', 1, 'user0')],
  [renamed('PUT', 0, 'USER0'), renamed('PUT', 1, 'user0'), renamed('PUT', 0, 'ada')],
]

function renamed(method: 'PUT' | 'PATCH', one: number, userName: string): Draft {
  const data = method === 'PUT' ? { userName } : { Operations: [{ op: 'replace', path: 'userName', value: userName }] }
  return (users) => ({ method, path: `/Users/${users[one]}`, data })
}

const deletes = anyUser.map((one): Draft => (users) => ({ method: 'DELETE', path: `/Users/${users[one]}` }))
const joins = fc.tuple(anyGroup, anyUser, version).map(([one, member, number]): Draft => (users, groups) => ({
  method: 'PATCH',
  path: `/Groups/${groups[one]}`,
  data: add(users[member] ?? ''),
  ...under(number),
}))
const refills = fc
  .tuple(anyGroup, fc.array(anyUser, { maxLength: 3 }))
  .map(([one, members]): Draft => (users, groups) => ({
    method: 'PUT',
    path: `/Groups/${groups[one]}`,
    data: { displayName: 'put', members: members.map((member) => ({ value: users[member] })) },
  }))
const dissolves = fc.tuple(anyGroup, version).map(([one, number]): Draft => (_users, groups) => ({
  method: 'DELETE',
  path: `/Groups/${groups[one]}`,
  ...under(number),
}))

const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 4, arbitrary: creates },
  { weight: 8, arbitrary: replaces },
  { weight: 8, arbitrary: patches },
  { weight: 1, arbitrary: deletes },
  { weight: 4, arbitrary: joins },
  { weight: 4, arbitrary: refills },
  { weight: 1, arbitrary: dissolves },
)

/** What is there at first: users user0, user1, ... and groups that hold all of them. */
async function found(principal: Principal): Promise<{ users: string[]; groups: string[] }> {
  const users = Array.from({ length: userCount }, (_, index) => post(`u${index}`, { userName: `user${index}` }))
  const members = users.map(({ bulkId }) => ({ value: `bulkId:${bulkId}` }))
  const groups = Array.from({ length: groupCount }, (_, index) =>
    post(`g${index}`, { displayName: `group ${index}`, members }, '/Groups'),
  )
  const ids = (await run(principal, [...users, ...groups])).map(idIn)
  return { users: ids.slice(0, userCount), groups: ids.slice(userCount) }
}

/** All that is stored, with the ids of what was there at first by their places. */
async function stored({ connection }: Principal, places: readonly string[]): Promise<unknown> {
  const [database] = databases
  const named = (id: string): string => (places.includes(id) ? `#${places.indexOf(id)}` : 'new')
  const users = await database?.query<{ id: string }>(
    `SELECT id, user_name_key AS name, version, document ->> 'userName' AS spelt, document ->> 'title' AS title
     FROM gateway.scim_user WHERE connection = $1 ORDER BY user_name_key`,
    [connection],
  )
  const groups = await database?.query<{ id: string; members: string[] }>(
    `SELECT id, version, document ->> 'displayName' AS name, ARRAY(
       SELECT member_id FROM gateway.membership m WHERE m.connection = $1 AND m.group_id = g.id) AS members
     FROM gateway.scim_group g WHERE connection = $1`,
    [connection],
  )
  return {
    users: users?.map((row) => ({ ...row, id: named(row.id) })),
    groups: groups
      ?.map((row) => ({ ...row, id: named(row.id), members: row.members.map(named).sort() }))
      .sort((one, other) => (one.id < other.id ? -1 : 1)),
  }
}

test('what comes of a bulk request is what comes of its operations one after the other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(draft, { minLength: 2, maxLength: 20 }), async (drafts) => {
      const [together, apart] = [await newConnection(), await newConnection()]
      const [here, there] = [await found(together), await found(apart)]
      const results = await run(
        together,
        drafts.map((each, index) => each(here.users, here.groups, index)),
      )
      const expected: Result[] = []
      for (const [index, each] of drafts.entries()) {
        expected.push(...(await run(apart, [each(there.users, there.groups, index)])))
      }
      const told = (all: readonly Result[]) => all.map(({ status, version: tag }) => [status, tag])
      expect(told(results)).toEqual(told(expected))
      expect(await stored(together, [...here.users, ...here.groups])).toEqual(
        await stored(apart, [...there.users, ...there.groups]),
      )
    }),
    { numRuns: 20, examples: passedOn.map((drafts) => [drafts]) },
  )
}, 120_000)

test('with failOnErrors the operations done are those that one after the other would do until then', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      async (faults, failOnErrors) => {
        const principal = await newConnection()
        const operations = faults.map((isFault, index) => post(`b${index}`, isFault ? {} : { userName: `u${index}` }))
        const results = await run(principal, operations, { failOnErrors })
        const last = faults.findIndex((_, index) => faults.slice(0, index + 1).filter(Boolean).length === failOnErrors)
        const begun = last === -1 ? faults : faults.slice(0, last + 1)
        expect(results.map(({ status }) => status)).toEqual(begun.map((isFault) => (isFault ? '400' : '201')))
        const rows = await databases[0]?.query('SELECT FROM gateway.scim_user WHERE connection = $1', [
          principal.connection,
        ])
        expect(rows).toHaveLength(begun.filter((isFault) => !isFault).length)
      },
    ),
    { numRuns: 15 },
  )
}, 60_000)

test('bulk requests in opposite order, at two gateways: no deadlock reaches a caller', async () => {
  const principal = await newConnection()
  const people = Array.from({ length: 60 }, (_, index) => post(`u${index}`, { userName: `person ${index}` }))
  const users = (await run(principal, people)).map(idIn)
  const teams = Array.from({ length: 8 }, (_, index) => post(`g${index}`, { displayName: `team ${index}` }, '/Groups'))
  const groups = (await run(principal, teams)).map(idIn)
  const operations = [
    ...users.map((id) => ({
      method: 'PATCH',
      path: `/Users/${id}`,
      data: [{ op: 'replace', path: 'title', value: 'x' }],
    })),
    ...groups.map((id) => ({ method: 'PATCH', path: `/Groups/${id}`, data: add(...users) })),
    ...users.map((id, index) => ({ method: 'PUT', path: `/Users/${id}`, data: { userName: `person ${index}` } })),
    ...groups.map((id) => ({
      method: 'PUT',
      path: `/Groups/${id}`,
      data: { displayName: 'team', members: [...users.slice(30), ...groups].map((value) => ({ value })) },
    })),
    ...users.slice(0, 10).map((id) => ({ method: 'DELETE', path: `/Users/${id}` })),
    ...groups.slice(0, 2).map((id) => ({ method: 'DELETE', path: `/Groups/${id}` })),
  ]
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      run(principal, index % 2 === 0 ? operations : [...operations].reverse(), { gateway: index < 4 ? 0 : 1 }),
    ),
  )
  const statuses = new Set(answers.flat().map(({ status }) => status))
  expect([...statuses].filter((status) => !['200', '204', '404'].includes(status))).toEqual([])
  expect(answers.map(({ length }) => length)).toEqual(answers.map(() => operations.length))
}, 60_000)

test('circles that want the same names at two gateways: one of them is created whole, and nothing of the others', async () => {
  const principal = await newConnection()
  const urn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
  const names = ['a', 'b', 'c', 'd', 'e']
  const circle = (order: readonly string[]) =>
    order.map((userName, index) =>
      post(userName, { userName, [urn]: { manager: { value: `bulkId:${order[(index + 1) % order.length]}` } } }),
    )
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      run(principal, circle(index % 2 === 0 ? names : [...names].reverse()), { gateway: index < 5 ? 0 : 1 }),
    ),
  )
  const whole = answers.filter((results) => results.every(({ status }) => status === '201'))
  expect(whole).toHaveLength(1)
  for (const results of answers) {
    expect(new Set(results.map(({ status }) => status)).size).toBe(1)
    if (!whole.includes(results)) expect(results[0]?.status).toBe('409')
  }
  const rows = await databases[0]?.query<{ id: string }>('SELECT id FROM gateway.scim_user WHERE connection = $1', [
    principal.connection,
  ])
  expect(rows?.map(({ id }) => id).sort()).toEqual(whole.flat().map(idIn).sort())
})

/** A key that the gateways know. */
async function keyOf(principal: Principal, policy = defaultPolicy): Promise<KnownKey> {
  const { kid } = mintKey('live')
  const { tenant, connection, environment } = principal
  const facts = { tenant, connection, environment, kid, pepperVersion: 1, digest: '', policy }
  await apply(
    makeEvent('key.minted', { source: 'keys', owner: tenant, subject: kid, version: 1, time: new Date() }, facts),
  )
  const known = await gateways[0]?.trust.key(kid)
  if (known === undefined) throw new Error('the key is known')
  return known
}

test('a key is asked for the scopes of each operation', async () => {
  const principal = await newConnection()
  const key = await keyOf(principal, { ...defaultPolicy, scopes: ['write', 'users'] })
  const operations = [
    post('u', { userName: 'ada' }),
    post('g', { displayName: 'team' }, '/Groups'),
    { method: 'DELETE', path: '/Groups/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a' },
  ]
  const results = await run(principal, operations, { key })
  expect(results.map(({ status }) => status)).toEqual(['201', '403', '403'])
  expect(results[1]?.response?.detail).toMatch(/let its operator add groups/)
})

test('operations that are begun after their key was narrowed are held to what it may do now', async () => {
  const principal = await newConnection()
  const key = await keyOf(principal)
  const { kid, tenant, connection } = key
  const policy = { ...defaultPolicy, scopes: ['write' as const, 'users' as const] }
  const facts = { tenant, connection, kid, changed: ['scopes'], policy }
  await apply(
    makeEvent('key.changed', { source: 'keys', owner: tenant, subject: kid, version: 2, time: new Date() }, facts),
  )
  const results = await run(
    principal,
    [post('u', { userName: 'ada' }), post('g', { displayName: 'team' }, '/Groups')],
    { key },
  )
  expect(results.map(({ status }) => status)).toEqual(['201', '403'])
})

test('operations that are begun after their certificate was taken out of the policy of their key are refused, and those of one that is left are done', async () => {
  const principal = await newConnection()
  const [left, taken] = ['ab'.repeat(32), 'cd'.repeat(32)]
  const takenWith = (...certificates: string[]): KeyPolicy => ({
    ...defaultPolicy,
    authentication: { method: 'mtls', certificates },
  })
  const key = await keyOf(principal, takenWith(left, taken))
  const { kid, tenant, connection } = key
  const facts = { tenant, connection, kid, changed: ['authentication'], policy: takenWith(left) }
  await apply(
    makeEvent('key.changed', { source: 'keys', owner: tenant, subject: kid, version: 2, time: new Date() }, facts),
  )
  const statuses = async (thumbprint: string): Promise<string[]> => {
    const results = await run(principal, [post('u', { userName: 'ada' })], { key, thumbprint })
    return results.map(({ status }) => status)
  }
  expect([await statuses(taken), await statuses(left)]).toEqual([['401'], ['201']])
})

test('operations that are begun after their key was revoked are refused, each for itself, and write nothing', async () => {
  const principal = await newConnection()
  const key = await keyOf(principal)
  const { kid, tenant, connection } = key
  const origin = { source: 'keys', owner: tenant, subject: kid, version: 2, time: new Date() } as const
  const revokedAt = new Date().toISOString()
  await apply(makeEvent('key.revoked', origin, { tenant, connection, kid, revokedAt }))
  const circle = [
    post('one', { displayName: 'one', members: [{ value: 'bulkId:two' }] }, '/Groups'),
    post('two', { displayName: 'two', members: [{ value: 'bulkId:one' }] }, '/Groups'),
  ]
  const results = await run(principal, [post('u', { userName: 'ada' }), ...circle], { key })
  expect(results.map(({ status }) => status)).toEqual(['401', '401', '401'])
  expect(results[0]?.response?.detail).toMatch(/has been revoked/)
  const [written] =
    (await databases[0]?.query<{ count: number }>(
      `SELECT (SELECT count(*) FROM gateway.scim_user WHERE connection = $1) + (SELECT count(*) FROM gateway.scim_group WHERE connection = $1) AS count`,
      [connection],
    )) ?? []
  expect(written?.count).toBe(0)
})

test('once the database is away, the operations left ask nothing of it, and are 503', async () => {
  const principal = await newConnection()
  const key = await keyOf(principal)
  const [parts] = gateways
  const [database] = databases
  if (parts === undefined || database === undefined) throw new Error('there is no gateway')
  const ids = Array.from({ length: 600 }, () => newId())
  let asked = 0
  let isAway = false
  const away = async (): Promise<never> => {
    asked++
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  }
  gateways.push({
    ...parts,
    failed: () => undefined,
    records: Object.assign(new Records({ database, listTimeout: 2_000 }), { userNameKeys: away }),
    trust: {
      ...parts.trust,
      async key(kid) {
        if (isAway) return away()
        isAway = true
        return parts.trust.key(kid)
      },
      connection: (id) => parts.trust.connection(id),
    },
  })
  const first = post('first', { userName: 'first' })
  const next = post('next', { userName: 'next' })
  const put = ids.map((id, index) => ({ method: 'PUT', path: `/Users/${id}`, data: { userName: `u${index}` } }))
  // The first is to be done before the next is begun, and that before the others.
  const operations = [first, { method: 'DELETE', path: '/Users/bulkId:first' }, next, ...put]
  const results = await run(principal, operations, { gateway: gateways.length - 1, key })
  gateways.pop()
  expect(results.map(({ status }) => status)).toEqual(['201', ...Array(602).fill('503')])
  expect(asked).toBe(1)
})
