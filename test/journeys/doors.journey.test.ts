import { type Connection, eventually, type OwnWorld, startWorld, type Told } from '../world.ts'

/** Latchkey behind a proxy on this machine: what a test sends stands for what the proxy adds. */
let world: OwnWorld
let connection: Connection
let sandbox: Connection

beforeAll(async () => {
  world = await startWorld({ LATCHKEY_TRUSTED_PROXIES: '127.0.0.0/8, ::1' })
  connection = await world.connection('okta')
  sandbox = await world.connection('okta', { environment: 'sandbox' })
})
afterAll(() => world.stop())

const throughProxy = (proto: string, address = '203.0.113.9') => ({
  'x-forwarded-for': `127.0.0.1, 10.0.0.1, ${address}`,
  'x-forwarded-proto': proto,
})

async function recordOf(marked: string): Promise<Told> {
  const [record] = await eventually(
    async () => (await world.audit({})).filter(({ userAgent }) => userAgent === marked),
    ({ length }) => length > 0,
  )
  return record
}

test('the address in the record is the one that the proxy tells of, whatever the client says', async () => {
  const scim = world.scim(connection)
  const headers = { ...throughProxy('https'), forwarded: 'for=192.0.2.1', 'user-agent': 'through the proxy' }
  expect((await scim('GET', '/Users?count=0', undefined, headers)).status).toBe(200)
  expect(await recordOf('through the proxy')).toMatchObject({ address: '203.0.113.9', outcome: 'accepted' })
  await world.admin('GET', '/tenants', undefined, { ...throughProxy('https'), 'user-agent': 'an operator' })
  expect(await recordOf('an operator')).toMatchObject({ address: '203.0.113.9', surface: 'admin', status: 200 })
})

test('an address of the proxy that cannot be read is refused', async () => {
  const marked = { ...throughProxy('https', 'unknown'), 'user-agent': 'from nowhere' }
  const answer = await world.scim(connection)('GET', '/Users', undefined, marked)
  expect([answer.status, answer.body.schemas]).toEqual([400, ['urn:ietf:params:scim:api:messages:2.0:Error']])
  const record = await recordOf('from nowhere')
  expect([record.code, record.steps.at(-1).step]).toEqual(['address-unreadable', 'address'])
})

test('plain HTTP is refused in the form of each API, and recorded', async () => {
  const marked = { ...throughProxy('http'), 'user-agent': 'in clear' }
  const scim = await world.scim({ ...connection, key: 'none' })('GET', '/Users', undefined, marked)
  expect([scim.status, scim.body.status]).toEqual([403, '403'])
  expect(scim.body.detail).toMatch(/over plain HTTP.*Use the https address/)
  const record = await recordOf('in clear')
  expect([record.code, record.steps.at(-1).step]).toEqual(['plain-http', 'transport'])
  const admin = await world.admin('GET', '/tenants', undefined, {
    ...throughProxy('http'),
    'user-agent': 'a token in clear',
  })
  expect([admin.status, admin.body.code]).toEqual([403, 'inClear'])
  expect((await recordOf('a token in clear')).steps).toEqual([
    expect.objectContaining({ step: 'transport', code: 'inClear' }),
  ])
})

test('a live key that works and is seen in clear is refused, and marked as exposed once; one of a sandbox is refused', async () => {
  for (const one of [connection, sandbox]) {
    for (const address of ['203.0.113.9', '203.0.113.10']) {
      const answer = await world.scim(one)('GET', '/Users', undefined, throughProxy('http', address))
      expect([answer.status, answer.body.detail]).toEqual([
        403,
        expect.stringMatching(/Mint another key.*revoke this one/),
      ])
    }
  }
  const keyOf = async ({ id }: Connection): Promise<Told> =>
    (await world.admin('GET', `/connections/${id}/keys`)).body.items[0]
  const marked = await eventually(
    () => keyOf(connection),
    ({ exposedAt }) => exposedAt !== null,
  )
  expect(marked.state).not.toBe('revoked')
  expect((await keyOf(sandbox)).exposedAt).toBeNull()
  const [event, ...more] = await eventually(
    async () => (await world.events()).filter(({ name }) => name === 'key.exposed'),
    ({ length }) => length > 0,
  )
  expect([event?.subject, event?.payload, more]).toEqual([
    connection.kid,
    expect.objectContaining({ address: '203.0.113.9', exposedAt: marked.exposedAt }),
    [],
  ])
  // It goes on being accepted over TLS: whether to revoke it is for a person to say.
  expect((await world.scim(connection)('GET', '/Users?count=0', undefined, throughProxy('https'))).status).toBe(200)
})
