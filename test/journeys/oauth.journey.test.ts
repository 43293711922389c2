import { type Answer, type Connection, enterWorld, eventually, type Told, user, type World } from '../world.ts'

let world: World
let connection: Connection
/** A key that is exchanged for tokens. */
let key: string
let kid: string
beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('entra')
  const minted = await world.admin('POST', `/connections/${connection.id}/keys`, {
    policy: { authentication: { method: 'oauth' } },
  })
  ;({ key, kid } = minted.body)
  await eventually(exchange, ({ status }) => status === 200)
})
afterAll(() => world.stop())

async function exchange(
  form: Record<string, string> = { client_id: connection.id, client_secret: key },
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(`${world.gatewayUrl}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}
const tokenOf = async (): Promise<string> => (await exchange()).body.access_token
const asked = (token: string, of = connection) => world.scim({ ...of, key: token })

test('a key is exchanged for a token, in the body or by Basic authentication, and the token does what the key may', async () => {
  const basic = { authorization: `Basic ${Buffer.from(`${connection.id}:${key}`).toString('base64')}` }
  for (const answer of [await exchange(), await exchange({}, basic)]) {
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 600 } })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const name = `by.token.${crypto.randomUUID()}`
    const made = await asked(answer.body.access_token)('POST', '/Users', user(name))
    expect(made.status).toBe(201)
    const [record] = await eventually(
      () => world.audit({ connection: connection.id, operation: 'users.create' }),
      (records) => records.some(({ subject }: Told) => subject.id === made.body.id),
    )
    expect(record).toMatchObject({ kid, status: 201 })
  }
  const [issued] = await world.audit({ connection: connection.id, operation: 'tokens.issue', outcome: 'accepted' })
  expect(issued).toMatchObject({ path: '/oauth2/token', kid, subject: { kind: 'key', id: kid } })
})

test('the key itself is no bearer token, and another key is not exchanged', async () => {
  const raw = await asked(key)('GET', '/Users')
  expect(raw).toMatchObject({ status: 401 })
  expect(raw.body.detail).toContain('/oauth2/token')
  expect(await exchange({ client_id: connection.id, client_secret: connection.key })).toMatchObject({
    status: 403,
    body: { error: 'invalid_client' },
  })
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

test.each([
  [{ client_secret: 'lk_live_wrong' }, 401, 'invalid_client'],
  [{ client_id: '' }, 400, 'invalid_request'],
  [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
  [{ client_id: 'nobody' }, 403, 'invalid_client'],
])('a request for a token with %j is answered %i %s, with what to do, and recorded', async (wrong, status, error) => {
  const answer = await exchange({ client_id: connection.id, client_secret: key, ...wrong })
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.stringMatching(/\.$/) } })
  expect(JSON.stringify(answer.body)).not.toContain(key)
  const other = await exchange({}, { 'content-type': 'application/json' })
  expect(other).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('the tokens of a key end with it', async () => {
  const { body: doomed } = await world.admin('POST', `/connections/${(await world.connection('other')).id}/keys`, {
    policy: { authentication: { method: 'oauth' } },
  })
  const secret = { client_id: doomed.connection, client_secret: doomed.key }
  const { body } = await eventually(
    () => exchange(secret),
    ({ status }) => status === 200,
  )
  const scim = world.scim({ scimBaseUrl: doomed.scimBaseUrl, key: body.access_token })
  expect((await scim('GET', '/Users')).status).toBe(200)
  expect((await world.admin('POST', `/keys/${doomed.kid}/revoke`)).status).toBe(200)
  await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 401,
  )
  expect((await exchange(secret)).status).toBe(401)
})
