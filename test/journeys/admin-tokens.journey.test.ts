import { adminScopes } from '#libs/admin/index'
import { Contract, type DescribedOperation } from '../openapi.ts'
import { type Answer, type Connection, eventually, type OwnWorld, startWorld, type Told, user } from '../world.ts'

let world: OwnWorld
let ours: Connection
let theirs: Connection
/** The services, each with the operations that it answers. */
let services: { readonly url: string; readonly contract: Contract; readonly operations: DescribedOperation[] }[]
/** Parts of the paths, of the other tenant. */
let named: Readonly<Record<string, string>>

beforeAll(async () => {
  world = await startWorld()
  ours = await world.connection('okta', { environment: 'sandbox' })
  theirs = await world.connection('entra', { environment: 'sandbox' })
  services = await Promise.all(
    world.programs.map(async ({ url, services: names }) => {
      const contract = new Contract((await ask(url, 'GET', '/admin/v1/openapi.json', undefined)).body)
      const operations = contract.operations.filter(({ service }) => service === 'each' || names.includes(service))
      return { url, contract, operations }
    }),
  )
  const scim = world.scim(theirs)
  const person = (await scim('POST', '/Users', user('ada'))).body.id
  const deleted = (await scim('POST', '/Users', user('grace'))).body.id
  await scim('DELETE', `/Users/${deleted}`)
  const urn = 'urn:example:params:scim:schemas:extension:badge:2.0:User'
  const document = { id: urn, name: 'Badge', attributes: [{ name: 'number', type: 'string' }] }
  await world.admin('POST', `/connections/${theirs.id}/schemas`, document)
  const [request] = await eventually(
    () => world.audit({ connection: theirs.id, operation: 'users.create' }),
    (found) => found.length === 2,
  )
  await eventually(
    () => world.directory(`/${theirs.id}/users/${person}`),
    ({ status }) => status === 200,
  )
  await world.gatewayAdmin('POST', `/guard/${theirs.id}/allow`, { for: '1h' })
  await world.scim({ scimBaseUrl: ours.scimBaseUrl, key: theirs.key })('GET', '/Users')
  const [detection] = await eventually(
    async () => (await world.auditAdmin('GET', `/detections?tenant=${theirs.tenant}`)).body.items,
    (found) => found.length > 0,
  )
  const token = await make({ tenants: [theirs.tenant] })
  const name = (await world.admin('GET', `/connections/${theirs.id}`)).body.name
  named = {
    tenant: theirs.tenant,
    connection: theirs.id,
    kid: theirs.kid,
    rotation: (await world.admin('POST', `/connections/${theirs.id}/rotations`)).body.id,
    request: request.id,
    detection: detection.id,
    token: token.id,
    group: 'directory',
    id: person,
    name,
    urn,
  }
})
afterAll(() => world.stop())

async function ask(
  url: string,
  method: string,
  path: string,
  token: string | undefined,
  body?: object,
): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
}

async function make(powers: object = {}): Promise<Told> {
  const { status, body } = await world.admin('POST', '/tokens', { name: 'of a test', scopes: adminScopes, ...powers })
  expect(status).toBe(201)
  // Each service hears of it by itself.
  await eventually(
    () => Promise.all(probes.map((probe) => probe(body.token))),
    (answers) => answers.every(({ body: told }) => !['unauthorized', 'unavailable'].includes(told.code)),
  )
  return body
}

/** A read at each of the four services. */
const probes: ((token: string) => Promise<Answer>)[] = [
  (token) => ask(world.keysUrl, 'GET', '/admin/v1/tenants', token),
  (token) => ask(world.gatewayUrl, 'GET', `/admin/v1/connections/${ours.id}/deleted`, token),
  (token) => ask(world.directoryUrl, 'GET', `/directory/v1/${ours.id}/users`, token),
  (token) => ask(world.auditUrl, 'GET', '/audit/v1/records?limit=1', token),
]
const atAll = (token: string) => Promise.all(probes.map((probe) => probe(token)))
const codes = async (token: string) =>
  (await atAll(token)).map(({ status, body }) => `${status} ${body.code ?? ''}`.trim())

const everywhere = (outcome: string) => [outcome, outcome, outcome, outcome]

const filled = ({ path }: DescribedOperation, values: Readonly<Record<string, string>>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? name))

/** Each operation at each service that answers it. */
const operations = () =>
  services.flatMap(({ url, contract, operations: answered }) =>
    answered
      .filter(({ scope }) => scope !== undefined)
      .map((operation) => ({ url, contract, operation, name: `${operation.method} ${operation.path}` })),
  )

const bodyFor = ({ method }: DescribedOperation) => (method === 'GET' || method === 'DELETE' ? undefined : {})

test('a token that is limited to a tenant is let in by all four services, and sees that tenant alone', async () => {
  const { token } = await make({ tenants: [ours.tenant] })
  expect(await codes(token)).toEqual(everywhere('200'))
  const { body } = await ask(world.keysUrl, 'GET', '/admin/v1/tenants', token)
  expect(body.items.map(({ id }: Told) => id)).toEqual([ours.tenant])
})

test('whatever such a token tries of another tenant is answered as what is not there, and changes nothing', async () => {
  const { token } = await make({ tenants: [ours.tenant] })
  const look = () =>
    Promise.all(
      [
        `/tenants/${theirs.tenant}`,
        `/connections/${theirs.id}`,
        `/connections/${theirs.id}/keys`,
        `/tokens/${named['token']}`,
      ].map(async (path) => {
        const { body } = await world.admin('GET', path)
        return JSON.stringify(body, (name, value: unknown) => (name === 'lastUsed' ? undefined : value))
      }),
    )
  const before = await look()
  const tried: string[] = []
  for (const { url, contract, operation, name } of operations()) {
    const answer = await ask(url, operation.method, filled(operation, named), token, bodyFor(operation))
    contract.check(operation, answer)
    tried.push(name)
    if (operation.concerns === 'all') {
      expect([name, answer.status, answer.body.code]).toEqual([name, 403, 'tenantsRefused'])
      continue
    }
    if (operation.concerns !== 'own' || operation.path.includes('{')) {
      const id = operation.path.includes('/records/') ? undefined : answer.body
      expect([name, answer.status]).toEqual([name, 404])
      const unknown = {
        ...named,
        tenant: 'nobody',
        connection: 'a'.repeat(16),
        kid: 'a'.repeat(12),
        rotation: crypto.randomUUID(),
        request: crypto.randomUUID(),
        detection: crypto.randomUUID(),
        token: 'a'.repeat(12),
      }
      const none = await ask(url, operation.method, filled(operation, unknown), token, bodyFor(operation))
      const words = (told: Told, ...ids: readonly string[]) =>
        ids.reduce((text, one) => text.replaceAll(one, '-'), JSON.stringify(told))
      if (id !== undefined)
        expect(words(answer.body, ...Object.values(named))).toBe(words(none.body, ...Object.values(unknown)))
      continue
    }
    expect([name, JSON.stringify(answer.body).includes(theirs.tenant)]).toEqual([name, false])
    expect(JSON.stringify(answer.body)).not.toContain(theirs.id)
  }
  expect(tried.length).toBeGreaterThan(30)
  expect(await look()).toEqual(before)
})

test('each operation asks for its scope, whatever others a token has', async () => {
  const without = new Map<string, string>()
  for (const scope of adminScopes) {
    const { token } = await make({ scopes: adminScopes.filter((one) => one !== scope) })
    without.set(scope, token)
  }
  const asked = new Set<string>()
  for (const { url, contract, operation, name } of operations()) {
    const answer = await ask(
      url,
      operation.method,
      filled(operation, named),
      without.get(operation.scope ?? ''),
      bodyFor(operation),
    )
    contract.check(operation, answer)
    expect([name, answer.status, answer.body.code]).toEqual([name, 403, 'scopeMissing'])
    expect(answer.headers.get('www-authenticate')).toContain(`scope="${operation.scope}"`)
    asked.add(operation.scope ?? '')
  }
  expect([...asked].sort()).toEqual([...adminScopes].sort())
})

test('a revoked token is refused at once where it was revoked, and soon by the other services, for good', async () => {
  const { id, token } = await make()
  expect(await codes(token)).toEqual(everywhere('200'))
  expect((await world.admin('POST', `/tokens/${id}/revoke`)).body.state).toBe('revoked')
  expect((await probes[0]?.(token))?.body.code).toBe('tokenRevoked')
  await eventually(
    () => codes(token),
    (told) => told.every((one) => one === '401 tokenRevoked'),
  )
  for (let again = 0; again < 5; again++) expect(await codes(token)).toEqual(everywhere('401 tokenRevoked'))
})

test('a token is refused once its time is over', async () => {
  const { token } = await make({ expiresAt: new Date(Date.now() + 2_500).toISOString() })
  expect(await codes(token)).toEqual(everywhere('200'))
  await eventually(
    () => codes(token),
    (told) => told.every((one) => one === '401 tokenExpired'),
  )
})

test('a token is accepted from the addresses of its allowlist alone', async () => {
  const elsewhere = await make({ allowlist: ['192.0.2.0/24', '2001:db8::/32'] })
  expect(await codes(elsewhere.token)).toEqual(everywhere('403 addressRefused'))
  const here = await make({ allowlist: ['127.0.0.0/8', '::1'] })
  expect(await codes(here.token)).toEqual(everywhere('200'))
})

test('a wrong secret, a damaged token and one that was never made are refused', async () => {
  const { token } = await make()
  const { token: other } = await make()
  const mixed = `${token.slice(0, 17)}${other.slice(17, 60)}${token.slice(60)}`
  for (const wrong of [mixed, token.slice(0, -1), `${token}x`, token.replace('lka_', 'lkb_')])
    expect(await codes(wrong)).toEqual(everywhere('401 unauthorized'))
})

test('nobody gives a token more than he has', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const own = {
    scopes: ['tokens:read', 'tokens:write', 'keys:read'],
    tenants: [ours.tenant],
    allowlist: ['127.0.0.0/8', '::1/128'],
    expiresAt,
  }
  const { token } = await make(own)
  const create = (wanted: object) =>
    ask(world.keysUrl, 'POST', '/admin/v1/tokens', token, { name: 'next', scopes: ['keys:read'], ...wanted })
  const inherited = await create({})
  expect([inherited.status, inherited.body]).toMatchObject([
    201,
    { tenants: own.tenants, allowlist: own.allowlist, expiresAt },
  ])
  for (const [power, more] of [
    ['scopes', { scopes: ['keys:mint'] }],
    ['tenants', { tenants: null }],
    ['tenants', { tenants: [theirs.tenant] }],
    ['allowlist', { allowlist: [] }],
    ['allowlist', { allowlist: ['0.0.0.0/0'] }],
    ['expiresAt', { expiresAt: null }],
    ['expiresAt', { expiresAt: new Date(Date.now() + 7_200_000).toISOString() }],
  ] as const) {
    const { status, body } = await create(more)
    expect([status, body.code, body.errors]).toEqual([
      403,
      'moreThanOwn',
      [expect.objectContaining({ pointer: `#/${power}` })],
    ])
    const change = await ask(world.keysUrl, 'PATCH', `/admin/v1/tokens/${inherited.body.id}`, token, more)
    expect([change.status, change.body.code]).toEqual([403, 'moreThanOwn'])
  }
  expect((await create({ allowlist: ['127.0.0.1'] })).status).toBe(201)
})

test('whoever asked stands in the record, by the id of the token and never by its secret; the first token by a fixed name', async () => {
  const { id, token } = await make({ tenants: [ours.tenant], scopes: ['connections:write'] })
  const changed = await ask(world.keysUrl, 'PATCH', `/admin/v1/connections/${ours.id}`, token, { name: `Named ${id}` })
  expect(changed.status).toBe(200)
  await ask(world.keysUrl, 'GET', '/admin/v1/tenants', token)
  const records = await eventually(
    () => world.audit({ actor: id }),
    (found) => found.some(({ status }) => status === 403) && found.some(({ status }) => status === 200),
  )
  expect(records.find(({ status }) => status === 200)).toMatchObject({
    operation: 'connections.update',
    changed: ['name'],
    address: '127.0.0.1',
  })
  expect(records.find(({ operation }) => operation === 'tenants.list')).toMatchObject({
    code: 'scopeMissing',
    steps: [
      { step: 'admin-token', decision: 'passed' },
      { step: 'request', decision: 'refused' },
    ],
  })
  const [made] = await eventually(
    () => world.audit({ operation: 'tokens.create' }),
    (found) => found.length > 0,
  )
  expect(made).toMatchObject({ actor: 'bootstrap', subject: { kind: 'admin-token' } })
  const secret = token.slice(17, 60)
  expect(JSON.stringify(await world.audit({ surface: 'admin' }))).not.toContain(secret)
  expect(JSON.stringify(await world.events())).not.toContain(secret)
  expect(world.logs()).not.toContain(secret)
  const shown = await eventually(
    () => world.admin('GET', `/tokens/${id}`),
    ({ body }) => body.lastUsed !== null,
  )
  expect(shown.body).toMatchObject({ lastUsed: { address: '127.0.0.1' } })
  expect(JSON.stringify(shown.body)).not.toContain(secret)
})
