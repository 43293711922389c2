import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { mintKey } from '#libs/credentials/index'
import { type Answer, type Connection, enterWorld, eventually, type Told, user, type World } from '../world.ts'

let world: World
let connection: Connection
/** A key that is exchanged for tokens. */
let key: string
let kid: string
beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('entra')
  ;({ key, kid } = await mint(connection.id))
})
afterAll(() => world.stop())

interface Exchanged {
  readonly key: string
  readonly kid: string
  readonly scimBaseUrl: string
  readonly connection: string
}

/** A key that is exchanged, once the gateway knows it. */
async function mint(id: string, policy: object = {}): Promise<Exchanged> {
  const { body } = await world.admin('POST', `/connections/${id}/keys`, {
    policy: { authentication: { method: 'oauth' }, ...policy },
  })
  await eventually(
    () => exchange({ client_id: id, client_secret: body.key }),
    ({ status }) => status === 200,
  )
  return body
}

type Form = Readonly<Record<string, string | undefined>> | string
type SentHeaders = Readonly<Record<string, string | string[] | undefined>>

/** As fetch would not: a header twice. */
async function exchange(
  form: Form = { client_id: connection.id, client_secret: key },
  headers: SentHeaders = {},
  query = '',
): Promise<Answer> {
  const given = { grant_type: 'client_credentials', ...(typeof form === 'string' ? {} : form) }
  const parameters = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const sent = { 'content-type': 'application/x-www-form-urlencoded', ...headers }
  const outgoing = httpRequest(`${world.gatewayUrl}/oauth2/token${query}`, {
    method: 'POST',
    headers: Object.fromEntries(
      Object.entries(sent).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  })
  outgoing.end(typeof form === 'string' ? form : new URLSearchParams(parameters).toString())
  const [answer] = await once(outgoing, 'response')
  const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
  return { status: answer.statusCode, headers: new Headers(told), body: JSON.parse(await text(answer)) }
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
const tokenOf = async (of?: Exchanged): Promise<string> =>
  (await exchange(of && { client_id: of.connection, client_secret: of.key })).body.access_token
const asked = (token: string, of: { readonly scimBaseUrl: string } = connection) =>
  world.scim({ scimBaseUrl: of.scimBaseUrl, key: token })

test('a key is exchanged for a token, in the body or by Basic authentication, and the token does what the key may', async () => {
  // RFC 6749 section 2.3.1 has both form-urlencoded before they are joined.
  const encoded = key.replaceAll('_', '%5F')
  for (const answer of [
    await exchange(),
    await exchange({}, basic(connection.id, key)),
    await exchange({ client_id: connection.id, scope: 'everything' }, basic(connection.id, encoded)),
  ]) {
    expect(answer).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 600, scope: 'read write users groups' },
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('pragma')).toBe('no-cache')
    const name = `by.token.${crypto.randomUUID()}`
    const made = await asked(answer.body.access_token)('POST', '/Users', user(name))
    expect(made.status).toBe(201)
    const [record] = await eventually(
      () => world.audit({ connection: connection.id, operation: 'users.create' }),
      (records) => records.some(({ subject }: Told) => subject.id === made.body.id),
    )
    expect(record).toMatchObject({ kid, status: 201 })
  }
  const [issued] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'tokens.issue', outcome: 'accepted' }),
    (found) => found.length > 0,
  )
  expect(issued).toMatchObject({ path: '/oauth2/token', kid, subject: { kind: 'key', id: kid } })
  expect(issued.steps.map(({ step, decision }: Told) => `${step} ${decision}`)).toEqual(
    ['shape', 'transport', 'address', 'rate', 'client', 'key', 'token'].map((step) => `${step} passed`),
  )
})

test('the key itself is no bearer token', async () => {
  const raw = await asked(key)('GET', '/Users')
  expect(raw).toMatchObject({ status: 401 })
  expect(raw.headers.get('www-authenticate')).toBe('Bearer realm="scim", error="invalid_token"')
  expect(raw.body.detail).toContain('/oauth2/token')
})

test('a token that was changed, made by somebody else, or is of another connection is refused', async () => {
  const token = await tokenOf()
  const other = await world.connection('okta')
  const [head, body, signature = ''] = token.split('.')
  const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.`
  const changed = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const elsewhere = `${head}.${Buffer.from(JSON.stringify({ sub: kid, iss: 'x', exp: 9_999_999_999 })).toString('base64url')}.${signature}`
  for (const forged of [changed, unsigned, elsewhere, `${head}.${body}`]) {
    expect((await asked(forged)('GET', '/Users')).status).toBe(401)
  }
  expect((await asked(token, other)('GET', '/Users')).status).toBe(403)
})

const changed = (text: string): string => `${text.slice(0, 30)}${text[30] === 'A' ? 'B' : 'A'}${text.slice(31)}`

interface Wrong {
  readonly form?: () => Form
  readonly headers?: () => SentHeaders
  readonly query?: () => string
  readonly status: number
  readonly error: string
  readonly code: string
  /** The step that refuses it. */
  readonly step: string
}
const own = () => ({ client_id: connection.id, client_secret: key })
const noClient = { status: 401, error: 'invalid_client', step: 'client' } as const
const noRequest = { status: 400, error: 'invalid_request', step: 'client', code: 'invalid-token-request' } as const
const noKey = { status: 401, error: 'invalid_client', step: 'key' } as const

const wrong: Readonly<Record<string, Wrong>> = {
  'with a secret that was changed': {
    form: () => ({ ...own(), client_secret: changed(key) }),
    ...noKey,
    code: 'key-bad-checksum',
  },
  'with a secret that was never minted': {
    form: () => ({ ...own(), client_secret: mintKey('live').text }),
    ...noKey,
    code: 'key-unknown',
  },
  'for another connection': {
    form: () => ({ ...own(), client_id: 'nobody' }),
    ...noKey,
    code: 'key-of-another-connection',
  },
  'with a key that is sent with each request': {
    form: () => ({ ...own(), client_secret: connection.key }),
    status: 400,
    error: 'unauthorized_client',
    step: 'key',
    code: 'key-takes-no-token',
  },
  'without a client': { form: () => ({}), ...noClient, code: 'client-missing' },
  'without a client_id': { form: () => ({ ...own(), client_id: '' }), ...noClient, code: 'client-missing' },
  'without a client_secret': { form: () => ({ client_id: connection.id }), ...noClient, code: 'client-missing' },
  'with a client in the address alone': {
    form: () => ({}),
    query: () => `?${new URLSearchParams(own()).toString()}`,
    ...noClient,
    code: 'client-missing',
  },
  'with the key as a bearer': {
    form: own,
    headers: () => ({ authorization: `Bearer ${key}` }),
    ...noClient,
    code: 'client-other-scheme',
  },
  'by Basic without a colon': {
    form: () => ({}),
    headers: () => ({ authorization: `Basic ${Buffer.from(key).toString('base64')}` }),
    ...noClient,
    code: 'client-missing',
  },
  'with its client in both ways': { form: own, headers: () => basic(connection.id, key), ...noRequest },
  'with two clients': {
    form: () => ({ client_id: 'another' }),
    headers: () => basic(connection.id, key),
    ...noRequest,
  },
  'with two Authorization headers': {
    form: () => ({}),
    headers: () => ({ authorization: Array(2).fill(basic(connection.id, key).authorization) }),
    status: 400,
    error: 'invalid_request',
    step: 'shape',
    code: 'authorization-repeated',
  },
  'with a secret of other letters than ASCII': {
    form: () => ({ ...own(), client_secret: `${key}\u00e9` }),
    status: 400,
    error: 'invalid_request',
    step: 'client',
    code: 'authorization-not-ascii',
  },
  'with a parameter twice': {
    form: () => `grant_type=client_credentials&${new URLSearchParams(own()).toString()}&client_id=nobody`,
    ...noRequest,
  },
  'without a grant': { form: () => ({ ...own(), grant_type: undefined }), ...noRequest },
  'for another grant': {
    form: () => ({ ...own(), grant_type: 'password' }),
    status: 400,
    error: 'unsupported_grant_type',
    step: 'client',
    code: 'unsupported-grant',
  },
  'as JSON': {
    form: () => JSON.stringify({ grant_type: 'client_credentials', ...own() }),
    headers: () => ({ 'content-type': 'application/json' }),
    ...noRequest,
  },
  'of no type': { form: own, headers: () => ({ 'content-type': undefined }), ...noRequest },
  'that is too long': {
    form: () => ({ ...own(), more: 'x'.repeat(9_000) }),
    status: 413,
    error: 'invalid_request',
    step: 'client',
    code: 'payload-too-large',
  },
}

test.each(Object.entries(wrong))(
  'a request for a token %s is refused as RFC 6749 has it, told what to do, and recorded',
  async (_what, { form, headers, query, status, error, code, step }) => {
    const mark = crypto.randomUUID()
    const answer = await exchange(form?.(), { 'user-agent': mark, ...headers?.() }, query?.())
    expect(answer).toMatchObject({
      status,
      body: { error, error_description: expect.stringMatching(/^[ !#-[\]-~]+\.$/) },
    })
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Basic realm="oauth2"' : null)
    const [record] = await eventually(
      async () => (await world.audit({ operation: 'tokens.issue' })).filter(({ userAgent }) => userAgent === mark),
      ({ length }) => length > 0,
    )
    expect(record).toMatchObject({ outcome: 'refused', status, code, path: '/oauth2/token' })
    expect(record.steps.at(-1)).toMatchObject({ step, decision: 'refused', code })
    for (const told of [answer.body, record]) expect(JSON.stringify(told)).not.toContain(key.split('_')[3])
  },
)

test('another method is not taken there', async () => {
  const answer = await fetch(`${world.gatewayUrl}/oauth2/token?${new URLSearchParams(own()).toString()}`)
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
})

test('the challenge says what a token lacks, and nothing of it to who sent none', async () => {
  const challengeOf = async (answer: Promise<{ headers: Headers; status: number }>): Promise<unknown[]> => {
    const { status, headers } = await answer
    return [status, headers.get('www-authenticate')]
  }
  const reading = await mint((await world.connection('other')).id, { scopes: ['read', 'users'] })
  const scim = asked(await tokenOf(reading), reading)
  expect((await scim('GET', '/Users')).status).toBe(200)
  expect(await challengeOf(scim('POST', '/Users', user('nobody')))).toEqual([
    403,
    'Bearer realm="scim", error="insufficient_scope"',
  ])
  const none = fetch(`${connection.scimBaseUrl}/Users`)
  expect(await challengeOf(none)).toEqual([401, 'Bearer realm="scim"'])
  const broken = asked('eyJhbGciOiJub25lIn0.e30.')('GET', '/Users')
  expect(await challengeOf(broken)).toEqual([401, 'Bearer realm="scim", error="invalid_token"'])
})

test('what a key may do counts for its tokens from the moment that it is changed', async () => {
  const own = await mint((await world.connection('other')).id)
  const scim = asked(await tokenOf(own), own)
  expect((await scim('GET', '/Users')).status).toBe(200)
  await world.admin('PATCH', `/keys/${own.kid}`, { policy: { allowlist: ['192.0.2.0/24'] } })
  const refused = await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 403,
  )
  expect(refused.body.detail).toContain('listed addresses')
  expect(await exchange({ client_id: own.connection, client_secret: own.key })).toMatchObject({
    status: 400,
    body: { error: 'unauthorized_client' },
  })
  const expiresAt = new Date(Date.now() + 1_000).toISOString()
  await world.admin('PATCH', `/keys/${own.kid}`, { policy: { allowlist: [], expiresAt } })
  const ended = await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 401,
  )
  expect(ended.body.detail).toContain('This key has expired')
})

test('a token of a key that is rotated is good as long as that key, whose grace begins with the first exchange of the next', async () => {
  const { id } = await world.connection('other')
  const [usual] = (await world.admin('GET', `/connections/${id}/keys`)).body.items
  await world.admin('POST', `/keys/${usual.kid}/revoke`)
  const old = await mint(id)
  const scim = asked(await tokenOf(old), old)
  expect((await scim('GET', '/Users')).status).toBe(200)
  const stateOf = async (): Promise<string> => (await world.admin('GET', `/keys/${old.kid}`)).body.state
  await eventually(stateOf, (state) => state === 'active')
  const { body: started } = await world.admin('POST', `/connections/${id}/rotations`, { graceHours: 1 })
  const next = { client_id: id, client_secret: started.key }
  await eventually(
    () => exchange(next),
    ({ status }) => status === 200,
  )
  await eventually(stateOf, (state) => state === 'retiring')
  expect((await scim('GET', '/Users')).status).toBe(200)
  await world.admin('POST', `/rotations/${started.id}/finish`)
  await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 401,
  )
  expect((await exchange({ ...next, client_secret: old.key })).status).toBe(401)
  expect((await exchange(next)).status).toBe(200)
})

test('the tokens of a key end with it', async () => {
  const doomed = await mint((await world.connection('other')).id)
  const scim = asked(await tokenOf(doomed), doomed)
  expect((await scim('GET', '/Users')).status).toBe(200)
  expect((await world.admin('POST', `/keys/${doomed.kid}/revoke`)).status).toBe(200)
  const refused = await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 401,
  )
  expect(refused.body.detail).toContain('has been revoked')
  expect((await exchange({ client_id: doomed.connection, client_secret: doomed.key })).status).toBe(401)
})
