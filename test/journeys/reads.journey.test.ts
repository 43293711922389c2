import {
  type Answer,
  type Connection,
  enterpriseSchema,
  group,
  groupSchema,
  patch,
  type Scim,
  enterWorld,
  user,
  userSchema,
  type World,
} from '../world.ts'

let world: World
let connection: Connection
let scim: Scim
const ids: Record<string, string> = {}
const list = (path: string): Promise<Answer> => scim('GET', path)
const named = (id: string): string => Object.entries(ids).find(([, held]) => held === id)?.[0] ?? id

async function create(name: string, path: string, body: object): Promise<void> {
  const answer = await scim('POST', path, body)
  expect(answer).toMatchObject({ status: 201 })
  ids[name] = answer.body.id
}

/** Names of those that a filter finds, in the order of the answer. `$name` in it stands for an id. */
async function found(type: 'Users' | 'Groups', filter: string): Promise<string[]> {
  const text = filter.replaceAll(/\$(\w+)/g, (whole, name) => ids[name] ?? whole)
  const { status, body } = await list(`/${type}?filter=${encodeURIComponent(text)}`)
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'] },
  })
  expect(body).toMatchObject({
    totalResults: body.Resources?.length ?? 0,
    itemsPerPage: body.Resources?.length ?? 0,
    startIndex: 1,
  })
  return (body.Resources ?? []).map(({ id }: { id: string }) => named(id))
}

let beforeLast = ''
let last = ''
beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('other')
  scim = world.scim(connection)
  await create('ada', '/Users', {
    ...user('Ada@Example.com', {
      externalId: 'Ext-1',
      displayName: 'Ada Lovelace',
      title: 'Countess',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [
        { value: 'ada@work.example', type: 'work', primary: true },
        { value: 'ada@home.example', type: 'home' },
      ],
      [enterpriseSchema]: { department: 'Engines', employeeNumber: '7' },
    }),
    schemas: [userSchema, enterpriseSchema],
  })
  await create(
    'bob',
    '/Users',
    user('bob@example.com', {
      externalId: 'ext-1',
      displayName: 'Bob',
      active: false,
      emails: [{ value: 'ada@home.example', type: 'work' }],
    }),
  )
  await create(
    'cyd',
    '/Users',
    user('cyd', {
      displayName: '',
      phoneNumbers: [{ value: '+1 555', type: 'work' }],
      roles: [{ value: 'admin', primary: true }],
    }),
  )
  await create('dot', '/Users', user('dot_%', { displayName: 'Ärger "quoted" \\ %', name: { familyName: 'ümlaut' } }))
  await create('inner', '/Groups', { ...group('Inner', [ids['ada'] ?? '']), externalId: 'G-1' })
  await create('outer', '/Groups', group('Outer', [ids['inner'] ?? '', ids['bob'] ?? '']))
  await create('empty', '/Groups', group('Empty'))
  // Groups that contain each other, and one that contains itself.
  await scim(
    'PATCH',
    `/Groups/${ids['inner']}`,
    patch({ op: 'add', path: 'members', value: [{ value: ids['outer'] }] }),
  )
  await scim(
    'PATCH',
    `/Groups/${ids['empty']}`,
    patch({ op: 'add', path: 'members', value: [{ value: ids['empty'] }] }),
  )
  beforeLast = (await list(`/Users/${ids['dot']}`)).body.meta.lastModified
  last = (await scim('PATCH', `/Users/${ids['bob']}`, patch({ op: 'replace', path: 'title', value: 'Builder' }))).body
    .meta.lastModified
})
afterAll(() => world.stop())

test.each([
  ['userName eq "ADA@example.COM"', ['ada']],
  ['USERNAME EQ "bob@example.com"', ['bob']],
  [`${userSchema}:userName eq "cyd"`, ['cyd']],
  ['userName ne "cyd"', ['ada', 'bob', 'dot']],
  ['userName co "EXAMPLE"', ['ada', 'bob']],
  ['userName sw "ada@"', ['ada']],
  ['userName ew ".com"', ['ada', 'bob']],
  ['userName co "_%"', ['dot']],
  ['userName gt "bob@example.com"', ['cyd', 'dot']],
  ['userName ge "bob@example.com"', ['bob', 'cyd', 'dot']],
  ['userName lt "bob@example.com"', ['ada']],
  ['userName le "bob@example.com"', ['ada', 'bob']],
  ['userName pr', ['ada', 'bob', 'cyd', 'dot']],
  ['displayName pr', ['ada', 'bob', 'dot']],
  ['displayName eq "bob"', ['bob']],
  ['displayName eq "ärger \\"QUOTED\\" \\\\ %"', ['dot']],
  ['displayName co "\\"quoted\\""', ['dot']],
  ['name.familyName eq "ÜMLAUT"', ['dot']],
  ['name.givenName eq "ada" and name.familyName eq "lovelace"', ['ada']],
  ['externalId eq "Ext-1"', ['ada']],
  ['externalId eq "ext-1"', ['bob']],
  ['externalId eq "EXT-1"', []],
  ['externalId pr', ['ada', 'bob']],
  ['id eq "$cyd"', ['cyd']],
  ['id eq "nonsense"', []],
  ['active eq true', ['ada', 'cyd', 'dot']],
  ['active eq "False"', ['bob']],
  ['active ne true', ['bob']],
  ['not (active eq true)', ['bob']],
  ['not (userName sw "a" or userName sw "b")', ['cyd', 'dot']],
  ['not (title pr)', ['cyd', 'dot']],
  ['not (title eq "Countess")', ['bob', 'cyd', 'dot']],
  ['title eq "countess" or title eq "builder"', ['ada', 'bob']],
  ['userName eq "cyd" or title pr and active eq false', ['bob', 'cyd']],
  ['(userName eq "cyd" or title pr) and active eq true', ['ada', 'cyd']],
  ['emails eq "ADA@home.example"', ['ada', 'bob']],
  ['emails.value eq "ada@work.example"', ['ada']],
  ['emails.value co "home"', ['ada', 'bob']],
  ['emails pr', ['ada', 'bob']],
  ['emails[type eq "work" and value eq "ada@home.example"]', ['bob']],
  ['emails.type eq "work" and emails.value eq "ada@home.example"', ['ada', 'bob']],
  ['emails[type eq "work"].value eq "ada@work.example"', ['ada']],
  ['emails[not (type eq "work")]', ['ada']],
  ['emails[primary eq true]', ['ada']],
  ['phoneNumbers.value eq "+1 555"', ['cyd']],
  ['roles[primary eq "True"]', ['cyd']],
  [`${enterpriseSchema}:department eq "engines"`, ['ada']],
  ['groups.value eq "$inner"', ['ada', 'bob']],
  ['groups.value eq "$outer"', ['ada', 'bob']],
  ['groups[display eq "outer" and type eq "direct"]', ['bob']],
  ['not (groups.value eq "$inner")', ['cyd', 'dot']],
  ['groups pr', ['ada', 'bob']],
  ['meta.resourceType eq "User"', ['ada', 'bob', 'cyd', 'dot']],
  ['meta.version eq "W/\\"2\\""', ['bob']],
  [`schemas eq "${enterpriseSchema}"`, ['ada']],
  ['unheardOf eq "x"', []],
  ['unheardOf pr', []],
  ['not (unheardOf eq "x")', ['ada', 'bob', 'cyd', 'dot']],
  ['userName eq "cyd" or unheardOf eq "x"', ['cyd']],
  [`userName eq "x' OR 'a' = 'a"`, []],
])('the filter %s finds %j', async (filter, expected) => {
  expect(await found('Users', filter)).toEqual(expected)
})

test.each([
  ['displayName eq "INNER"', ['inner']],
  ['displayName sw "o"', ['outer']],
  ['externalId eq "G-1"', ['inner']],
  ['externalId eq "g-1"', []],
  ['id eq "$outer"', ['outer']],
  ['members.value eq "$bob"', ['outer']],
  ['members eq "$ada"', ['inner']],
  ['members[value eq "$inner" and type eq "Group"]', ['outer']],
  ['members[type eq "User"]', ['inner', 'outer']],
  ['not (members[type eq "User"])', ['empty']],
  ['members.value eq "$cyd"', []],
])('the filter %s finds the groups %j', async (filter, expected) => {
  expect(await found('Groups', filter)).toEqual(expected)
})

test('times are compared as instants, whatever their offset', async () => {
  expect(await found('Users', `meta.lastModified gt "${beforeLast}"`)).toEqual(['bob'])
  expect(await found('Users', `meta.lastModified ge "${last}"`)).toEqual(['bob'])
  expect(await found('Users', `meta.lastModified gt "${last}"`)).toEqual([])
  expect(await found('Users', `meta.lastModified eq "${last}"`)).toEqual(['bob'])
  const elsewhere = new Date(Date.parse(last) + 2 * 3_600_000).toISOString().replace('Z', '+02:00')
  expect(await found('Users', `meta.lastModified eq "${elsewhere}"`)).toEqual(['bob'])
  expect(await found('Users', `meta.created lt "${last}"`)).toEqual(['ada', 'bob', 'cyd', 'dot'])
})

test.each([
  'userName',
  'userName eq',
  'userName xx "a"',
  'userName eq "a',
  'not userName eq "a"',
  '(userName eq "a"',
  'emails[type eq "work"',
  'active gt true',
  'userName eq "a" and',
  '',
  '('.repeat(200),
])('the filter %j is 400 invalidFilter', async (filter) => {
  expect(await list(`/Users?filter=${encodeURIComponent(filter)}`)).toMatchObject({
    status: 400,
    body: { status: '400', scimType: 'invalidFilter' },
  })
})

test.each([
  ['', { totalResults: 4, startIndex: 1, itemsPerPage: 4 }, ['ada', 'bob', 'cyd', 'dot']],
  ['?startIndex=1&count=3', { totalResults: 4, startIndex: 1, itemsPerPage: 3 }, ['ada', 'bob', 'cyd']],
  ['?startIndex=4&count=3', { totalResults: 4, startIndex: 4, itemsPerPage: 1 }, ['dot']],
  ['?startIndex=2&count=2', { totalResults: 4, startIndex: 2, itemsPerPage: 2 }, ['bob', 'cyd']],
  ['?startIndex=5&count=3', { totalResults: 4, startIndex: 5, itemsPerPage: 0 }, []],
  ['?startIndex=-3&count=1', { totalResults: 4, startIndex: 1, itemsPerPage: 1 }, ['ada']],
  ['?count=0', { totalResults: 4, startIndex: 1, itemsPerPage: 0 }, []],
  ['?count=-1', { totalResults: 4, startIndex: 1, itemsPerPage: 0 }, []],
  ['?count=100000', { totalResults: 4, startIndex: 1, itemsPerPage: 4 }, ['ada', 'bob', 'cyd', 'dot']],
  [
    '?filter=userName%20co%20%22example%22&startIndex=2&count=5',
    { totalResults: 2, startIndex: 2, itemsPerPage: 1 },
    ['bob'],
  ],
  ['?aadOptscim062020&unheard=of', { totalResults: 4, startIndex: 1, itemsPerPage: 4 }, ['ada', 'bob', 'cyd', 'dot']],
])('the page %j is as asked for', async (query, numbers, names) => {
  const { status, body } = await list(`/Users${query}`)
  expect(status).toBe(200)
  expect(body).toMatchObject(numbers)
  expect((body.Resources ?? []).map(({ id }: { id: string }) => named(id))).toEqual(names)
})

test('a plus is itself where spaces are written as %20, and a space where they are written as plus', async () => {
  const { body } = await scim('POST', '/Users', user('plus+tag@example.com'))
  for (const query of [
    'filter=userName%20eq%20%22plus+tag@example.com%22',
    'filter=userName%20eq%20%22plus%2Btag@example.com%22',
    'filter=userName+eq+%22plus%2Btag@example.com%22',
  ]) {
    expect((await list(`/Users?${query}`)).body).toMatchObject({ totalResults: 1, Resources: [{ id: body.id }] })
  }
  expect((await scim('DELETE', `/Users/${body.id}`)).status).toBe(204)
})

describe('projection', () => {
  test('attributes shows what is named and what is always returned', async () => {
    expect((await list(`/Users/${ids['ada']}?attributes=userName,emails.type,name.givenName`)).body).toEqual({
      schemas: [userSchema, enterpriseSchema],
      id: ids['ada'],
      userName: 'Ada@Example.com',
      name: { givenName: 'Ada' },
      emails: [{ type: 'work' }, { type: 'home' }],
    })
    expect((await list(`/Groups/${ids['outer']}?attributes=displayName`)).body).toEqual({
      schemas: [groupSchema],
      id: ids['outer'],
      displayName: 'Outer',
    })
    expect((await list(`/Users/${ids['bob']}?attributes=groups.value`)).body.groups).toHaveLength(2)
  })

  test('excludedAttributes leaves out what is named, but never what is always returned', async () => {
    const { body } = await list(`/Users?excludedAttributes=emails,groups,meta,id&filter=userName eq "bob@example.com"`)
    expect(body.Resources).toEqual([
      {
        schemas: [userSchema],
        id: ids['bob'],
        userName: 'bob@example.com',
        externalId: 'ext-1',
        displayName: 'Bob',
        active: false,
        title: 'Builder',
      },
    ])
    expect(
      (await list(`/Groups?excludedAttributes=members`)).body.Resources.map((one: object) => 'members' in one),
    ).toEqual([false, false, false])
  })

  test('a list of names may come in several parameters, for one resource as for many', async () => {
    const names = 'attributes=userName&attributes=title'
    const bob = { schemas: [userSchema], id: ids['bob'], userName: 'bob@example.com', title: 'Builder' }
    expect((await list(`/Users/${ids['bob']}?${names}`)).body).toEqual(bob)
    expect((await list(`/Users?${names}&filter=userName eq "bob@example.com"`)).body.Resources).toEqual([bob])
  })

  test('both at once are refused', async () => {
    expect(await list('/Users?attributes=userName&excludedAttributes=emails')).toMatchObject({
      status: 400,
      body: { status: '400' },
    })
  })

  test('a write answers what was asked for', async () => {
    const { status, body } = await scim(
      'PATCH',
      `/Users/${ids['cyd']}?attributes=title`,
      patch({ op: 'replace', path: 'title', value: 'Rider' }),
    )
    expect({ status, body }).toEqual({ status: 200, body: { schemas: [userSchema], id: ids['cyd'], title: 'Rider' } })
    await scim('PATCH', `/Users/${ids['cyd']}`, patch({ op: 'remove', path: 'title' }))
  })
})

describe('groups inside groups', () => {
  test('a user shows every group it is in, also where groups contain each other', async () => {
    const groupsOf = async (name: string): Promise<unknown> =>
      Object.fromEntries(
        ((await list(`/Users/${ids[name]}`)).body.groups ?? []).map((one: { display: string; type: string }) => [
          one.display,
          one.type,
        ]),
      )
    expect(await groupsOf('ada')).toEqual({ Inner: 'direct', Outer: 'indirect' })
    expect(await groupsOf('bob')).toEqual({ Inner: 'indirect', Outer: 'direct' })
    expect(await groupsOf('cyd')).toEqual({})
  })

  test('the directory says the same', async () => {
    const { body } = await world.directory(`/${connection.id}/users/${ids['ada']}`)
    expect(body.groups).toEqual([
      { id: ids['inner'], displayName: 'Inner', direct: true },
      { id: ids['outer'], displayName: 'Outer', direct: false },
    ])
  })

  test('a member shows its kind and its address, and its name when that is asked for', async () => {
    const inner = { value: ids['inner'], $ref: `${connection.scimBaseUrl}/Groups/${ids['inner']}`, type: 'Group' }
    const bob = { value: ids['bob'], $ref: `${connection.scimBaseUrl}/Users/${ids['bob']}`, type: 'User' }
    const membersOf = async (query: string): Promise<object[]> =>
      (await list(`/Groups/${ids['outer']}${query}`)).body.members.sort((one: { value: string }) =>
        one.value === inner.value ? -1 : 1,
      )
    for (const query of ['', '?attributes=members', '?excludedAttributes=displayName']) {
      expect(await membersOf(query)).toEqual([inner, bob])
    }
    expect(await membersOf('?attributes=members.value,members.display')).toEqual([
      { value: inner.value, display: 'Inner' },
      { value: bob.value, display: 'Bob' },
    ])
    expect((await list(`/Groups/${ids['empty']}`)).body.members).toMatchObject([{ value: ids['empty'], type: 'Group' }])
  })
})

test('what can be discovered is served below the base URL', async () => {
  expect((await list('/ServiceProviderConfig')).body).toMatchObject({
    patch: { supported: true },
    filter: { supported: true },
  })
  expect((await list('/ResourceTypes')).body.Resources.map(({ name }: { name: string }) => name)).toEqual([
    'User',
    'Group',
  ])
  expect((await list('/Schemas')).body.Resources.map(({ id }: { id: string }) => id)).toEqual(
    expect.arrayContaining([userSchema, groupSchema, enterpriseSchema]),
  )
  for (const path of ['/Schemas', '/ResourceTypes']) {
    for (const document of (await list(path)).body.Resources) {
      expect((await list(document.meta.location.slice(connection.scimBaseUrl.length))).body).toEqual(document)
    }
  }
  expect(await list('/Schemas/urn:unheard:of')).toMatchObject({ status: 404, body: { status: '404' } })
  expect(await list('/Schemas?filter=id pr')).toMatchObject({ status: 403, body: { status: '403' } })
})
