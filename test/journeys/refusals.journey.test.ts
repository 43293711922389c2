import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { mintKey } from '#libs/credentials/index'
import { seriesIn } from '../metrics.ts'
import { withOtherEnvironment, withOtherSecret } from '../changed-key.ts'
import {
  type Connection,
  eventually,
  group,
  patch,
  type Scim,
  startWorld,
  type Told,
  user,
  type OwnWorld,
} from '../world.ts'

const password = 'correct horse battery staple 1mz050nq'

let world: OwnWorld
let connection: Connection
let other: Connection
let second: Connection
let sandbox: Connection
let disabled: Connection
let revokedKey: string
let scim: Scim
/** One socket for all: what is refused must leave it usable. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const sockets = new Set<unknown>()
const answers: string[] = []

beforeAll(async () => {
  world = await startWorld()
  connection = await world.connection('okta')
  other = await world.connection('entra')
  second = await world.connection('okta', { tenant: connection.tenant })
  sandbox = await world.connection('okta', { tenant: connection.tenant, environment: 'sandbox' })
  disabled = await world.connection('google')
  scim = world.scim(connection)
  const { body: minted } = await world.admin('POST', `/connections/${connection.id}/keys`)
  revokedKey = minted.key
  await eventually(
    () => world.scim({ ...connection, key: revokedKey })('GET', '/Users'),
    ({ status }) => status === 200,
  )
  await world.admin('POST', `/keys/${minted.kid}/revoke`)
  await eventually(
    () => world.scim({ ...connection, key: revokedKey })('GET', '/Users'),
    ({ status }) => status === 401,
  )
  await world.admin('POST', `/connections/${disabled.id}/disable`)
  await eventually(
    () => world.scim(disabled)('GET', '/Users'),
    ({ status }) => status === 403,
  )
})
afterAll(async () => {
  agent.destroy()
  await world.stop()
})

interface Sent {
  readonly method?: string
  /** Below the base URL, exactly as it goes over the wire. */
  readonly path?: string
  readonly base?: () => string
  readonly headers?: () => Record<string, string | string[]>
  readonly body?: string | Buffer
  readonly chunked?: boolean
}

const json = { 'content-type': 'application/scim+json' }
const asOurs = (): Record<string, string> => ({ authorization: `Bearer ${connection.key}`, ...json })
const withKey = (key: () => string) => (): Record<string, string> => ({ authorization: `Bearer ${key()}`, ...json })
const aUser = JSON.stringify(user('refused', { password }))

async function send({
  method = 'POST',
  path = '/Users',
  base = () => connection.scimBaseUrl,
  headers = asOurs,
  body,
  chunked = false,
}: Sent) {
  const payload = body ?? (method === 'GET' || method === 'DELETE' ? '' : aUser)
  const { hostname, port, pathname } = new URL(base())
  const length: Record<string, string> =
    chunked || payload.length === 0 ? {} : { 'content-length': String(Buffer.byteLength(payload)) }
  const outgoing = httpRequest({
    agent,
    hostname,
    port,
    method,
    path: `${pathname}${path}`,
    headers: { ...headers(), ...length },
  })
  outgoing.on('socket', (socket) => sockets.add(socket))
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    headers: Record<string, unknown>
    body: Told
  }>()
  outgoing.on('error', reject)
  outgoing.on('response', (answer) => {
    text(answer).then((read) => {
      answers.push(read)
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: JSON.parse(read) })
    }, reject)
  })
  if (chunked) {
    for (let at = 0; at < payload.length; at += 65_536) outgoing.write(payload.slice(at, at + 65_536))
    outgoing.end()
  } else outgoing.end(payload)
  return promise
}

interface Refusal {
  readonly what: string
  readonly sent: Sent
  readonly status: number
  readonly step: string
  readonly code: string
  readonly scimType?: string
  readonly header?: readonly [string, string]
  /** Whose record it is: the connection's that was proved or, without proof, that the address names. */
  readonly owner?: 'ours' | 'other' | 'second' | 'sandbox' | 'disabled' | 'nobody'
}

const changed = (key: string, at: number): string =>
  key.slice(0, at) + (key[at] === 'A' ? 'B' : 'A') + key.slice(at + 1)

/** RFC 6750 section 3: what is wrong is told to who presented something. */
const challenge = ['www-authenticate', 'Bearer realm="scim", error="invalid_token"'] as const
const key = { step: 'key', status: 401, header: challenge } as const
const noKey = { ...key, header: ['www-authenticate', 'Bearer realm="scim"'] } as const
const broken = { step: 'payload', status: 400, code: 'invalid-syntax', scimType: 'invalidSyntax' } as const
const large = Buffer.from(JSON.stringify(user('large', { title: 'x'.repeat(2 * 1024 * 1024) })))
const deep = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"deep","x":${'['.repeat(200)}${']'.repeat(200)}}`

const refusals: readonly Refusal[] = [
  { what: 'no key', sent: { headers: () => json }, ...noKey, code: 'key-missing' },
  {
    what: 'an empty Authorization',
    sent: { headers: () => ({ authorization: '', ...json }) },
    ...noKey,
    code: 'key-empty',
  },
  {
    what: 'another scheme',
    sent: { headers: () => ({ authorization: 'Basic YTpi', ...json }) },
    ...noKey,
    code: 'key-other-scheme',
  },
  {
    what: 'a key with its secret changed',
    sent: { headers: withKey(() => changed(connection.key, 30)) },
    ...key,
    code: 'key-bad-checksum',
  },
  {
    what: 'a truncated key',
    sent: { headers: withKey(() => connection.key.slice(0, -9)) },
    ...key,
    code: 'key-truncated',
  },
  {
    what: 'a key that was never minted',
    sent: { headers: withKey(() => mintKey('live').text) },
    ...key,
    code: 'key-unknown',
  },
  {
    what: 'a key with another secret',
    sent: { headers: withKey(() => withOtherSecret(connection.key)) },
    ...key,
    code: 'key-wrong-secret',
  },
  { what: 'a revoked key', sent: { headers: withKey(() => revokedKey) }, ...key, code: 'key-revoked' },
  {
    what: 'two Authorization headers',
    sent: { headers: () => ({ authorization: [`Bearer ${connection.key}`, `Bearer ${other.key}`], ...json }) },
    step: 'shape',
    status: 400,
    code: 'authorization-repeated',
  },
  {
    what: 'a key with a byte that is not ASCII',
    sent: { headers: withKey(() => `${connection.key.slice(0, 30)}\u00e9${connection.key.slice(31)}`) },
    step: 'shape',
    status: 400,
    code: 'authorization-not-ascii',
  },
  {
    what: 'the key of a connection of another tenant',
    sent: { headers: withKey(() => other.key) },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
    owner: 'other',
  },
  {
    what: 'the key of another connection of the same tenant',
    sent: { headers: withKey(() => second.key) },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
    owner: 'second',
  },
  {
    what: 'a sandbox key at a live connection',
    sent: { headers: withKey(() => sandbox.key) },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
    owner: 'sandbox',
  },
  {
    what: 'a live key at a sandbox connection',
    sent: { base: () => sandbox.scimBaseUrl },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
  },
  {
    what: 'a live key that names the other environment',
    sent: { headers: withKey(() => withOtherEnvironment(connection.key)) },
    ...key,
    code: 'key-of-another-environment',
  },
  {
    what: 'a connection that is not there',
    sent: { base: () => `${world.gatewayUrl}/scim/v2/nosuchconnection` },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
  },
  {
    what: 'a connection that is not there, without a key',
    sent: { base: () => `${world.gatewayUrl}/scim/v2/nosuchconnection`, headers: () => json },
    ...noKey,
    code: 'key-missing',
    owner: 'nobody',
  },
  {
    what: 'a disabled connection',
    sent: { base: () => disabled.scimBaseUrl, headers: withKey(() => disabled.key) },
    step: 'key',
    status: 403,
    code: 'connection-disabled',
    owner: 'disabled',
  },
  { what: 'an unknown path', sent: { path: '/Robots' }, step: 'payload', status: 404, code: 'unknown-endpoint' },
  {
    what: 'a write to the base URL',
    sent: { path: '' },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
    header: ['allow', 'GET, HEAD'],
  },
  ...['/Users/.search', '/.search'].flatMap((path) =>
    ['GET', 'DELETE'].map((method) => ({
      what: `${method} ${path}`,
      sent: { method, path },
      step: 'payload',
      status: 405,
      code: 'method-not-allowed',
      header: ['allow', 'POST'] as const,
    })),
  ),
  { what: '/Me', sent: { method: 'GET', path: '/Me' }, step: 'payload', status: 501, code: 'not-implemented' },
  {
    what: 'a search that is none',
    sent: { path: '/.search', body: '{"filter":"userName pr"}' },
    step: 'operation',
    status: 400,
    code: 'invalid-syntax',
    scimType: 'invalidSyntax',
  },
  {
    what: 'a wrong key where none is needed',
    sent: { method: 'GET', path: '/ServiceProviderConfig', headers: withKey(() => changed(connection.key, 30)) },
    ...key,
    code: 'key-bad-checksum',
  },
  {
    what: 'a schema without a key',
    sent: { method: 'GET', path: '/Schemas', headers: () => json },
    ...noKey,
    code: 'key-missing',
  },
  {
    what: 'a cursor that is none',
    sent: { method: 'GET', path: '/Users?cursor=abc' },
    step: 'operation',
    status: 400,
    code: 'invalid-cursor',
    scimType: 'invalidCursor',
  },
  {
    what: 'a count that is no number, with a cursor',
    sent: { method: 'GET', path: '/Users?cursor&count=many' },
    step: 'operation',
    status: 400,
    code: 'invalid-count',
    scimType: 'invalidCount',
  },
  {
    what: 'a sortBy that is no path',
    sent: { method: 'GET', path: '/Users?sortBy=user%20name' },
    step: 'operation',
    status: 400,
    code: 'invalid-path',
    scimType: 'invalidPath',
  },
  {
    what: 'a path that goes on',
    sent: { method: 'GET', path: '/Users/a/b' },
    step: 'payload',
    status: 404,
    code: 'unknown-endpoint',
  },
  {
    what: 'a wrong method',
    sent: { method: 'PUT' },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
    header: ['allow', 'GET, HEAD, POST'],
  },
  {
    what: 'a wrong method of a resource',
    sent: { path: '/Users/x' },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
    header: ['allow', 'GET, HEAD, PUT, PATCH, DELETE'],
  },
  ...['QUERY', 'PURGE', 'TRACE', 'OPTIONS'].map((method) => ({
    what: `${method}, which nothing takes`,
    sent: { method },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
    header: ['allow', 'GET, HEAD, POST'] as const,
  })),
  {
    what: 'QUERY without a body',
    sent: { method: 'QUERY', headers: withoutType, body: '' },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
  },
  {
    what: 'a write to what is discovered',
    sent: { path: '/Schemas' },
    step: 'payload',
    status: 405,
    code: 'method-not-allowed',
    header: ['allow', 'GET, HEAD'],
  },
  {
    what: 'a wrong content type',
    sent: { headers: () => ({ ...asOurs(), 'content-type': 'text/xml' }) },
    step: 'payload',
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    what: 'a content type that is none',
    sent: { headers: () => ({ ...asOurs(), 'content-type': 'json' }) },
    step: 'payload',
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    what: 'no content type',
    sent: { headers: withoutType },
    step: 'payload',
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    what: 'a body in another charset than UTF-8, also where it is named',
    sent: {
      headers: () => ({ ...asOurs(), 'content-type': 'application/scim+json; charset=iso-8859-1' }),
      body: Buffer.from(JSON.stringify(user('\u00e9')), 'latin1'),
    },
    step: 'payload',
    status: 400,
    scimType: 'invalidSyntax',
    code: 'invalid-syntax',
  },
  {
    what: 'a compressed body',
    sent: { headers: () => ({ ...asOurs(), 'content-encoding': 'gzip' }), body: gzipSync(aUser) },
    step: 'payload',
    status: 415,
    code: 'unsupported-content-encoding',
    header: ['accept-encoding', 'identity'],
  },
  { what: 'broken JSON', sent: { body: `${aUser.slice(0, -2)}` }, ...broken },
  { what: 'no body', sent: { body: '' }, ...broken },
  {
    what: 'JSON that is no object',
    sent: { body: '[1]' },
    status: 400,
    step: 'operation',
    code: 'invalid-syntax',
    scimType: 'invalidSyntax',
  },
  {
    what: 'a body that is not UTF-8',
    sent: { body: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]) },
    ...broken,
  },
  { what: 'a body nested 200 deep', sent: { body: deep }, ...broken },
  {
    what: 'one JSON key twice',
    sent: { body: '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","userName":"b"}' },
    ...broken,
  },
  { what: 'a body of 2 MiB', sent: { body: large }, step: 'shape', status: 413, code: 'payload-too-large' },
  {
    what: 'a chunked body of 2 MiB',
    sent: { body: large, chunked: true },
    step: 'payload',
    status: 413,
    code: 'payload-too-large',
  },
  {
    what: 'a user without userName',
    sent: { body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], password }) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'a userName that is no text',
    sent: { body: JSON.stringify(user('x', { userName: { value: 'x' } })) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'a userName longer than any index holds',
    sent: { body: JSON.stringify(user('x'.repeat(5000))) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'U+0000 in a value',
    sent: { body: JSON.stringify(user('nul', { title: 'a\u0000b' })) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'U+0000 in a userName',
    sent: { body: JSON.stringify(user('n\u0000l')) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'U+0000 in the id of a member',
    sent: { path: '/Groups', body: JSON.stringify(group('nul', ['a\u0000b'])) },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'half a character',
    sent: { body: '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"half","title":"a\\ud800b"}' },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'U+0000 in a filter',
    sent: { method: 'GET', path: '/Users?filter=userName%20eq%20%22a%5Cu0000%22' },
    step: 'operation',
    status: 400,
    code: 'invalid-filter',
    scimType: 'invalidFilter',
  },
  {
    what: 'a broken filter',
    sent: { method: 'GET', path: '/Users?filter=userName%20eq' },
    step: 'operation',
    status: 400,
    code: 'invalid-filter',
    scimType: 'invalidFilter',
  },
  {
    what: 'percent-encoded junk in the query',
    sent: { method: 'GET', path: '/Users?filter=%ff%00%zz' },
    step: 'operation',
    status: 400,
    code: 'invalid-filter',
    scimType: 'invalidFilter',
  },
  {
    what: 'a count that is no number',
    sent: { method: 'GET', path: '/Users?count=many' },
    step: 'operation',
    status: 400,
    code: 'invalid-value',
    scimType: 'invalidValue',
  },
  {
    what: 'an id that is none',
    sent: { method: 'GET', path: "/Users/'%20OR%201=1" },
    step: 'operation',
    status: 404,
    code: 'not-found',
  },
  {
    what: 'U+0000 in an id',
    sent: { method: 'GET', path: '/Users/a%00b' },
    step: 'operation',
    status: 404,
    code: 'not-found',
  },
  {
    what: 'U+0000 in the connection of the address',
    sent: { base: () => `${world.gatewayUrl}/scim/v2/a%00b`, headers: () => json },
    ...noKey,
    code: 'key-missing',
    owner: 'nobody',
  },
  {
    what: 'a PATCH without operations',
    sent: {
      method: 'PATCH',
      path: '/Users/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a',
      body: '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}',
    },
    step: 'operation',
    status: 400,
    code: 'invalid-syntax',
    scimType: 'invalidSyntax',
  },
  {
    what: 'percent-encoded junk in the path',
    sent: { method: 'GET', path: '/Users/%zz%ff' },
    step: 'operation',
    status: 404,
    code: 'not-found',
  },
  {
    what: 'a very long path',
    sent: { method: 'GET', path: `/Users/${'x'.repeat(14_000)}` },
    step: 'operation',
    status: 404,
    code: 'not-found',
  },
  {
    what: 'a very long connection',
    sent: { base: () => `${world.gatewayUrl}/scim/v2/${'x'.repeat(14_000)}` },
    step: 'key',
    status: 403,
    code: 'key-of-another-connection',
  },
  {
    what: 'an unknown user',
    sent: { method: 'DELETE', path: '/Users/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a' },
    step: 'operation',
    status: 404,
    code: 'not-found',
  },
]

function withoutType(): Record<string, string> {
  const { 'content-type': _, ...headers } = asOurs()
  return headers
}

test.each(refusals.map((refusal) => [refusal.what, refusal] as const))(
  '%s is refused with cause and fix, and recorded',
  async (_what, refusal) => {
    const marked = `journey ${refusals.indexOf(refusal)}`
    const { sent, status, code, scimType } = refusal
    const answer = await send({ ...sent, headers: () => ({ ...(sent.headers ?? asOurs)(), 'user-agent': marked }) })
    expect(answer).toMatchObject({
      status,
      body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) },
    })
    expect(answer.headers['content-type']).toMatch(/^application\/scim\+json/)
    expect(answer.body.scimType).toBe(scimType)
    // At least two sentences or clauses, the cause and what to do; and nothing of our insides.
    expect(answer.body.detail).toMatch(/\S+ \S+.*[.:] \S+ \S+.*\./s)
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.(js|ts):\d|node_modules|SELECT |postgres/i)
    if (refusal.header !== undefined) expect(answer.headers[refusal.header[0]]).toBe(refusal.header[1])
    const owners = { ours: connection, other, second, sandbox, disabled, nobody: { id: null, tenant: null } }
    const owner = owners[refusal.owner ?? 'ours']
    const [record] = await eventually(
      async () => (await world.audit({ surface: 'scim' })).filter(({ userAgent }) => userAgent === marked),
      (found) => found.length > 0,
    )
    expect(record).toMatchObject({
      outcome: 'refused',
      status,
      code,
      detail: answer.body.detail,
      tenant: owner.tenant,
      connection: owner.id,
    })
    expect(record.steps.at(-1)).toMatchObject({ step: refusal.step, decision: 'refused', code })
    expect(record.steps.slice(0, -1).every(({ decision }: { decision: string }) => decision !== 'refused')).toBe(true)
  },
)

test('requests that break HTTP itself are refused, logged and counted, and the server goes on', async () => {
  const counted = async (): Promise<number> =>
    seriesIn(await (await fetch(`${world.gatewayUrl}/metrics`)).text(), 'latchkey_requests_unreadable_total')
  const before = await counted()
  const { hostname, port } = new URL(world.gatewayUrl)
  for (const [bytes, status] of [
    ['GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n', 400],
    ['POST /scim/v2/x/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['GET /scim/v2/x/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\u0000b\r\n\r\n', 400],
    [`GET /scim/v2/x/Users HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(port), hostname)
    socket.write(bytes)
    const answer = await text(socket)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer.includes(`"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]`)).toBe(bytes.includes('/scim/'))
  }
  expect(await counted()).toBe(before + 4)
  expect(world.logs()).toMatch(/"reason":"HPE_INVALID_HEADER_TOKEN".*could not be read/)
  expect((await scim('GET', '/Users')).status).toBe(200)
})

test('a request written as for a proxy is answered and recorded like any other', async () => {
  const { hostname, port, pathname } = new URL(connection.scimBaseUrl)
  const target = `http://anywhere.example${pathname}/Users?count=0`
  const outgoing = httpRequest({ hostname, port, path: target, headers: { ...asOurs(), 'user-agent': 'by proxy' } })
  const answered = once(outgoing.end(), 'response')
  const [answer] = await answered
  expect([answer.statusCode, JSON.parse(await text(answer))]).toEqual([200, expect.objectContaining({ startIndex: 1 })])
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.list' }),
    (found) => found.some(({ userAgent }) => userAgent === 'by proxy'),
  )
  expect(record).toMatchObject({ outcome: 'accepted', path: `${pathname}/Users` })
})

test('U+0000 in an address of the other services is refused, and recorded where its requests are', async () => {
  const marked = { 'user-agent': 'with U+0000' }
  const asked = [
    await world.admin('GET', '/connections/%00', undefined, marked),
    await world.directory(`/${connection.id}/groups/%00`),
    await world.directory(`/${connection.id}/users?userName=%00`),
  ]
  expect(asked.map(({ status, body }) => [status, body.code])).toEqual(asked.map(() => [400, 'badRequest']))
  const [record] = await eventually(
    async () => (await world.audit({ surface: 'admin' })).filter(({ userAgent }) => userAgent === marked['user-agent']),
    (found) => found.length > 0,
  )
  expect(record).toMatchObject({ outcome: 'refused', status: 400, path: '/admin/v1/connections/%00' })
})

test('one connection served all of it', async () => {
  const answer = await send({ body: JSON.stringify(user('after.all', { password })) })
  expect(answer.status).toBe(201)
  expect(sockets.size).toBe(1)
})

test('nothing that was refused left a user, a group or an event', async () => {
  expect((await scim('GET', '/Users')).body.Resources.map(({ userName }: { userName: string }) => userName)).toEqual([
    'after.all',
  ])
  expect((await world.events()).filter(({ name }) => /^(user|group)\./.test(name))).toHaveLength(1)
})

test('no key, token or password is in a log, an event, the audit trail or an answer', async () => {
  await scim('POST', '/Groups', group('last'))
  await scim(
    'PATCH',
    `/Users/${(await scim('GET', '/Users')).body.Resources[0].id}`,
    patch({ op: 'replace', path: 'password', value: password }),
  )
  await scim('GET', `/Users/${connection.key}`)
  await scim('GET', `/Users?filter=userName eq "${connection.key}"`, undefined, { 'user-agent': connection.key })
  await world.admin('GET', `/tenants/${connection.key}`, undefined, { 'user-agent': connection.key })
  await scim('GET', '/Users', undefined, { authorization: `Bearer ${world.adminToken}` })
  for (const path of ['', '/nowhere-that-is-served-by-any-of-these']) {
    for (const place of [`/Users${path}/${world.adminToken}`, `/Users?filter=${world.adminToken}`])
      answers.push(JSON.stringify(await scim('GET', place)))
    for (const place of [`/tenants${path}/${world.adminToken}`, `/tenants?${world.adminToken}`])
      answers.push(JSON.stringify(await world.admin('GET', place)))
  }
  await world.admin('GET', '/tenants', undefined, { authorization: `Bearer ${connection.key}` })
  const trail = await eventually(
    () => world.audit({}),
    (records) => records.some(({ operation, status }) => operation === 'tenants.list' && status === 401),
  )
  const places = {
    logs: world.logs(),
    events: JSON.stringify(await world.events()),
    trail: JSON.stringify(trail),
    answers: answers.join(),
  }
  const secretOf = (text: string): string => text.split('_')[3] ?? ''
  const secrets = [
    ...[connection, other, disabled].map((one) => secretOf(one.key)),
    secretOf(revokedKey),
    world.adminToken,
    password,
  ]
  for (const [place, content] of Object.entries(places)) {
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20)
      expect({ place, holds: content.includes(secret) }).toEqual({ place, holds: false })
    }
  }
  expect(places.logs).not.toMatch(/"level":"?(error|50)/)
})
