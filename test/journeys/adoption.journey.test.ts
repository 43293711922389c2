import {
  type Connection,
  enterpriseSchema,
  eventually,
  group,
  patch,
  type Scim,
  enterWorld,
  type Told,
  user,
  versionOf,
  type World,
} from '../world.ts'

let world: World
beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

interface Place {
  readonly connection: Connection
  readonly scim: Scim
  create(path: string, body: object): Promise<Told>
  eventsOf(subject: string): Promise<{ name: string; payload: Told }[]>
}

/** A connection that adopts users; without names of attributes, one that does not. */
async function place(...adoptBy: string[]): Promise<Place> {
  const connection = await world.connection('okta')
  const scim = world.scim(connection)
  if (adoptBy.length > 0) {
    await scim('POST', '/Users', user('probe', { externalId: 'probe', emails: [{ value: 'probe' }] }))
    await world.admin('PATCH', `/connections/${connection.id}`, { settings: { conflicts: 'adopt', adoptBy } })
    await eventually(
      () => scim('POST', '/Users?attributes=id', user('probe', { externalId: 'probe', emails: [{ value: 'probe' }] })),
      ({ status }) => status === 201,
    )
    await scim('GET', '/Users?filter=userName eq "probe"').then(({ body }) =>
      scim('DELETE', `/Users/${body.Resources[0].id}`),
    )
  }
  return {
    connection,
    scim,
    async create(path, body) {
      const answer = await scim('POST', path, body)
      expect(answer.status).toBe(201)
      return answer.body
    },
    eventsOf: async (subject) => (await world.events(connection.id)).filter((event) => event.subject === subject),
  }
}

test('by default a user that is there refuses a POST, and the answer says how such a user could be adopted', async () => {
  const { scim, create, connection } = await place()
  await create('/Users', user('ada'))
  const { status, body } = await scim('POST', '/Users', user('ADA'))
  expect([status, body.scimType]).toEqual([409, 'uniqueness'])
  expect(body.detail).toContain(`latchkey connections set ${connection.id} --conflicts adopt`)
  expect(body.detail).not.toMatch(/ada\b/i)
})

test('a POST adopts the user of that name: it has its id and gets what was sent, and nothing that was not is lost', async () => {
  const { scim, create, connection, eventsOf } = await place('userName')
  const ada = await create(
    '/Users',
    user('ada', { title: 'Countess', name: { givenName: 'Ada' }, [enterpriseSchema]: { department: 'd' } }),
  )
  const team = await create('/Groups', group('team', [ada.id]))
  const sent = user('Ada', {
    externalId: 'e1',
    active: true,
    name: { familyName: 'King' },
    emails: [{ value: 'ada@x.y' }],
  })
  const answer = await scim('POST', '/Users', sent)
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(ada.meta.location)
  expect(answer.headers.get('etag')).toBe('W/"2"')
  expect(answer.body).toMatchObject({
    id: ada.id,
    userName: 'Ada',
    externalId: 'e1',
    title: 'Countess',
    name: { givenName: 'Ada', familyName: 'King' },
    emails: [{ value: 'ada@x.y' }],
    [enterpriseSchema]: { department: 'd' },
    groups: [{ value: team.id }],
    meta: { created: ada.meta.created },
  })
  expect((await scim('GET', `/Users/${ada.id}`)).body).toEqual(answer.body)
  expect((await scim('GET', '/Users')).body.totalResults).toBe(1)
  const told = await eventsOf(ada.id)
  expect(told.map(({ name }) => name)).toEqual(['user.provisioned', 'user.changed'])
  expect(told[1]?.payload.changed.sort()).toEqual(['emails', 'externalId', 'name', 'userName'])

  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.create' }),
    (found) => found[0]?.subject?.id === ada.id && found[0].deviations.some(({ code }: Told) => code === 'adopted'),
  )
  expect(record).toMatchObject({
    status: 201,
    subject: { id: ada.id },
    deviations: [{ code: 'adopted', pointer: '/userName' }],
  })

  const again = await scim('POST', '/Users', sent)
  expect(again).toMatchObject({ status: 201, body: { id: ada.id, meta: answer.body.meta } })
  expect(await eventsOf(ada.id)).toHaveLength(2)
})

test('who was deactivated is active again when the POST says so', async () => {
  const { scim, create, eventsOf } = await place('userName')
  const { id } = await create('/Users', user('ada', { active: false }))
  expect((await scim('POST', '/Users', user('ada', { active: true }))).body).toMatchObject({ id, active: true })
  expect((await eventsOf(id)).at(-1)?.name).toBe('user.reactivated')
})

test('by e-mail address and by externalId a user is adopted under the new name, in the order that was set', async () => {
  const { scim, create } = await place('externalId', 'emails')
  const byMail = await create('/Users', user('old.name', { emails: [{ value: 'Ada@x.y', type: 'work' }] }))
  const byId = await create('/Users', user('other.name', { externalId: 'e2' }))
  expect(
    (await scim('POST', '/Users', user('ada', { emails: [{ value: 'x@x.y' }, { value: 'ada@X.Y' }] }))).body,
  ).toMatchObject({
    id: byMail.id,
    userName: 'ada',
  })
  const both = user('bob', { externalId: 'e2', emails: [{ value: 'ada@x.y' }] })
  expect((await scim('POST', '/Users', both)).body).toMatchObject({ id: byId.id, userName: 'bob' })
  expect((await scim('POST', '/Users', user('cy', { externalId: 'E2' }))).body.id).not.toBe(byId.id)
  const named = await scim('POST', '/Users', user('BOB'))
  expect(named).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('--adopt-by externalId,emails,userName') },
  })
  const taken = await scim('POST', '/Users', user('cy', { externalId: 'e2' }))
  expect(taken).toMatchObject({
    status: 409,
    body: { scimType: 'uniqueness', detail: expect.stringContaining('externalId') },
  })
})

test.each([
  ['externalId', { externalId: '' }],
  ['externalId', { externalId: ' ' }],
  ['emails', { emails: [{ value: '', type: 'work' }] }],
  ['emails', { emails: [{ value: ' ' }] }],
])('by %s nobody is adopted for a blank value, which is nobody’s: %j', async (by, blank) => {
  const { create } = await place(by)
  const alice = await create('/Users', user('alice', blank))
  const bob = await create('/Users', user('bob', blank))
  expect(bob.id).not.toBe(alice.id)
})

test('where several users might be the one, none is adopted and none made', async () => {
  const { scim, create } = await place('emails', 'userName')
  for (const name of ['ada.1', 'ada.2']) {
    const { id } = await create('/Users', user(name))
    await scim('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'emails', value: [{ value: 'shared@x.y' }] }))
  }
  const { status, body } = await scim('POST', '/Users', user('ada.1', { emails: [{ value: 'SHARED@x.y' }] }))
  expect([status, body.scimType]).toEqual([409, 'uniqueness'])
  expect(body.detail).toContain('Several users of this connection have the same emails')
  expect(body.detail).not.toMatch(/shared/i)
  expect((await scim('GET', '/Users')).body.totalResults).toBe(2)
})

test('a deleted user is not adopted: the POST makes another, and the deleted one stays restorable under its id', async () => {
  const { scim, create, eventsOf } = await place('userName', 'externalId')
  const { id } = await create('/Users', user('ada', { externalId: 'e1' }))
  await scim('DELETE', `/Users/${id}`)
  const other = await create('/Users', user('ada', { externalId: 'e1' }))
  expect(other.id).not.toBe(id)
  expect((await eventsOf(other.id)).map(({ name }) => name)).toEqual(['user.provisioned'])
  expect(versionOf(other)).toBe(1)
})

const bulk = (...operations: object[]): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
  Operations: operations,
})
const post = (path: string, bulkId: string, data: object): object => ({ method: 'POST', path, bulkId, data })

test('in a bulk request what refers to a user that is adopted refers to the one that is there', async () => {
  const { scim, create } = await place('userName')
  const ada = await create('/Users', user('ada'))
  const { body } = await scim(
    'POST',
    '/Bulk',
    bulk(post('/Groups', 'g', group('team', ['bulkId:a'])), post('/Users', 'a', user('ada', { title: 'Countess' }))),
  )
  expect(body.Operations.map(({ status }: Told) => status)).toEqual(['201', '201'])
  expect(body.Operations[1].location).toBe(ada.meta.location)
  expect((await scim('GET', `/Users/${ada.id}`)).body).toMatchObject({
    title: 'Countess',
    groups: [{ display: 'team' }],
  })
})

test('in a circle of a bulk request, whose ids are given beforehand, nobody is adopted', async () => {
  const { scim, create } = await place('userName')
  const ada = await create('/Users', user('ada'))
  const managed = (name: string, manager: string): object =>
    user(name, { [enterpriseSchema]: { manager: { value: `bulkId:${manager}` } } })
  const { body } = await scim(
    'POST',
    '/Bulk',
    bulk(post('/Users', 'a', managed('ada', 'b')), post('/Users', 'b', managed('bob', 'a'))),
  )
  expect(body.Operations.map(({ status }: Told) => status)).toEqual(['409', '409'])
  expect(body.Operations[0].response.detail).toContain('Nobody is adopted where')
  expect((await scim('GET', '/Users')).body.Resources).toMatchObject([ada])
})

test('groups are never adopted: their names need not be unique', async () => {
  const { create, scim } = await place('userName')
  const one = await create('/Groups', group('team'))
  expect((await create('/Groups', group('team'))).id).not.toBe(one.id)
  expect((await scim('GET', '/Groups')).body.totalResults).toBe(2)
})

test('a dry run tells what an adoption would change, and changes nothing', async () => {
  const { create, scim, eventsOf } = await place('userName')
  const ada = await create('/Users', user('ada'))
  const { status, body } = await scim('POST', '/Users', user('ada', { title: 'Countess' }), {
    'latchkey-dry-run': 'true',
  })
  expect([status, body.id, body.title]).toEqual([201, ada.id, 'Countess'])
  expect(body['urn:latchkey:params:scim:api:messages:2.0:DryRun'].changes).toEqual([
    { id: ada.id, attribute: 'title', before: null, after: 'Countess' },
  ])
  expect((await scim('GET', `/Users/${ada.id}`)).body).toEqual(ada)
  expect(await eventsOf(ada.id)).toHaveLength(1)
})
