import { enterpriseSchema, group, type Told, user, userSchema } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

/** RFC 7644 sections 3.4.2, 3.4.3, 3.9 and 3.10: filters, order, pages, projection. */
shareOneConnection()

const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const searchRequest = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'

const people: readonly (readonly [name: string, attributes: object])[] = [
  [
    'ada',
    { displayName: 'beta', externalId: 'X-b', name: { givenName: 'Ada', familyName: 'Ümlaut' }, title: 'Countess' },
  ],
  [
    'bob',
    { displayName: 'Alpha', externalId: 'X-B', active: false, emails: [{ value: 'z@example.com', type: 'work' }] },
  ],
  [
    'cyd',
    {
      displayName: 'ALPHABET',
      externalId: 'X-a',
      emails: [
        { value: 'm@example.com', type: 'home' },
        { value: 'a@example.com', type: 'work', primary: true },
      ],
      roles: [{ value: 'admin', primary: true }],
    },
  ],
  [
    'dot',
    {
      displayName: 'gamma',
      emails: [{ value: 'M@example.org', type: 'work' }],
      [enterpriseSchema]: { department: 'Q' },
    },
  ],
  ['eve', {}],
]
const ids: Record<string, string> = {}

beforeAll(async () => {
  for (const [name, attributes] of people) ids[name] = (await create('/Users', user(`query.${name}`, attributes))).id
  ids['team'] = (await create('/Groups', group('Team', [ids['ada'] ?? '', ids['bob'] ?? '']))).id
  ids['other'] = (await create('/Groups', group('other team', [ids['team'] ?? '']))).id
})

const named = ({ id }: { id: string }): string => Object.entries(ids).find(([, held]) => held === id)?.[0] ?? id
const names = (body: Told): string[] => (body.Resources ?? []).map(named)

async function list(parameters: Record<string, string>, path = '/Users'): Promise<Told> {
  const { status, body } = await scim('GET', `${path}?${new URLSearchParams(parameters).toString()}`)
  expect({ status, body }).toMatchObject({ status: 200, body: { schemas: [listResponse] } })
  return body
}
const found = async (filter: string, path = '/Users'): Promise<string[]> => names(await list({ filter }, path)).sort()

describe('answers', () => {
  test('are ListResponses that count what matches and what is returned', async () => {
    expect(await list({})).toMatchObject({ schemas: [listResponse], totalResults: 5, startIndex: 1, itemsPerPage: 5 })
    expect((await list({})).Resources).toHaveLength(5)
  })

  test('to what matches nothing are 200 with totalResults 0', async () => {
    for (const path of ['/Users', '/Groups']) {
      const body = await list({ filter: 'displayName eq "nobody at all"' }, path)
      expect(body).toMatchObject({ totalResults: 0, itemsPerPage: 0 })
      expect(body.Resources ?? []).toEqual([])
    }
  })

  test('hold each resource as it is read alone', async () => {
    for (const path of ['/Users', '/Groups']) {
      for (const one of (await list({}, path)).Resources) {
        expect((await scim('GET', `${path}/${one.id}`)).body).toEqual(one)
      }
    }
  })
})

describe('filters', () => {
  test.each([
    ['userName eq "query.bob"', ['bob']],
    ['userName ne "query.bob"', ['ada', 'cyd', 'dot', 'eve']],
    ['displayName co "lph"', ['bob', 'cyd']],
    ['displayName sw "alpha"', ['bob', 'cyd']],
    ['displayName ew "a"', ['ada', 'bob', 'dot']],
    ['displayName gt "alpha"', ['ada', 'cyd', 'dot']],
    ['displayName ge "alpha"', ['ada', 'bob', 'cyd', 'dot']],
    ['displayName lt "beta"', ['bob', 'cyd']],
    ['displayName le "beta"', ['ada', 'bob', 'cyd']],
    ['displayName pr', ['ada', 'bob', 'cyd', 'dot']],
    ['not (displayName pr)', ['eve']],
    ['active eq false', ['bob']],
    ['name.familyName co "ÜML"', ['ada']],
    [`${userSchema}:userName sw "QUERY.A"`, ['ada']],
    [`${enterpriseSchema}:department eq "q"`, ['dot']],
    ['meta.lastModified gt "2011-05-13T04:42:34Z"', ['ada', 'bob', 'cyd', 'dot', 'eve']],
    ['meta.lastModified lt "2011-05-13T04:42:34Z"', []],
    ['title pr and displayName eq "beta"', ['ada']],
    ['title pr or displayName eq "gamma"', ['ada', 'dot']],
    ['title pr or active eq false and displayName eq "none"', ['ada']],
    ['(title pr or active eq false) and displayName eq "Alpha"', ['bob']],
    ['not (title pr or active eq false) and displayName pr', ['cyd', 'dot']],
    [`schemas eq "${enterpriseSchema}"`, ['dot']],
    ['emails co "example.com"', ['bob', 'cyd']],
    ['emails.type eq "work" and emails.value eq "m@example.com"', ['cyd']],
    ['emails[type eq "work" and value eq "m@example.com"]', []],
    ['emails[type eq "work" and value co "@example.com"] or roles[value eq "admin"]', ['bob', 'cyd']],
    ['groups.value pr', ['ada', 'bob']],
    ['Username Eq "QUERY.BOB" OR DISPLAYNAME EQ "gamma"', ['bob', 'dot']],
    ['userName eq "query.\\u0062ob"', ['bob']],
  ])('%s selects %j', async (filter, selected) => {
    expect(await found(filter)).toEqual(selected)
  })

  test('compare in the case of a caseExact attribute, and in any case otherwise', async () => {
    expect(await found('externalId eq "X-b"')).toEqual(['ada'])
    expect(await found('externalId eq "X-B"')).toEqual(['bob'])
    expect(await found('externalId eq "x-b"')).toEqual([])
    expect(await found('externalId sw "x-"')).toEqual([])
    expect(await found('displayName eq "ALPHA"')).toEqual(['bob'])
    expect(await found('emails.value eq "m@EXAMPLE.org"')).toEqual(['dot'])
    expect(await found(`id eq "${ids['ada']?.toUpperCase()}"`)).toEqual([])
    expect(await found('meta.resourceType eq "user"')).toEqual([])
  })

  test.each([
    '',
    ' ',
    'userName',
    'userName eq',
    'eq "x"',
    'userName eq "x" and',
    'userName eq "x" "y"',
    '(userName eq "x"',
    'userName eq "x")',
    'not userName eq "x"',
    'userName regex "x"',
    'userName = "x"',
    'userName eq "x',
    '1userName eq "x"',
    'user Name eq "x"',
    'emails[type eq "work"',
    'emails[]',
    'emails type eq "work"]',
  ])('%j is refused as invalidFilter', async (filter) => {
    for (const path of ['/Users', '/Groups']) {
      expect(await scim('GET', `${path}?filter=${encodeURIComponent(filter)}`)).toMatchObject({
        status: 400,
        body: { scimType: 'invalidFilter', status: '400' },
      })
    }
  })

  test('that order booleans or binary values are refused as invalidFilter', async () => {
    for (const operator of ['gt', 'ge', 'lt', 'le']) {
      for (const filter of [
        `active ${operator} true`,
        `roles[primary ${operator} false]`,
        `x509Certificates.value ${operator} "AAEC"`,
      ]) {
        expect({ filter, ...(await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)) }).toMatchObject({
          filter,
          status: 400,
          body: { scimType: 'invalidFilter' },
        })
      }
    }
  })

  test('on what a type does not define find nothing, and are no error', async () => {
    for (const filter of [
      'members.value pr',
      'unheardOf eq "x"',
      'urn:unheard:of:1.0:x eq "x"',
      'userName.sub eq "x"',
    ]) {
      expect(await found(filter)).toEqual([])
    }
    expect(await found('userName pr', '/Groups')).toEqual([])
  })

  test('on sub-attributes name them in full', async () => {
    expect(await found('name.givenName eq "ada"')).toEqual(['ada'])
    expect(await found('givenName eq "ada"')).toEqual([])
    expect(await found('name eq "ada"')).toEqual([])
  })
})

describe('order', () => {
  const sorted = async (parameters: Record<string, string>, path = '/Users'): Promise<string[]> =>
    names(await list(parameters, path))

  test('is ascending unless asked otherwise, and what has no value comes last, or first when descending', async () => {
    const ascending = ['bob', 'cyd', 'ada', 'dot', 'eve']
    expect(await sorted({ sortBy: 'displayName' })).toEqual(ascending)
    expect(await sorted({ sortBy: 'displayName', sortOrder: 'ascending' })).toEqual(ascending)
    expect(await sorted({ sortBy: 'displayName', sortOrder: 'descending' })).toEqual([...ascending].reverse())
  })

  test('goes by the case of a caseExact attribute, and by no case otherwise', async () => {
    const byCase = await sorted({ sortBy: 'externalId', filter: 'externalId pr' })
    expect(byCase).toEqual(['bob', 'cyd', 'ada'])
    expect(await sorted({ sortBy: 'userName' })).toEqual(['ada', 'bob', 'cyd', 'dot', 'eve'])
    expect(await sorted({ sortBy: 'USERNAME', sortOrder: 'descending' })).toEqual(['eve', 'dot', 'cyd', 'bob', 'ada'])
  })

  test('goes by the primary value of several, or else by the first', async () => {
    expect(await sorted({ sortBy: 'emails.value', filter: 'emails pr' })).toEqual(['cyd', 'dot', 'bob'])
    expect(await sorted({ sortBy: 'emails', filter: 'emails pr' })).toEqual(['cyd', 'dot', 'bob'])
  })

  test('goes by sub-attributes, times and URNs', async () => {
    expect((await sorted({ sortBy: 'name.givenName' }))[0]).toBe('ada')
    expect(await sorted({ sortBy: 'meta.created', sortOrder: 'descending' })).toEqual([
      'eve',
      'dot',
      'cyd',
      'bob',
      'ada',
    ])
    expect((await sorted({ sortBy: `${enterpriseSchema}:department` }))[0]).toBe('dot')
    expect(await sorted({ sortBy: 'displayName' }, '/Groups')).toEqual(['other', 'team'])
  })

  test('that is none is refused', async () => {
    for (const query of ['sortBy=userName&sortOrder=upwards', 'sortBy=user%20name']) {
      expect(await scim('GET', `/Users?${query}`)).toMatchObject({ status: 400, body: { status: '400' } })
    }
  })

  test('is announced', async () => {
    expect((await scim('GET', '/ServiceProviderConfig')).body.sort).toEqual({ supported: true })
  })
})

describe('pages', () => {
  const all = ['ada', 'bob', 'cyd', 'dot', 'eve']
  test.each([
    [{ startIndex: '1', count: '2' }, { startIndex: 1, itemsPerPage: 2 }, ['ada', 'bob']],
    [{ startIndex: '3', count: '2' }, { startIndex: 3, itemsPerPage: 2 }, ['cyd', 'dot']],
    [{ startIndex: '5', count: '2' }, { startIndex: 5, itemsPerPage: 1 }, ['eve']],
    [{ startIndex: '0', count: '1' }, { startIndex: 1, itemsPerPage: 1 }, ['ada']],
    [{ startIndex: '-7', count: '1' }, { startIndex: 1, itemsPerPage: 1 }, ['ada']],
    [{ count: '0' }, { itemsPerPage: 0 }, []],
    [{ count: '-1' }, { itemsPerPage: 0 }, []],
    [{ startIndex: '9', count: '2' }, { itemsPerPage: 0 }, []],
    [{ count: '1000000' }, { startIndex: 1, itemsPerPage: 5 }, all],
    [{ startIndex: '2' }, { startIndex: 2, itemsPerPage: 4 }, all.slice(1)],
  ])('%j hold no more than asked for, from where asked for', async (parameters, numbers, expected) => {
    const body = await list({ ...parameters, sortBy: 'userName' } as Record<string, string>)
    expect(body).toMatchObject({ totalResults: 5, ...numbers })
    expect(names(body)).toEqual(expected)
  })

  test('one after another hold everything once', async () => {
    const walked: string[] = []
    for (let startIndex = 1; startIndex <= 5; startIndex += 2) {
      walked.push(...names(await list({ startIndex: String(startIndex), count: '2' })))
    }
    expect(walked.sort()).toEqual(all)
  })
})

describe('projection', () => {
  const read = async (query: string): Promise<Told> => (await scim('GET', `/Users/${ids['cyd']}?${query}`)).body
  const always = { schemas: [userSchema] }

  test('attributes takes the place of the default list, and keeps what is always returned', async () => {
    expect(await read('attributes=displayName')).toEqual({ ...always, id: ids['cyd'], displayName: 'ALPHABET' })
    expect(await read('attributes=emails.value,name')).toEqual({
      ...always,
      id: ids['cyd'],
      emails: [{ value: 'm@example.com' }, { value: 'a@example.com' }],
    })
    expect(await read('attributes=unheardOf')).toEqual({ ...always, id: ids['cyd'] })
    expect((await read('attributes=meta.created')).meta).toEqual({ created: expect.any(String) })
  })

  test('excludedAttributes takes away from the default list, and never what is always returned', async () => {
    const whole = await read('')
    const { displayName: _, meta: __, ...rest } = whole
    expect(await read('excludedAttributes=displayName,meta,id,schemas,unheardOf')).toEqual(rest)
    const { type: ___, ...email } = whole.emails[0]
    expect((await read('excludedAttributes=emails.type')).emails[0]).toEqual(email)
  })

  test('both at once are refused', async () => {
    expect(await scim('GET', '/Users?attributes=id&excludedAttributes=title')).toMatchObject({
      status: 400,
      body: { status: '400' },
    })
  })

  test('holds for every answer that shows a resource', async () => {
    const wanted = expect.objectContaining({ schemas: [userSchema] })
    const only = (body: Told): string[] => Object.keys(body).sort()
    const made = await scim('POST', '/Users?attributes=userName', user('projected', { title: 'Dr' }))
    expect(made.body).toEqual(wanted)
    const path = `/Users/${made.body.id}`
    const answers = [
      made.body,
      (await scim('GET', `${path}?attributes=userName`)).body,
      (await scim('PUT', `${path}?attributes=userName`, user('projected', { title: 'Prof' }))).body,
      (await list({ attributes: 'userName', filter: 'userName eq "projected"' })).Resources[0],
    ]
    for (const body of answers) expect(only(body)).toEqual(['id', 'schemas', 'userName'])
    expect(made.headers.get('location')).toBe(`${connection.scimBaseUrl}${path}`)
    await scim('DELETE', path)
  })
})

describe('POST /.search', () => {
  const search = async (path: string, parameters: object): Promise<Told> => {
    const { status, headers, body } = await scim('POST', `${path}/.search`, { schemas: [searchRequest], ...parameters })
    expect({ status, body }).toMatchObject({ status: 200, body: { schemas: [listResponse] } })
    expect(headers.get('content-type')).toMatch(/^application\/scim\+json/)
    return body
  }

  test('asks for what the same parameters of a GET ask for', async () => {
    for (const parameters of [
      {},
      { filter: 'displayName sw "alpha"' },
      { filter: 'userName pr', sortBy: 'userName', sortOrder: 'descending', startIndex: 2, count: 2 },
      { attributes: ['userName', 'emails.value'], count: 3 },
      { excludedAttributes: ['emails', 'meta'] },
      { count: 0 },
    ]) {
      const asGet = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
      expect(await search('/Users', parameters)).toEqual(await list(asGet))
    }
    expect(names(await search('/Groups', { filter: 'displayName eq "team"' }))).toEqual(['team'])
  })

  test('at the root finds resources of every type', async () => {
    expect(names(await search('', {})).sort()).toEqual(Object.keys(ids).sort())
    expect(names(await search('', { filter: 'displayName sw "alpha" or displayName sw "team"' })).sort()).toEqual([
      'bob',
      'cyd',
      'team',
    ])
    expect(names(await search('', { filter: 'meta.resourceType eq "Group"' })).sort()).toEqual(['other', 'team'])
    const page = await search('', { sortBy: 'displayName', startIndex: 2, count: 2, attributes: ['displayName'] })
    expect(page).toMatchObject({ totalResults: 7, startIndex: 2, itemsPerPage: 2 })
    for (const one of page.Resources) expect(Object.keys(one).sort()).toEqual(['displayName', 'id', 'schemas'])
  })

  test('at the root treats what a type does not define as having no value', async () => {
    expect(names(await search('', { filter: 'userName pr' })).sort()).toEqual(['ada', 'bob', 'cyd', 'dot', 'eve'])
    expect(names(await search('', { filter: 'members pr' })).sort()).toEqual(['other', 'team'])
    expect(
      names(await search('', { filter: `members.value eq "${ids['bob']}" or userName eq "query.eve"` })).sort(),
    ).toEqual(['eve', 'team'])
    expect(names(await search('', { filter: 'unheardOf pr' }))).toEqual([])
  })

  test.each([
    ['no schemas', { filter: 'userName pr' }],
    ['other schemas', { schemas: [listResponse] }],
    ['a count that is none', { schemas: [searchRequest], count: 'many' }],
    ['attributes that are none', { schemas: [searchRequest], attributes: 7 }],
    [
      'attributes and excludedAttributes',
      { schemas: [searchRequest], attributes: ['id'], excludedAttributes: ['title'] },
    ],
    ['a list', []],
  ])('with %s is refused', async (_what, body) => {
    for (const path of ['', '/Users']) {
      expect(await scim('POST', `${path}/.search`, body)).toMatchObject({ status: 400, body: { status: '400' } })
    }
  })

  test('with a broken filter is refused as invalidFilter', async () => {
    for (const path of ['', '/Users', '/Groups']) {
      expect(await scim('POST', `${path}/.search`, { schemas: [searchRequest], filter: 'userName eq' })).toMatchObject({
        status: 400,
        body: { scimType: 'invalidFilter' },
      })
    }
  })
})

test('what would show or ask too much is refused as tooMany, and less of it is answered', async () => {
  const { id } = await create('/Groups', group('very large'))
  await world.query(
    `INSERT INTO gateway.membership (connection, group_id, member_id, kind)
     SELECT $1, $2, 'member-' || n, NULL FROM generate_series(1, 50001) AS n`,
    [connection.id, id],
  )
  const refused = { status: 400, body: { scimType: 'tooMany', status: '400' } }
  const filter = encodeURIComponent(`id eq "${id}"`)
  expect(await scim('GET', `/Groups?filter=${filter}`)).toMatchObject(refused)
  expect(await scim('GET', `/Groups?filter=${filter}&excludedAttributes=members`)).toMatchObject({
    status: 200,
    body: { totalResults: 1, Resources: [{ id }] },
  })
  const endless = Array.from({ length: 1_200 }, () => 'id pr').join(' or ')
  expect(await scim('POST', '/Users/.search', { schemas: [searchRequest], filter: endless })).toMatchObject({
    status: 400,
    body: { scimType: expect.stringMatching(/^(tooMany|invalidFilter)$/) },
  })
  await scim('DELETE', `/Groups/${id}`)
})
