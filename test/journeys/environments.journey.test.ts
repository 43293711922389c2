import type { Environment } from '#libs/events/index'
import {
  bulk,
  type Connection,
  enterWorld,
  eventually,
  group,
  patch,
  type Scim,
  type Told,
  user,
  type World,
} from '../world.ts'

interface Place {
  readonly environment: Environment
  readonly connection: Connection
  readonly scim: Scim
  readonly users: string[]
  readonly groups: string[]
  readonly cursor: string
}

let world: World
/** Of one tenant, with users and groups of the same names. */
let live: Place
let sandbox: Place
let stranger: Connection

beforeAll(async () => {
  world = await enterWorld()
  const first = await world.connection('okta', { settings: guarded })
  const second = await world.connection('okta', { tenant: first.tenant, environment: 'sandbox', settings: guarded })
  stranger = await world.connection('entra')
  live = await inhabited('live', first)
  sandbox = await inhabited('sandbox', second)
})
afterAll(() => world.stop())

const guarded = { guard: 'on', guardMost: 1, guardPercent: 0 }

/** Users and groups are created, changed and deleted, more is to be deleted than may be, and bad requests are refused. */
async function inhabited(environment: Environment, connection: Connection): Promise<Place> {
  const scim = world.scim(connection)
  const make = async (path: string, body: object): Promise<string> => (await scim('POST', path, body)).body.id
  const users: string[] = []
  for (const name of ['ada', 'grace', 'edsger', 'barbara']) users.push(await make('/Users', user(name)))
  const [ada = '', grace = '', edsger = ''] = users
  const groups = [await make('/Groups', group('compilers', [ada])), await make('/Groups', group('operators'))]
  const asked = [
    await scim('PATCH', `/Users/${ada}`, patch({ op: 'replace', path: 'title', value: 'Countess' })),
    await scim('PATCH', `/Groups/${groups[0]}`, patch({ op: 'add', path: 'members', value: [{ value: grace }] })),
    await scim('DELETE', `/Users/${edsger}`),
    await scim('DELETE', `/Users/${grace}`),
    await scim('POST', '/Users', user('ada')),
    await scim('POST', '/Users', {}),
    await scim('POST', '/Users', '{"schemas":'),
    await scim('GET', '/Robots'),
    await scim('GET', '/Users', undefined, { authorization: '' }),
  ]
  expect(asked.map(({ status }) => status)).toEqual([200, 200, 204, 429, 409, 400, 400, 404, 401])
  const { body } = await scim('GET', '/Users?cursor&count=1')
  return { environment, connection, scim, users, groups, cursor: body.nextCursor }
}

const both = (): readonly [own: Place, other: Place][] => [
  [live, sandbox],
  [sandbox, live],
]

test('nothing of one environment is reached with the key of the other', async () => {
  for (const [own, other] of both()) {
    const { scim } = own
    const before = (await other.scim('GET', '/Users?sortBy=id')).body
    for (const [method, path, body] of [
      ['GET', `/Users/${other.users[0]}`, undefined],
      ['PUT', `/Users/${other.users[0]}`, user('mine')],
      ['PATCH', `/Users/${other.users[0]}`, patch({ op: 'replace', path: 'title', value: 'mine' })],
      ['DELETE', `/Users/${other.users[0]}`, undefined],
      ['GET', `/Groups/${other.groups[0]}`, undefined],
      ['PATCH', `/Groups/${other.groups[0]}`, patch({ op: 'replace', path: 'members', value: [] })],
      ['DELETE', `/Groups/${other.groups[0]}`, undefined],
    ] as const) {
      expect([method, path, await scim(method, path, body)]).toMatchObject([method, path, { status: 404 }])
    }
    expect((await scim('GET', `/Users?filter=id eq "${other.users[0]}"`)).body.totalResults).toBe(0)
    expect(await scim('GET', `/Users?cursor=${encodeURIComponent(other.cursor)}&count=1`)).toMatchObject({
      status: 400,
      body: { scimType: 'invalidCursor' },
    })
    const operation = { method: 'DELETE', path: `/Groups/${other.groups[0]}` }
    const { body } = await scim('POST', '/Bulk', bulk([operation]))
    expect(body.Operations).toMatchObject([{ status: '404' }])
    expect((await world.directory(`/${own.connection.id}/users/${other.users[0]}`)).status).toBe(404)
    expect((await other.scim('GET', '/Users?sortBy=id')).body).toEqual(before)
  }
})

const detections = async (query: Record<string, string>): Promise<Told[]> =>
  (await world.auditAdmin('GET', `/detections?${new URLSearchParams(query).toString()}`)).body.items

test.each([
  ['a sandbox key', 'a live connection', () => [sandbox.connection, live.connection], 'sandbox', []],
  ['a live key', 'a sandbox connection', () => [live.connection, sandbox.connection], 'live', ['live-key-at-sandbox']],
  ['a sandbox key', 'a connection of another tenant', () => [sandbox.connection, stranger], 'sandbox', []],
  ['a live key', 'a connection of another tenant', () => [live.connection, stranger], 'live', []],
  ['a key of another tenant', 'a live connection', () => [stranger, live.connection], 'live', []],
] as const)(
  '%s at %s is refused whatever it asks for, recorded and raised',
  async (_key, _at, given, environment, also) => {
    const [of, at] = given()
    const misplaced = world.scim({ scimBaseUrl: at?.scimBaseUrl ?? '', key: of?.key ?? '' })
    const mark = { 'user-agent': crypto.randomUUID() }
    const asked = [
      await misplaced('GET', '/Users', undefined, mark),
      await misplaced('GET', '/Schemas', undefined, mark),
      await misplaced('POST', '/Users', user('placed wrongly'), mark),
      await misplaced('POST', '/.search', { filter: 'userName pr' }, mark),
      await misplaced('POST', '/Bulk', bulk([{ method: 'POST', path: '/Users', bulkId: 'a', data: user('b') }]), mark),
    ]
    expect(asked.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    const form = { grant_type: 'client_credentials', client_id: at?.id ?? '', client_secret: of?.key ?? '' }
    const exchanged = await fetch(`${world.gatewayUrl}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...mark },
      body: new URLSearchParams(form),
    })
    expect(exchanged.status).toBe(401)
    const records = await eventually(
      async () =>
        (await world.audit({ kid: of?.kid ?? '', environment })).filter(
          ({ userAgent }) => userAgent === mark['user-agent'],
        ),
      (found) => found.length === 6,
    )
    for (const record of records) {
      expect(record).toMatchObject({
        tenant: of?.tenant,
        connection: of?.id,
        environment,
        outcome: 'refused',
        code: 'key-of-another-connection',
      })
    }
    const { tenant = '', id: connection = '' } = of ?? {}
    for (const rule of ['connection-mismatch', ...also]) {
      const [detection] = await eventually(
        async () => {
          // It is known to be a sandbox once the audit service has heard of it.
          await misplaced('GET', '/Users')
          return detections({ tenant, connection, rule, environment })
        },
        ({ length }) => length === 1,
      )
      expect(detection).toMatchObject({ subject: { kind: 'key', id: of?.kid }, connection, environment })
    }
    if (environment === 'sandbox')
      expect(await detections({ tenant, connection, rule: 'live-key-at-sandbox' })).toEqual([])
    // Whoever is addressed hears nothing of whose key it was.
    if (at?.tenant !== tenant) {
      expect((await world.audit({ tenant: at?.tenant ?? '' })).filter(({ kid }) => kid === of?.kid)).toEqual([])
    }
  },
)

test('a live key that is presented at a sandbox connection for a token alone is raised as such', async () => {
  const misplaced = await world.connection('okta')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: sandbox.connection.id,
    client_secret: misplaced.key,
  })
  const found = await eventually(
    async () => {
      const answer = await fetch(`${world.gatewayUrl}/oauth2/token`, { method: 'POST', body: form })
      expect(answer.status).toBe(401)
      return detections({ connection: misplaced.id, rule: 'live-key-at-sandbox' })
    },
    ({ length }) => length === 1,
  )
  expect(found).toMatchObject([{ subject: { kind: 'key', id: misplaced.kid }, environment: 'live' }])
})

test('records and detections are listed for one environment, and together they are all of a connection', async () => {
  const { tenant } = live.connection
  const isOfConnection = ({ connection }: Told): boolean => connection !== null
  for (const [own] of both()) {
    const { environment, connection } = own
    const records = await eventually(
      () => world.audit({ tenant, environment }),
      (found) => found.length > 10,
    )
    expect(new Set(records.map(({ connection: of }) => of))).toEqual(new Set([connection.id]))
    const found = await detections({ tenant, environment })
    expect(found.map(({ connection: of }) => of)).toContain(connection.id)
    expect(found.filter((each) => each.environment !== environment)).toEqual([])
  }
  const until = new Date().toISOString()
  const ids = async (query: object): Promise<string[]> =>
    (await world.audit({ tenant, until, ...query })).filter(isOfConnection).map(({ id }) => id)
  // The last records may still arrive while these are read.
  await eventually(
    async () => [await ids({ environment: 'live' }), await ids({ environment: 'sandbox' }), await ids({})],
    ([ofLive = [], ofSandbox = [], all = []]) =>
      all.sort().join() === [...ofLive, ...ofSandbox].sort().join() && ofLive.length > 0 && ofSandbox.length > 0,
  )
})

/** Where events of a connection are had from, by the first part of their names. */
function topicsFor(environment: Environment): Readonly<Record<string, string>> {
  const of = (topic: string): string => (environment === 'live' ? topic : `sandbox-${topic}`)
  const [people, requests] = [of('people'), of('requests')]
  const control = { connection: 'trust', key: 'trust', rotation: 'trust', detection: 'detections' }
  return { user: people, group: people, request: requests, guard: requests, ...control }
}

test('no event of a sandbox is on the topics of live connections, and none of these on those of sandboxes', async () => {
  for (const [own] of both()) {
    const { environment, connection } = own
    const topics = topicsFor(environment)
    const events = await eventually(
      () => world.events(connection.id),
      (found) => ['guard.held', 'detection.raised'].every((wanted) => found.some(({ name }) => name === wanted)),
    )
    const families = new Set(events.map(({ name }) => name.slice(0, name.indexOf('.'))))
    expect(families).toEqual(new Set(['connection', 'key', 'user', 'group', 'request', 'guard', 'detection']))
    for (const { name, topic, payload } of events) {
      const wanted = topics[name.slice(0, name.indexOf('.'))]
      expect([name, topic]).toEqual([name, world.hasTopics ? wanted : undefined])
      if (wanted !== 'trust') expect([name, payload.environment]).toEqual([name, environment])
    }
    const refused = events.filter(({ name, payload }) => name === 'request.decided' && payload.outcome === 'refused')
    expect(refused.length).toBeGreaterThan(5)
    const people = new Set(events.filter(({ name }) => name.startsWith('user.')).map(({ subject }) => subject))
    expect(people).toEqual(new Set(own.users))
  }
  // Of everybody else's too, who share this program.
  const all = await world.events()
  const amiss = all.filter(({ topic = '', payload }) => {
    if (/^(people|requests)$/.test(topic)) return payload.environment === 'sandbox'
    return topic.startsWith('sandbox-') && payload.environment !== 'sandbox'
  })
  expect(amiss).toEqual([])
})
