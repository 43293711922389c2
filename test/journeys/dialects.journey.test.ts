import {
  type Connection,
  enterpriseSchema,
  eventually,
  patch,
  type Scim,
  enterWorld,
  type Told,
  user,
  type World,
} from '../world.ts'

let world: World
beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

/** The newest record of the connection that has this code. */
async function recordOf(connection: Connection, code: string): Promise<Told> {
  const found = (records: Told[]): Told => records.find((record) => record.code === code)
  return found(
    await eventually(
      () => world.audit({ connection: connection.id }),
      (records) => found(records) !== undefined,
    ),
  )
}

async function create(scim: Scim, body: object): Promise<Told> {
  const { status, body: created } = await scim('POST', '/Users', body)
  expect(status).toBe(201)
  return created
}

const workMail = { op: 'replace', path: 'emails[type eq "work"].value', value: 'ada@example.com' }
const twoPrimaries = [
  { value: 'a@example.com', primary: true },
  { value: 'b@example.com', primary: true },
]

test('what one identity provider may do stays refused for every other, whatever its requests look like', async () => {
  const strict: [string, string, (id: string) => [string, string, object?]][] = [
    ['okta', 'no-target', (id) => ['PATCH', `/Users/${id}`, patch({ ...workMail, op: 'Replace' })]],
    ['okta', 'invalid-value', () => ['POST', '/Users', user('b', { emails: { value: 'x' } })]],
    ['onelogin', 'invalid-value', () => ['POST', '/Users', user('b', { emails: twoPrimaries })]],
    ['entra', 'invalid-value', () => ['POST', '/Users', user('b', { emails: { value: 'x' } })]],
    ['google', 'invalid-filter', () => ['GET', '/Users?filter=emails[type eq "work"].value eq "x"&aadOptscim062020']],
    ['other', 'no-target', (id) => ['PATCH', `/Users/${id}`, patch({ ...workMail, op: 'Replace' })]],
    ['other', 'invalid-value', () => ['POST', '/Users', user('b', { emails: { work: 'x' } })]],
    ['other', 'invalid-value', () => ['POST', '/Users', user('b', { phoneNumbers: { value: 'x' } })]],
    ['other', 'invalid-value', () => ['POST', '/Users', user('b', { emails: twoPrimaries })]],
  ]
  for (const [kind, code, request] of strict) {
    const connection = await world.connection(kind as 'okta')
    const scim = world.scim(connection)
    const { id } = await create(scim, user('a'))
    const [method, path, body] = request(id)
    expect((await scim(method, path, body)).status).toBe(400)
    const { dialect } = await recordOf(connection, code)
    expect(dialect).toBe({ okta: method === 'PATCH' ? 'okta-catalog' : 'okta', other: 'standard' }[kind] ?? kind)
  }
})

test('a connection of no known kind is read in the dialect that a request gives away', async () => {
  const connection = await world.connection('other')
  const scim = world.scim(connection)
  const { id } = await create(scim, user('a'))
  expect((await scim('PATCH', `/Users/${id}?aadOptscim062020`, patch(workMail))).status).toBe(200)
  const found = await scim('GET', '/Users?filter=emails[type eq "work"].value eq "ADA@example.com"')
  expect(found.body.totalResults).toBe(1)
  const extension = { [enterpriseSchema]: { manager: { managerId: id } } }
  const reported = await create(scim, user('b', { emails: { value: 'x' }, ...extension }))
  expect(reported).toMatchObject({ emails: [{ value: 'x' }], [enterpriseSchema]: { manager: { value: id } } })
  // The newest first; the record of a read may come after those of writes that followed it.
  const dialects = ['onelogin', 'entra', 'entra-062020', 'standard']
  const records = await eventually(
    () => world.audit({ connection: connection.id }),
    (read) => dialects.every((name) => read.some(({ dialect }) => dialect === name)),
  )
  expect(records.slice(0, 4).map(({ dialect }) => dialect)).toEqual(dialects)
})

test('OneLogin is answered in application/json unless it asks for the other, and nobody else is', async () => {
  const types = async (kind: 'onelogin' | 'okta'): Promise<(string | null)[]> => {
    const scim = world.scim(await world.connection(kind))
    const answers = [
      await scim('GET', '/Users'),
      await scim('GET', '/Users/none'),
      await scim('POST', '/Users', user('a')),
      await scim('POST', '/Users', {}),
      await scim('POST', '/Users', '{'),
      await scim('GET', '/Users', undefined, { accept: 'application/scim+json' }),
    ]
    return answers.map(({ headers }) => headers.get('content-type'))
  }
  const [plain, own] = ['application/json; charset=utf-8', 'application/scim+json; charset=utf-8']
  expect(await types('onelogin')).toEqual([plain, plain, plain, plain, plain, own])
  expect(await types('okta')).toEqual([own, own, own, own, own, own])
})

test('a refusal tells in its record what deviated until then, before and while it was written', async () => {
  const connection = await world.connection('entra')
  const scim = world.scim(connection)
  const { id } = await create(scim, user('a'))
  await scim('POST', '/Users', user('b', { nickname2: 'x', active: 'perhaps' }))
  expect((await recordOf(connection, 'invalid-value')).deviations).toMatchObject([
    { code: 'unknown-attribute', pointer: '/nickname2', setting: expect.stringContaining('Provisioning > Mappings') },
  ])
  await scim(
    'PATCH',
    `/Users/${id}`,
    patch({ op: 'Replace', path: 'active', value: 'False' }, { op: 'Remove', path: 'userName' }),
  )
  expect((await recordOf(connection, 'mutability')).deviations).toMatchObject([
    {
      code: 'operation-letter-case',
      pointer: '/Operations/0/op',
      quirk: 'entra-capital-operations',
      cause: expect.any(String),
      fix: 'Send add, replace or remove.',
      setting: expect.stringContaining('?aadOptscim062020'),
    },
    { code: 'boolean-as-string', pointer: '/Operations/0/value' },
  ])
})

test('no name of a person that stands where an attribute should reaches a record or an event', async () => {
  const connection = await world.connection('other')
  await create(world.scim(connection), user('a', { 'ada@example.com': 1, [enterpriseSchema]: { 'Ada Lovelace': 1 } }))
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.create' }),
    (records) => records.length === 1,
  )
  expect(record.deviations.map(({ pointer }: Told) => pointer)).toEqual(['/?', `/${enterpriseSchema}/?`])
  expect(JSON.stringify([record, await world.events(connection.id)])).not.toMatch(/ada@|Lovelace/)
})

test('a body that is said to be in another charset is read as UTF-8, and that is told', async () => {
  const connection = await world.connection('okta')
  const headers = { 'content-type': 'application/json; charset=iso-8859-1' }
  const { body } = await world.scim(connection)('POST', '/Users', user('a', { title: 'Gr\u00e4fin' }), headers)
  expect(body.title).toBe('Gr\u00e4fin')
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.create' }),
    (records) => records.length === 1,
  )
  expect(record.deviations).toMatchObject([{ code: 'another-charset', pointer: '' }])
})

test('what a list or a read is asked for and nobody knows is told, where it stands', async () => {
  const connection = await world.connection('okta')
  const scim = world.scim(connection)
  const { id } = await create(scim, user('a'))
  await scim('GET', `/Users/${id}?excludedAttributes=nick`)
  await scim('GET', '/Users?attributes=nick&sortBy=nick&filter=userName[value eq "a"]')
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest']
  await scim('POST', '/Users/.search', { schemas, count: '1', sortBy: 'nick', attributes: ['emails[type pr]'] })
  const records = await eventually(
    () => world.audit({ connection: connection.id }),
    (read) => read.some(({ operation }) => operation === 'users.search'),
  )
  const told = records.flatMap(({ deviations = [] }) => deviations.map((one: Told) => `${one.code} ${one.pointer}`))
  expect(told.sort()).toEqual([
    'filter-in-attributes /attributes',
    'filtered-single-value ?filter',
    'number-as-string /count',
    'unknown-requested-attribute ?attributes',
    'unknown-requested-attribute ?excludedAttributes',
    'unknown-sort-attribute /sortBy',
    'unknown-sort-attribute ?sortBy',
  ])
})

test('a request that calls itself another than its connection is kept as is told of', async () => {
  const connection = await world.connection('entra')
  await world.scim(connection)('GET', '/Users', undefined, { 'user-agent': 'Okta SCIM Client 1.0.0' })
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.list' }),
    (records) => records.length === 1,
  )
  expect(record).toMatchObject({ dialect: 'entra', deviations: [{ code: 'another-dialect' }] })
})
