import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type Connection, enterWorld, eventually, type Told, type World } from '../world.ts'

/** Requests as no client library writes them, byte by byte. */
let world: World
let connection: Connection
beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('okta')
})
afterAll(() => world.stop())

/** All that comes back on the socket before the server closes it. */
async function write(lines: readonly string[], body = '', ending = '\r\n'): Promise<string> {
  const { hostname, port } = new URL(connection.scimBaseUrl)
  const socket = connect(Number(port), hostname)
  socket.write(Buffer.from(`${lines.join(ending)}${ending}${ending}${body}`, 'latin1'))
  return text(socket)
}

const to = (method: string): string => `${method} ${new URL(connection.scimBaseUrl).pathname}/Users?count=0 HTTP/1.1`
const authorization = (): string => `Authorization: Bearer ${connection.key}`
const typed = 'Content-Type: application/scim+json'

/** A whole request that must not be taken for one of its own. */
const smuggled = (): string => [to('GET'), 'Host: x', authorization(), 'Connection: close', '', ''].join('\r\n')

const broken: Readonly<Record<string, () => readonly [lines: readonly string[], body?: string, ending?: string]>> = {
  'a header that goes on in the next line': () => [['Authorization: Bearer', ` ${connection.key}`]],
  'a second Authorization within a line that goes on': () => [[authorization(), 'X: y', ' Authorization: Bearer x']],
  'a space before the colon': () => [[`Authorization : Bearer ${connection.key}`]],
  'a carriage return within a value': () => [[`X: y\r${authorization()}`]],
  'a line feed within a value': () => [[`X: y\n${authorization()}`]],
  'line feeds alone': () => [[authorization()], '', '\n'],
  'U+0000 in a value': () => [[`${authorization()}\0`]],
  'U+0000 in a name': () => [[authorization(), 'X\0: y']],
  'two lengths': () => [[authorization(), typed, 'Content-Length: 2', 'Content-Length: 2'], '{}'],
  'two lengths in one header': () => [[authorization(), typed, 'Content-Length: 2, 2'], '{}'],
  'a length with a sign': () => [[authorization(), typed, 'Content-Length: +2'], '{}'],
  'a length and a transfer coding': () => [
    [authorization(), typed, 'Content-Length: 5', 'Transfer-Encoding: chunked'],
    '0\r\n\r\n',
  ],
  'two transfer codings': () => [
    [authorization(), typed, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    '0\r\n\r\n',
  ],
  'chunks in chunks': () => [[authorization(), typed, 'Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  'a transfer coding behind another character': () => [
    [authorization(), typed, 'Transfer-Encoding: \x0bchunked'],
    '0\r\n\r\n',
  ],
}

test.each(Object.entries(broken))(
  '%s is no HTTP: nothing of it, and of what follows it, is taken',
  async (_what, make) => {
    const { pathname } = new URL(connection.scimBaseUrl)
    const recorded = async () => {
      // The connection is told of where it is remembered, and whatever changes about trust may have it forgotten.
      expect((await world.scim(connection)('GET', '/ServiceProviderConfig')).status).toBe(200)
      const [headers, body = '', ending] = make()
      const path = `${pathname}/Users/${crypto.randomUUID()}`
      const line = `${body === '' ? 'GET' : 'POST'} ${path}?count=0 HTTP/1.1`
      const answer = await write([line, 'Host: x', ...headers], body + smuggled(), ending)
      expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
      expect(answer).toContain('urn:ietf:params:scim:api:messages:2.0:Error')
      expect(answer).not.toContain(connection.key)
      const ofIt = async () => (await world.audit({ surface: 'scim' })).filter((record) => record.path === path)
      const records = await eventually(ofIt, ({ length }) => length > 0)
      expect(records).toEqual([expect.objectContaining({ outcome: 'refused', address: '127.0.0.1' })])
      return records[0]
    }
    const record = await eventually(recorded, (told) => told.connection !== null)
    const code = 'unreadable-request'
    expect(record).toMatchObject({ status: 400, code, connection: connection.id, tenant: connection.tenant })
    expect(record.kid).toBeNull()
    expect(record.steps).toMatchObject([{ step: 'shape', decision: 'refused', code }])
  },
)

test.each([
  ['a token', '/oauth2/token', 'scim'],
  ['the admin API', '/admin/v1/guard', 'admin'],
] as const)(
  'what is no HTTP and asks for %s leaves one record, with no more than its address',
  async (_, path, surface) => {
    const mark = crypto.randomUUID()
    const { hostname, port } = new URL(world.gatewayUrl)
    const socket = connect(Number(port), hostname)
    const lines = [
      `POST ${path}?${connection.key} HTTP/1.1`,
      'Host: x',
      `User-Agent: ${mark}`,
      authorization(),
      'X\0: y',
    ]
    socket.write([...lines, '', ''].join('\r\n'))
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /)
    const code = surface === 'scim' ? 'unreadable-request' : 'badRequest'
    const [record, ...more] = await eventually(
      async () => (await world.audit({ surface })).filter((each) => each.path === path && each.code === code),
      ({ length }) => length > 0,
    )
    expect(more).toEqual([])
    expect(record).toMatchObject({ outcome: 'refused', status: 400, userAgent: null, kid: null, tenant: null })
    expect(JSON.stringify(record)).not.toContain(connection.key)
  },
)

interface Refused {
  /** The first line and Host, where these are not as ever. */
  readonly begins?: (method: string) => readonly string[]
  readonly headers: () => readonly string[]
  readonly body?: string
  readonly status: number
  readonly code: string
  readonly step: string
}

/** RFC 9112 section 6.1: whoever is on the way may have undone it, or not. */
const otherCoding = {
  body: '2\r\n{}\r\n0\r\n\r\n',
  status: 501,
  code: 'unsupported-transfer-coding',
  step: 'shape',
} as const
const refused: Readonly<Record<string, Refused>> = {
  'two Authorization headers in different letters': {
    headers: () => [authorization(), authorization().replace('A', 'a')],
    status: 400,
    code: 'authorization-repeated',
    step: 'shape',
  },
  'two keys in one Authorization header': {
    headers: () => [`${authorization()}, Bearer ${connection.key}`],
    status: 401,
    code: 'key-whitespace',
    step: 'key',
  },
  'a byte in a key that is not ASCII': {
    headers: () => [`${authorization()}\xe9`],
    status: 400,
    code: 'authorization-not-ascii',
    step: 'shape',
  },
  'a tab in a key': {
    headers: () => [authorization().replace('lk_', 'lk_\t')],
    status: 401,
    code: 'key-whitespace',
    step: 'key',
  },
  'a key in a trailer': {
    headers: () => [typed, 'Transfer-Encoding: chunked', 'Trailer: Authorization'],
    body: `2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n`,
    status: 401,
    code: 'key-missing',
    step: 'key',
  },
  'two Host headers': {
    headers: () => [authorization(), 'Host: y'],
    status: 400,
    code: 'host-repeated',
    step: 'shape',
  },
  'no Host': {
    begins: (method) => [to(method)],
    headers: () => [authorization()],
    status: 400,
    code: 'host-missing',
    step: 'shape',
  },
  ...Object.fromEntries(
    ['x y', 'x, y', 'x/scim', 'user@x', 'x:80:80', 'x:http', '[::1', 'x\xe9', 'x%4'].map((host) => [
      `a Host that is none: ${host}`,
      {
        begins: (method: string) => [to(method), `Host: ${host}`],
        headers: () => [authorization()],
        status: 400,
        code: 'host-invalid',
        step: 'shape',
      },
    ]),
  ),
  'a transfer coding in HTTP/1.0, with what follows it': {
    begins: (method) => [to(method).replace('1.1', '1.0'), 'Connection: keep-alive'],
    headers: () => [authorization(), typed, 'Transfer-Encoding: chunked'],
    body: '2\r\n{}\r\n0\r\n\r\n',
    status: 400,
    code: 'transfer-coding-of-old-http',
    step: 'shape',
  },
  'a body that is compressed on its way': {
    headers: () => [authorization(), typed, 'Transfer-Encoding: gzip, chunked'],
    ...otherCoding,
  },
  'a transfer coding that is none': {
    headers: () => [authorization(), typed, 'Transfer-Encoding: xchunked'],
    ...otherCoding,
  },
  'another coding, in a header of its own': {
    headers: () => [authorization(), typed, 'Transfer-Encoding: identity;q=1', 'Transfer-Encoding: chunked'],
    ...otherCoding,
  },
  'a chunk whose length is none': {
    headers: () => [authorization(), typed, 'Transfer-Encoding: chunked'],
    body: '0x2\r\n{}\r\n0\r\n\r\n',
    status: 400,
    code: 'unreadable-request',
    step: 'payload',
  },
  'a chunk whose length is none, behind a head that is refused for itself': {
    begins: () => [to('PUT'), 'Host: x'],
    headers: () => [authorization(), typed, 'Transfer-Encoding: chunked'],
    body: '0x2\r\n{}\r\n0\r\n\r\n',
    status: 405,
    code: 'method-not-allowed',
    step: 'payload',
  },
  'two content types': {
    headers: () => [authorization(), typed, 'Content-Type: text/plain', 'Content-Length: 2'],
    body: '{}',
    status: 415,
    code: 'unsupported-media-type',
    step: 'payload',
  },
}

test.each(Object.entries(refused))('%s: refused with its code, and recorded', async (_what, sent) => {
  const {
    begins = (method) => [to(method), 'Host: x', 'Connection: close'],
    headers,
    body = '',
    status,
    code,
    step,
  } = sent
  const mark = crypto.randomUUID()
  const method = body === '' ? 'GET' : 'POST'
  const lines = [...begins(method), `User-Agent: ${mark}`, ...headers()]
  if (!lines.some((line) => line.startsWith('Connection: '))) lines.push('Connection: close')
  const answer = await write(lines, body)
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`])
  expect(answer).not.toContain(connection.key)
  const record = await recordOf(mark)
  expect(record).toMatchObject({ outcome: 'refused', status, code })
  expect(record.steps.at(-1)).toMatchObject({ step, decision: 'refused', code })
})

test.each([
  ['two Host headers', ['Host: x', 'Host: y']],
  ['a Host that is none', ['Host: x y']],
  ['no Host', []],
  ['two admin tokens', ['Host: x', 'Authorization: Bearer lka_other']],
])('%s: the admin API refuses it, and records it', async (_what, headers) => {
  const mark = crypto.randomUUID()
  const { hostname, port } = new URL(world.gatewayUrl)
  const socket = connect(Number(port), hostname)
  const first = ['GET /admin/v1/guard HTTP/1.1', `Authorization: Bearer ${world.adminToken}`, `User-Agent: ${mark}`]
  socket.write([...first, ...headers, 'Connection: close', '', ''].join('\r\n'))
  const answer = await text(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(answer).toContain('"code":"badRequest"')
  expect(await recordOf(mark, 'admin')).toMatchObject({ outcome: 'refused', status: 400, code: 'badRequest' })
})

test('an address that the client itself writes lets it past no allowlist, and is in no record', async () => {
  const { body } = await world.admin('POST', `/connections/${connection.id}/keys`, {
    policy: { allowlist: ['192.0.2.0/24'] },
  })
  const scim = world.scim({ ...connection, key: body.key })
  await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 403,
  )
  const mark = crypto.randomUUID()
  const forged = {
    'x-forwarded-for': '192.0.2.7',
    'x-forwarded-proto': 'https',
    'x-real-ip': '192.0.2.7',
    forwarded: 'for=192.0.2.7;proto=https',
    'true-client-ip': '192.0.2.7',
    'user-agent': mark,
  }
  expect((await scim('GET', '/Users', undefined, forged)).status).toBe(403)
  expect(await recordOf(mark)).toMatchObject({
    address: '127.0.0.1',
    code: 'key-address-not-allowed',
    kid: body.kid,
  })
})

test('a request whose key is revoked while its body comes writes nothing, and is recorded as refused for its key', async () => {
  const other = await world.connection('okta')
  const kid = other.key.split('_')[2]
  const [mark, userName] = [crypto.randomUUID(), `${crypto.randomUUID()}@example.com`]
  const body = JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName })
  const { hostname, port, pathname } = new URL(other.scimBaseUrl)
  const socket = connect(Number(port), hostname)
  const lines = [`POST ${pathname}/Users HTTP/1.1`, 'Host: x', `Authorization: Bearer ${other.key}`, typed]
  lines.push(`User-Agent: ${mark}`, `Content-Length: ${body.length}`, 'Connection: close', '', body.slice(0, -1))
  socket.write(lines.join('\r\n'))
  expect((await world.scim(other)('GET', '/Users?count=0')).status).toBe(200)
  await world.admin('POST', `/keys/${kid}/revoke`)
  await eventually(
    () => world.scim(other)('GET', '/Users?count=0'),
    ({ status }) => status === 401,
  )
  socket.write(body.slice(-1))
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 /)
  const record = await recordOf(mark)
  expect(record).toMatchObject({ kid, status: 401, code: 'key-revoked', changed: [] })
  expect(record.steps.at(-1)).toMatchObject({ step: 'key', decision: 'refused', code: 'key-revoked' })
  const { body: next } = await world.admin('POST', `/connections/${other.id}/keys`)
  const found = await eventually(
    () => world.scim({ ...other, key: next.key })('GET', `/Users?filter=userName eq "${userName}"`),
    ({ status }) => status === 200,
  )
  expect(found.body.totalResults).toBe(0)
})

test('who goes away in the middle of a body is recorded as that, and not as breaking HTTP', async () => {
  const [mark, { hostname, port }] = [crypto.randomUUID(), new URL(connection.scimBaseUrl)]
  const socket = connect(Number(port), hostname)
  const lines = [to('POST'), 'Host: x', authorization(), typed, `User-Agent: ${mark}`, 'Content-Length: 100']
  socket.end([...lines, '', '{"schemas":'].join('\r\n'))
  expect(await recordOf(mark)).toMatchObject({ outcome: 'refused', status: 408, code: 'body-incomplete' })
})

test('a deletion that does not arrive whole deletes nothing', async () => {
  const scim = world.scim(connection)
  const userName = `${crypto.randomUUID()}@example.com`
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User']
  const { body: user } = await scim('POST', '/Users', { schemas, userName })
  const path = `${new URL(connection.scimBaseUrl).pathname}/Users/${user.id}`
  const lines = [`DELETE ${path} HTTP/1.1`, 'Host: x', authorization(), typed, 'Transfer-Encoding: chunked']
  expect(await write(lines, '0x2\r\n{}\r\n0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect((await scim('GET', `/Users/${user.id}`)).status).toBe(200)
  expect(await write([...lines, 'Connection: close'], '2\r\n{}\r\n0\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /)
  expect((await scim('GET', `/Users/${user.id}`)).status).toBe(404)
})

async function recordOf(mark: string, surface: 'scim' | 'admin' = 'scim'): Promise<Told> {
  const [record] = await eventually(
    async () => (await world.audit({ surface })).filter(({ userAgent }) => userAgent === mark),
    ({ length }) => length > 0,
  )
  return record
}
