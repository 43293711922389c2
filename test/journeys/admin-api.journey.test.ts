import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { documentFile } from '#libs/admin/index'
import { Contract } from '../openapi.ts'
import { type Answer, type Connection, eventually, type OwnWorld, startWorld, type Told, user } from '../world.ts'

let world: OwnWorld
let programs: {
  readonly url: string
  readonly services: readonly string[]
  readonly document: Told
  readonly contract: Contract
}[]
let connection: Connection
const visited = new Set<string>()

beforeAll(async () => {
  world = await startWorld()
  connection = await world.connection('okta', { environment: 'sandbox', settings: { guard: 'on' } })
  programs = await Promise.all(
    world.programs.map(async (program) => {
      const document = await (await fetch(`${program.url}/admin/v1/openapi.json`)).json()
      return { ...program, document, contract: new Contract(document) }
    }),
  )
})
afterAll(() => world.stop())

type Headers = Readonly<Record<string, string>>

interface Asked {
  readonly values?: Told
  readonly query?: string
  readonly body?: object | null | undefined
  readonly headers?: Headers | undefined
}

/**
 * Asks by the operation's template, and holds the answer to what the service's document says of it. Each write that is done is sent a
 * second time under its Idempotency-Key, and must be answered alike, but for what is shown once. One that heeds If-Match is refused
 * first with a tag that nothing has, and what is read with an ETag is not sent again to who has it.
 */
async function call(url: string, method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const key: Headers = method === 'GET' ? {} : { 'idempotency-key': crypto.randomUUID() }
  const headers = { ...key, ...asked.headers }
  const told = programs.flatMap(({ contract }) => contract.operations)
  const heeded = told.find((operation) => operation.method === method && operation.path === path)?.headers ?? []
  const isConditional = heeded.includes('If-Match') && asked.headers === undefined
  const stale = { ...headers, 'if-match': '"stale"' }
  const refused = isConditional ? await callOnce(url, method, path, { ...asked, headers: stale }) : undefined
  const answer = await callOnce(url, method, path, { ...asked, headers })
  if (answer.status >= 300) return answer
  if (refused !== undefined)
    expect([method, path, refused.status, refused.body.code]).toEqual([method, path, 412, 'preconditionFailed'])
  visited.add(`${method} ${path}`)
  if (method === 'GET') {
    if (heeded.includes('If-None-Match') && headers['if-none-match'] === undefined) await readAgain(url, path, asked)
    return answer
  }
  if (!heeded.includes('Idempotency-Key')) return answer
  const again = await callOnce(url, method, path, { ...asked, headers })
  const shown = ({ status, body, headers: sent }: Answer) => [
    method,
    path,
    status,
    body === undefined ? body : withoutSecrets(body),
    sent.get('etag'),
  ]
  expect(shown(again)).toEqual(shown(answer))
  return answer
}

/** What is shown may be used meanwhile, and has another tag then. */
async function readAgain(url: string, path: string, asked: Asked): Promise<void> {
  const answer = await eventually(
    async () => {
      const { headers } = await callOnce(url, 'GET', path, asked)
      return callOnce(url, 'GET', path, { ...asked, headers: { 'if-none-match': headers.get('etag') ?? 'none' } })
    },
    ({ status }) => status === 304,
  )
  expect(answer.body).toBeUndefined()
}

function withoutSecrets(body: Told): object {
  return { ...body, key: undefined, signingSecret: undefined, token: undefined }
}

async function callOnce(
  url: string,
  method: string,
  path: string,
  { values = {}, query = '', body, headers = {} }: Asked,
): Promise<Answer> {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name]))
  const response = await fetch(`${url}${filled}${query}`, {
    method,
    headers: {
      authorization: `Bearer ${world.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const answer = {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
  programs.find((program) => program.url === url)?.contract.check({ method, path }, answer)
  return answer
}

const keys = (method: string, path: string, more?: Asked) => call(world.keysUrl, method, `/admin/v1${path}`, more)

const eventsOf = async (subject: string): Promise<string[]> =>
  (await world.events()).filter((event) => event.subject === subject).map(({ name }) => name)

test('each document is OpenAPI 3.1, by a validator of others', async () => {
  for (const { document, contract } of programs) {
    const validator = new Validator()
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
    const ids = contract.operations.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  }
})

test('every program describes the whole: the published document, but for where others are', async () => {
  const published = JSON.parse(readFileSync(documentFile, 'utf8'))
  for (const { document } of programs) {
    const paths = Object.entries(document.paths).map(([path, item]: [string, Told]) => [
      path,
      { ...item, servers: undefined },
    ])
    expect({ ...document, paths: Object.fromEntries(paths) }).toEqual(published)
  }
})

test('a program tells where the operations are answered that it does not answer, and where else those that each service answers', () => {
  const at = (names: readonly string[]) =>
    programs.filter(({ services }) => services.some((name) => names.includes(name)))
  for (const { url, services, contract } of programs) {
    const all = programs.flatMap((program) => program.services)
    for (const { service, path, servers } of contract.operations) {
      const others = all.filter((name) => !services.includes(name) && (service === 'each' || name === service))
      const expected = at(others).map((program) => program.url)
      const own = service === 'each' && expected.length > 0 ? ['/'] : []
      expect([url, path, [...servers].sort()]).toEqual([url, path, [...own, ...expected].sort()])
    }
  }
})

test('a tenant put by its id is made, changed, and left alone, and what is read is what was put', async () => {
  const tenant = `put-${crypto.randomUUID().slice(0, 8)}`
  const put = (name: string, headers?: Headers) =>
    keys('PUT', '/tenants/{tenant}', { values: { tenant }, body: { name }, headers })
  const read = (headers?: Headers) => keys('GET', '/tenants/{tenant}', { values: { tenant }, headers })
  expect((await put(`A ${tenant}`, { 'if-match': '"1"' })).status).toBe(412)
  const made = await put(`A ${tenant}`, { 'if-none-match': '*' })
  expect([made.status, made.body]).toMatchObject([201, { id: tenant, name: `A ${tenant}` }])
  const again = await put(`A ${tenant}`)
  expect([again.status, again.body]).toEqual([200, made.body])
  const first = await read()
  expect(first.body).toEqual(made.body)
  const tag = first.headers.get('etag') ?? ''
  const unchanged = await read({ 'if-none-match': tag })
  expect([unchanged.status, unchanged.body, unchanged.headers.get('etag')]).toEqual([304, undefined, tag])
  expect((await put(`A ${tenant}`, { 'if-none-match': '*' })).status).toBe(412)
  expect((await put(`B ${tenant}`, { 'if-match': tag })).body.name).toBe(`B ${tenant}`)
  expect((await put(`C ${tenant}`, { 'if-match': tag })).body.code).toBe('preconditionFailed')
  expect((await read({ 'if-none-match': tag })).body.name).toBe(`B ${tenant}`)
  expect((await keys('DELETE', '/tenants/{tenant}', { values: { tenant }, headers: { 'if-match': tag } })).status).toBe(
    412,
  )
  const { headers } = await read()
  expect(await eventsOf(tenant)).toEqual(['tenant.created', 'tenant.changed'])
  const removed = await keys('DELETE', '/tenants/{tenant}', {
    values: { tenant },
    headers: { 'if-match': headers.get('etag') ?? '' },
  })
  expect(removed.status).toBe(204)
  expect((await put(`A ${tenant}`)).status).toBe(409)
})

test('a connection put by its name is made, changed, and left alone, and what is left out becomes what it is by default', async () => {
  const { tenant } = connection
  const path = '/tenants/{tenant}/connections/by-name/{name}'
  const values = { tenant, name: 'Human Resources / EU' }
  const put = (body: object, headers?: Headers) => keys('PUT', path, { values, body, headers })
  const wanted = { identityProvider: 'entra', settings: { conflicts: 'adopt' } }
  const made = await put(wanted)
  expect([made.status, made.body]).toMatchObject([
    201,
    { tenant, name: values.name, environment: 'sandbox', ...wanted },
  ])
  const again = await put(wanted)
  expect([again.status, again.body]).toEqual([200, made.body])
  const read = await keys('GET', path, { values })
  expect(read.body).toEqual(made.body)
  const byId = await keys('GET', '/connections/{connection}', { values: { connection: made.body.id } })
  expect([byId.body, byId.headers.get('etag')]).toEqual([made.body, read.headers.get('etag')])
  const back = await put({}, { 'if-match': read.headers.get('etag') ?? '' })
  expect(back.body).toMatchObject({ identityProvider: 'other', state: 'enabled', settings: { conflicts: 'reject' } })
  expect((await put(wanted, { 'if-match': read.headers.get('etag') ?? '' })).status).toBe(412)
  expect((await put({ environment: 'live' })).status).toBe(409)
  expect((await put({ name: 'Another' })).status).toBe(422)
  expect((await put({ name: 'human resources / EU' })).body.name).toBe('human resources / EU')
  expect(await eventsOf(made.body.id)).toEqual(['connection.created', 'connection.changed', 'connection.changed'])
  const patched = await keys('PATCH', '/connections/{connection}', {
    values: { connection: made.body.id },
    body: { name: 'HR' },
    headers: { 'if-match': read.headers.get('etag') ?? '' },
  })
  expect(patched.status).toBe(412)
})

test('a rotation policy put with the tag that was read is changed, and refused once somebody else has changed it', async () => {
  const made = await keys('POST', '/tenants/{tenant}/connections', {
    values: { tenant: connection.tenant },
    body: { name: `Rotated ${crypto.randomUUID()}` },
  })
  const values = { connection: made.body.id }
  const path = '/connections/{connection}/rotation-policy'
  const put = (body: object, tag: string) => keys('PUT', path, { values, body, headers: { 'if-match': tag } })
  const tagNow = async () => (await keys('GET', path, { values })).headers.get('etag') ?? ''
  const first = await tagNow()
  expect((await put({ mode: 'strict' }, first)).body.mode).toBe('strict')
  const late = await put({ graceHours: 1 }, first)
  expect([late.status, late.body.code]).toEqual([412, 'preconditionFailed'])
  expect((await put({ mode: 'safe' }, await tagNow())).body).toMatchObject({ mode: 'safe', graceHours: 72 })
  expect(await tagNow()).toBe(first)
})

test('whoever writes what has an ETag is told the new one, which what is read then has and the next write may go by', async () => {
  const tagIn = ({ status, headers }: Answer) => [status < 300, headers.get('etag')]
  const values: Told = { tenant: `tag-${crypto.randomUUID().slice(0, 8)}`, urn: 'urn:example:tagged:2.0:User' }
  const written = async (method: string, path: string, read: string, more: Asked = {}): Promise<Answer> => {
    const answer = await keys(method, path, { ...more, values })
    for (const [field, name] of [
      ['connection', 'id'],
      ['kid', 'kid'],
      ['token', 'id'],
    ] as const) {
      if (read.endsWith(`{${field}}`)) values[field] = answer.body[name]
    }
    expect([method, path, ...tagIn(answer)]).toEqual([method, path, ...tagIn(await keys('GET', read, { values }))])
    return answer
  }
  const [tenant, one] = ['/tenants/{tenant}', '/connections/{connection}']
  const made = await written('PUT', tenant, tenant, { body: { name: values.tenant } })
  const going = { 'if-match': made.headers.get('etag') ?? '' }
  await written('PUT', tenant, tenant, { body: { name: `${values.tenant} 2` }, headers: going })
  await written('POST', `${tenant}/connections`, one, { body: { name: 'Tagged' } })
  values.name = 'Tagged'
  await written('PUT', `${tenant}/connections/by-name/{name}`, one, { body: {} })
  await written('PATCH', one, one, { body: { identityProvider: 'okta' } })
  const [schemas, schema] = [`${one}/schemas`, `${one}/schemas/{urn}`]
  const document = { id: values.urn, name: 'Tagged', attributes: [{ name: 'floor', type: 'string' }] }
  await written('POST', schemas, schema, { body: document })
  await written('PUT', schema, schema, { body: { ...document, description: 'wider' } })
  await written('PUT', `${one}/rotation-policy`, `${one}/rotation-policy`, { body: { graceHours: 1 } })
  await written('POST', `${one}/keys`, '/keys/{kid}')
  await written('PATCH', '/keys/{kid}', '/keys/{kid}', { body: { policy: { allowlist: ['127.0.0.0/8'] } } })
  await written('POST', '/keys/{kid}/revoke', '/keys/{kid}')
  await written('POST', `${one}/disable`, one)
  await written('POST', '/tokens', '/tokens/{token}', { body: { name: 'tagged', scopes: ['tenants:read'] } })
  await written('PATCH', '/tokens/{token}', '/tokens/{token}', { body: { name: 'tagged anew' } })
  await written('POST', '/tokens/{token}/revoke', '/tokens/{token}')
})

test('two who put the same at once are answered alike, and it is made once', async () => {
  const { tenant } = connection
  const values = { tenant, name: 'Twice' }
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => keys('PUT', '/tenants/{tenant}/connections/by-name/{name}', { values, body: {} })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201])
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(await eventsOf(answers[0]?.body.id)).toEqual(['connection.created'])
})

test('what is used meanwhile has another tag, and may be changed all the same', async () => {
  const made = await keys('POST', '/tokens', { body: { name: 'tagged', scopes: ['tenants:read', 'tokens:read'] } })
  const token = made.body.id
  const read = (headers?: Headers) => keys('GET', '/tokens/{token}', { values: { token }, headers })
  const before = await read()
  await fetch(`${world.keysUrl}/admin/v1/tenants`, { headers: { authorization: `Bearer ${made.body.token}` } })
  const after = await eventually(read, ({ body }) => body.lastUsed !== null)
  const [tag, usedTag] = [before, after].map(({ headers }) => headers.get('etag') ?? '')
  expect(tag).not.toBe(usedTag)
  expect((await read({ 'if-none-match': tag ?? '' })).status).toBe(200)
  const patch = (name: string) =>
    keys('PATCH', '/tokens/{token}', { values: { token }, body: { name }, headers: { 'if-match': tag ?? '' } })
  expect((await patch('renamed')).body.name).toBe('renamed')
  expect((await patch('again')).body.code).toBe('preconditionFailed')
  expect((await keys('POST', '/tokens/{token}/revoke', { values: { token } })).body.state).toBe('revoked')
  expect((await keys('PATCH', '/tokens/{token}', { values: { token }, body: { name: 'x' } })).status).toBe(409)
  expect((await keys('GET', '/tokens')).body.items.map(({ id }: Told) => id)).toContain(token)
})

test('no operation that takes no body takes one, and nothing is done of what is asked with it', async () => {
  const values = new Proxy<Record<string, string>>({}, { get: () => 'none' })
  const asked = new Set<string>()
  for (const { url, services, contract } of programs) {
    const bodiless = contract.operations.filter(
      ({ method, takesBody, service }) =>
        method !== 'GET' && !takesBody && (service === 'each' || services.includes(service)),
    )
    for (const { method, path } of bodiless) {
      asked.add(`${method} ${path}`)
      for (const body of [[1], { x: 1 }, null]) {
        const { code } = (await callOnce(url, method, path, { values, body })).body
        expect([method, path, body, code]).toEqual([method, path, body, 'invalid'])
      }
    }
  }
  expect(asked).toContain('POST /admin/v1/keys/{kid}/revoke')
  const { kid } = (await keys('POST', '/connections/{connection}/keys', { values: { connection: connection.id } })).body
  expect((await keys('POST', '/keys/{kid}/revoke', { values: { kid }, body: [1] })).status).toBe(422)
  expect((await keys('GET', '/keys/{kid}', { values: { kid } })).body.state).toBe('pending')
  expect((await keys('POST', '/keys/{kid}/revoke', { values: { kid }, body: {} })).body.state).toBe('revoked')
})

test('every operation that a document describes answers as described, and there are no others', async () => {
  const { tenant, id } = connection
  const values = { tenant, connection: id }
  const at = (service: 'gateway' | 'directory' | 'audit') =>
    ({ gateway: world.gatewayUrl, directory: world.directoryUrl, audit: world.auditUrl })[service]
  await keys('POST', '/tenants', { body: { name: `Whole ${crypto.randomUUID()}` } })
  await keys('GET', '/tenants', { query: '?limit=2' })
  const spare = (await keys('POST', '/tenants/{tenant}/connections', { values, body: { name: 'Spare' } })).body.id
  await keys('GET', '/tenants/{tenant}/connections', { values })
  await keys('GET', '/connections')
  await keys('PATCH', '/connections/{connection}', { values: { connection: spare }, body: { name: 'Spare 2' } })
  await keys('POST', '/connections/{connection}/disable', { values: { connection: spare } })
  await keys('DELETE', '/connections/{connection}', { values: { connection: spare } })
  await keys('GET', '/connections', { query: '?deleted=true' })
  const named = { values: { tenant, name: 'Brief' } }
  await keys('PUT', '/tenants/{tenant}/connections/by-name/{name}', { ...named, body: {} })
  await keys('DELETE', '/tenants/{tenant}/connections/by-name/{name}', named)
  const urn = 'urn:example:params:scim:schemas:extension:desk:2.0:User'
  const document = { id: urn, name: 'Desk', attributes: [{ name: 'floor', type: 'string' }] }
  const schema = { values: { ...values, urn } }
  await keys('POST', '/connections/{connection}/schemas', { values, body: document })
  await keys('GET', '/connections/{connection}/schemas', { values })
  const { headers } = await keys('GET', '/connections/{connection}/schemas/{urn}', schema)
  const [etag, wider] = [headers.get('etag') ?? '', [...document.attributes, { name: 'side', type: 'string' }]]
  const change = { ...schema, body: { ...document, attributes: wider }, headers: { 'if-match': etag } }
  expect((await keys('PUT', '/connections/{connection}/schemas/{urn}', change)).status).toBe(200)
  expect((await keys('PUT', '/connections/{connection}/schemas/{urn}', change)).status).toBe(412)
  expect(
    (await keys('DELETE', '/connections/{connection}/schemas/{urn}', { ...schema, headers: { 'if-match': etag } }))
      .status,
  ).toBe(412)
  await keys('DELETE', '/connections/{connection}/schemas/{urn}', schema)
  const { kid } = (await keys('POST', '/connections/{connection}/keys', { values })).body
  await keys('GET', '/connections/{connection}/keys', { values })
  expect((await keys('GET', '/keys/{kid}', { values: { kid } })).headers.get('etag')).toMatch(/^"1/)
  const policy = { body: { policy: { allowlist: ['127.0.0.0/8'] } }, headers: { 'if-match': '"1"' }, values: { kid } }
  expect((await keys('PATCH', '/keys/{kid}', policy)).body.policy.allowlist).toEqual(['127.0.0.0/8'])
  expect((await keys('PATCH', '/keys/{kid}', policy)).status).toBe(412)
  // Only the schedule mints a key to be revealed, days ahead.
  expect((await keys('POST', '/keys/{kid}/reveal', { values: { kid } })).status).toBe(409)
  visited.add('POST /admin/v1/keys/{kid}/reveal')
  await keys('POST', '/keys/{kid}/cancel', { values: { kid } })
  await keys('POST', '/keys/{kid}/revoke', { values: { kid } })
  await rotate(values)
  const leaked = (await keys('POST', '/tenants/{tenant}/connections', { values, body: { name: 'Leaky' } })).body.id
  const { key } = (await keys('POST', '/connections/{connection}/keys', { values: { connection: leaked } })).body
  expect((await call(world.keysUrl, 'POST', '/leaks', { body: { keys: [key] } })).body.results[0].outcome).toBe(
    'revoked',
  )
  await keys('GET', '/peppers')
  await keys('GET', '/data-keys')
  await keys('POST', '/data-keys/rewrap')

  const scim = world.scim(connection)
  const person = (await scim('POST', '/Users', { ...user('ada'), displayName: 'Ada' })).body.id
  const gone = (await scim('POST', '/Users', user('grace'))).body.id
  const group = (await scim('POST', '/Groups', { displayName: 'All', members: [{ value: person }] })).body.id
  await scim('DELETE', `/Users/${gone}`)
  const deleted = '/admin/v1/connections/{connection}/deleted'
  await call(at('gateway'), 'GET', deleted, { values })
  await call(at('gateway'), 'POST', `${deleted}/{id}/restore`, { values: { ...values, id: gone } })
  const [record] = await eventually(
    () => world.audit({ connection: id, operation: 'users.create' }),
    (found) => found.length === 2,
  )
  const replay = { values: { request: record.id }, body: { dryRun: true } }
  expect((await call(at('gateway'), 'POST', '/admin/v1/requests/{request}/replay', replay)).status).toBe(200)
  const again = { ...replay, body: { dryRun: false } }
  expect((await call(at('gateway'), 'POST', '/admin/v1/requests/{request}/replay', again)).status).toBe(200)

  await eventually(
    () => world.directory(`/${id}/groups/${group}`),
    ({ status }) => status === 200,
  )
  for (const [noun, one] of [
    ['users', person],
    ['groups', group],
  ]) {
    await call(at('directory'), 'GET', `/directory/v1/{connection}/${noun}`, { values, query: '?limit=1' })
    await call(at('directory'), 'GET', `/directory/v1/{connection}/${noun}/{id}`, { values: { ...values, id: one } })
  }
  await bury(at('directory'))
  await call(at('audit'), 'GET', '/audit/v1/records', { query: '?limit=200' })
  await decide(at('gateway'), at('audit'), id)
  await call(at('audit'), 'GET', '/audit/v1/records/{id}', { values: { id: record.id } })
  for (const { url } of programs) {
    await call(url, 'GET', '/admin/v1/openapi.json')
    const { items } = (await call(url, 'GET', '/admin/v1/followers')).body
    const letters = { values: { group: items[0].group } }
    await call(url, 'GET', '/admin/v1/followers/{group}/dead-letters', letters)
    await call(url, 'POST', '/admin/v1/followers/{group}/dead-letters/replay', {
      ...letters,
      body: { ids: [crypto.randomUUID()] },
    })
  }
  const told = programs.flatMap(({ contract }) => contract.operations.map(({ method, path }) => `${method} ${path}`))
  expect([...visited].sort()).toEqual([...new Set(told)].sort())
})

/** Has the directory fail at a person, and apply that again. */
async function bury(directory: string): Promise<void> {
  const letters = '/admin/v1/followers/{group}/dead-letters'
  const values = { group: 'directory' }
  await world.query(`ALTER TABLE directory.person ADD CONSTRAINT no_alan CHECK (user_name <> 'alan')`)
  await world.scim(connection)('POST', '/Users', user('alan'))
  const [letter] = await eventually(
    async () => (await call(directory, 'GET', letters, { values })).body.items,
    ({ length }) => length > 0,
  )
  await world.query('ALTER TABLE directory.person DROP CONSTRAINT no_alan')
  const replayed = await call(directory, 'POST', `${letters}/replay`, { values, body: { ids: [letter.id] } })
  expect(replayed.body.applied).toEqual([letter.id])
}

/** What the guard and a detection of a key at another connection ask a person for. */
async function decide(gateway: string, audit: string, id: string): Promise<void> {
  const guard = '/admin/v1/guard'
  await call(gateway, 'POST', `${guard}/{connection}/allow`, { values: { connection: id }, body: { count: 5 } })
  const { items } = (await call(gateway, 'GET', guard)).body
  expect(items).toContainEqual(expect.objectContaining({ connection: id, state: 'allowed', left: 5 }))
  await call(gateway, 'POST', `${guard}/{connection}/deny`, { values: { connection: id } })
  const other = await world.connection('entra', { tenant: connection.tenant })
  await world.scim({ scimBaseUrl: other.scimBaseUrl, key: connection.key })('GET', '/Users')
  const detections = '/admin/v1/detections'
  const [detection] = await eventually(
    async () => (await call(audit, 'GET', detections, { query: '?rule=connection-mismatch' })).body.items,
    (found) => found.length > 0,
  )
  const values = { detection: detection.id }
  await call(audit, 'GET', `${detections}/{detection}`, { values })
  await call(audit, 'POST', `${detections}/{detection}/acknowledge`, { values })
  await call(audit, 'POST', `${detections}/{detection}/mute`, { values, body: { for: '1h' } })
  await call(audit, 'POST', `${detections}/{detection}/unmute`, { values })
}

/** One rotation to its end, one cancelled, and a schedule. */
async function rotate(values: { readonly tenant: string; readonly connection: string }): Promise<void> {
  const policyPath = '/connections/{connection}/rotation-policy'
  await keys('GET', policyPath, { values })
  await keys('PUT', policyPath, { values, body: { mode: 'strict', graceHours: 1 } })
  const started = await keys('POST', '/connections/{connection}/rotations', { values })
  const rotation = { values: { rotation: started.body.id } }
  await keys('GET', '/rotations/{rotation}', rotation)
  await keys('POST', '/rotations/{rotation}/cancel', rotation)
  const again = await keys('POST', '/connections/{connection}/rotations', { values })
  await keys('POST', '/rotations/{rotation}/finish', { values: { rotation: again.body.id }, body: { force: true } })
  await keys('GET', '/connections/{connection}/rotations', { values })
  connection = { ...connection, key: again.body.key, kid: again.body.newKey.kid }
}

/** Here nothing is there to be revealed or wrapped anew; what both leave is proved by the keys service's own tests. */
const withoutEffect = ['keys.reveal', 'dataKeys.rewrap']

test('every operation has left a record of who asked and from where, and each write the events of what it changed', async () => {
  const operations = (programs[0]?.contract.operations ?? []).map(({ id, path, ...rest }) => ({
    ...rest,
    name: id.replace(/\.\d+$/, ''),
    path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
  }))
  const recordsOf = ({ name, method, path }: (typeof operations)[number], trail: Told[]): Told[] =>
    trail.filter((one) => one.operation === name && one.method === method && path.test(one.path) && one.status < 400)
  const trail = await eventually(
    () => world.audit({ surface: 'admin' }),
    (found) => operations.every((one) => one.name === 'keys.reveal' || recordsOf(one, found).length > 0),
  )
  const events = new Set((await world.events()).map(({ id }) => id))
  for (const operation of operations) {
    const { name, method, scope } = operation
    const records = recordsOf(operation, trail)
    for (const record of records) {
      const who = [name, record.address, typeof record.actor, record.steps.at(-1).decision]
      expect(who).toEqual([name, '127.0.0.1', scope === undefined ? 'undefined' : 'string', 'passed'])
      expect([name, record.events.filter((id: string) => !events.has(id))]).toEqual([name, []])
    }
    if (method === 'GET' || withoutEffect.includes(name)) continue
    expect([name, records.some((record) => record.events.length > 0)]).toEqual([name, true])
  }
})

test('who reads people is recorded with whom they read, and who reads the trail with what', async () => {
  const { id, tenant } = connection
  const person = (await world.directory(`/${id}/users`)).body.items[0].id
  await world.directory(`/${id}/users/${person}?`)
  const read = async (operation: string) => (await world.audit({ operation, connection: id }))[0]
  const [shown, listed] = await eventually(
    () => Promise.all([read('directory.users.read'), read('directory.users.list')]),
    (found) => found[0]?.subject?.id === person && found[1] !== undefined,
  )
  expect(shown).toMatchObject({ tenant, surface: 'admin', subject: { kind: 'User', id: person }, events: [] })
  expect(listed).toMatchObject({ tenant, subject: null })
  await call(world.auditUrl, 'GET', '/audit/v1/records/{id}', { values: { id: shown.id } })
  const [record] = await eventually(
    () => world.audit({ operation: 'audit.records.read', connection: id }),
    (found) => found.some(({ subject }) => subject.id === shown.id),
  )
  expect(record).toMatchObject({ tenant, subject: { kind: 'request', id: shown.id }, actor: 'bootstrap' })
})

test('who hides an address in percent signs is recorded as everyone is', async () => {
  const { id, tenant } = await world.connection('okta')
  const headers = { authorization: `Bearer ${world.adminToken}` }
  const hidden = `${world.directoryUrl}/%64irectory/%761/${id}/groups`
  await eventually(
    async () => (await fetch(hidden, { headers })).status,
    (status) => status === 200,
  )
  const [record] = await eventually(
    () => world.audit({ operation: 'directory.groups.list', connection: id }),
    (found) => found.length > 0,
  )
  expect(record).toMatchObject({ status: 200, actor: 'bootstrap', tenant })
})

test('every write takes an Idempotency-Key, by the document, but for the report of keys, which anybody may send', () => {
  for (const { contract } of programs) {
    const without = contract.operations.filter(
      ({ method, path, headers }) => method !== 'GET' && path !== '/leaks' && !headers.includes('Idempotency-Key'),
    )
    expect(without.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  }
})

test('a repeated mint shows no secret, and a repeated PUT is answered as when it made something, whatever became of that', async () => {
  const headers = { 'idempotency-key': crypto.randomUUID() }
  const create = () => keys('POST', '/tokens', { body: { name: 'once', scopes: ['tenants:read'] }, headers })
  const [first, second] = [await create(), await create()]
  expect(second.body.id).toBe(first.body.id)
  expect([typeof first.body.token, second.body.token]).toEqual(['string', undefined])
  const put = { values: { tenant: `once-${first.body.id.toLowerCase()}` }, body: { name: `Once ${first.body.id}` } }
  const key = { 'idempotency-key': crypto.randomUUID() }
  await keys('PUT', '/tenants/{tenant}', { ...put, headers: key })
  await keys('DELETE', '/tenants/{tenant}', { values: put.values })
  const repeated = await keys('PUT', '/tenants/{tenant}', { ...put, headers: key })
  expect([repeated.status, repeated.body.name]).toEqual([201, put.body.name])
})

test('conditions and methods that cannot be read are told as such', async () => {
  const values = { connection: connection.id }
  const wrong = await keys('PATCH', '/connections/{connection}', {
    values,
    body: {},
    headers: { 'if-match': 'no quotes' },
  })
  expect([wrong.status, wrong.body.code]).toEqual([400, 'badRequest'])
  const weak = await keys('PATCH', '/connections/{connection}', { values, body: {}, headers: { 'if-match': 'W/"1"' } })
  expect([weak.status, weak.body.code]).toEqual([412, 'preconditionFailed'])
})
