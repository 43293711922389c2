import { type Connection, eventually, type OwnWorld, type Scim, startWorld, type Told } from '../world.ts'

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

describe('the allowlist of a key', () => {
  let scim: Scim
  beforeAll(async () => {
    const { id } = await world.connection('other')
    const policy = { allowlist: ['10.0.0.0/8', '2001:db8::/32'] }
    scim = world.scim((await world.admin('POST', `/connections/${id}/keys`, { policy })).body)
    await eventually(
      () => scim('GET', '/Users?count=0', undefined, throughProxy('https', '10.1.1.1')),
      ({ status }) => status === 200,
    )
  })

  test.each([
    ['10.1.1.1', '10.1.1.1'],
    ['::ffff:10.1.1.1', '10.1.1.1'],
    ['::FFFF:0a01:0101', '10.1.1.1'],
    ['0:0:0:0:0:ffff:10.1.1.1', '10.1.1.1'],
    ['[::ffff:10.1.1.1]:4711', '10.1.1.1'],
    ['2001:DB8::1', '2001:db8::1'],
  ])('takes %s, whose record says %s', async (told, address) => {
    const marked = { ...throughProxy('https', told), 'user-agent': `let in from ${told}` }
    expect((await scim('GET', '/Users?count=0', undefined, marked)).status).toBe(200)
    expect(await recordOf(marked['user-agent'])).toMatchObject({ address, outcome: 'accepted' })
  })

  test.each([
    ['11.1.1.1', '11.1.1.1'],
    ['::ffff:11.1.1.1', '11.1.1.1'],
    ['::10.1.1.1', '::10.1.1.1'],
    ['64:ff9b::10.1.1.1', '64:ff9b::a01:101'],
    ['2001:db9::1', '2001:db9::1'],
    ['203.0.113.9, ::ffff:127.0.0.1', '203.0.113.9'],
  ])('refuses %s, whatever the client wrote before it, and its record says %s', async (told, address) => {
    const marked = { ...throughProxy('https', told), 'user-agent': `kept out from ${told}` }
    marked['x-forwarded-for'] = `10.1.1.1, ${told}`
    expect((await scim('GET', '/Users?count=0', undefined, marked)).status).toBe(403)
    const record = await recordOf(marked['user-agent'])
    expect(record).toMatchObject({ address, outcome: 'refused', status: 403, code: 'key-address-not-allowed' })
    expect(record.steps.at(-1)).toMatchObject({ step: 'key', decision: 'refused' })
  })

  test.each(['010.1.1.1', '10.1.1', '0x0a.1.1.1', '167837953', '10.1.1.1%eth0', '10.1.1.1/8', ''])(
    'refuses "%s", which is no address, before the key is asked',
    async (told) => {
      const marked = { ...throughProxy('https', told), 'user-agent': `unreadable: "${told}"` }
      expect((await scim('GET', '/Users?count=0', undefined, marked)).status).toBe(400)
      const record = await recordOf(marked['user-agent'])
      expect(record).toMatchObject({ status: 400, code: 'address-unreadable', kid: null })
      expect(record.steps.at(-1)).toMatchObject({ step: 'address', decision: 'refused' })
    },
  )
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
