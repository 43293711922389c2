import { type Answer, enterpriseSchema, group, groupSchema, patch, type Told, user, userSchema } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

/** RFC 7643 sections 2 to 4: what every representation of a user and a group holds. */
shareOneConnection()

const read = async (path: string): Promise<Told> => {
  const { status, body } = await scim('GET', path)
  expect(status).toBe(200)
  return body
}
const below = (location: string): string => location.slice(connection.scimBaseUrl.length)

describe('schemas', () => {
  test('every representation names its schemas, each once: the base schema, and an extension only where it is in use', async () => {
    const plain = await create('/Users', { ...user('plain'), schemas: [userSchema, enterpriseSchema, userSchema] })
    expect(plain.schemas).toEqual([userSchema])
    const made = await create('/Users', {
      ...user('extended', { [enterpriseSchema]: { department: 'Engines' } }),
      schemas: [enterpriseSchema, userSchema],
    })
    expect([...made.schemas].sort()).toEqual([userSchema, enterpriseSchema].sort())
    expect((await create('/Groups', group('named'))).schemas).toEqual([groupSchema])
    for (const path of ['/Users', '/Users?attributes=userName', '/Users?excludedAttributes=schemas', '/Groups']) {
      for (const { schemas } of (await read(path)).Resources) {
        expect(schemas.length).toBeGreaterThan(0)
        expect(new Set(schemas).size).toBe(schemas.length)
        expect([userSchema, enterpriseSchema, groupSchema]).toEqual(expect.arrayContaining(schemas))
      }
    }
  })

  test('the order of schemas and of attributes changes nothing', async () => {
    const attributes = {
      name: { givenName: 'A', familyName: 'B' },
      emails: [{ value: 'order@example.com', type: 'work', primary: true }],
      [enterpriseSchema]: { department: 'Engines', costCenter: '7' },
    }
    const one = await create('/Users', {
      schemas: [userSchema, enterpriseSchema],
      userName: 'order.one',
      ...attributes,
    })
    const other = await create('/Users', {
      [enterpriseSchema]: { costCenter: '7', department: 'Engines' },
      emails: [{ primary: true, type: 'work', value: 'order@example.com' }],
      name: { familyName: 'B', givenName: 'A' },
      userName: 'order.other',
      schemas: [enterpriseSchema, userSchema],
    })
    expect(one).toMatchObject(attributes)
    expect({ ...other, id: one.id, meta: one.meta, userName: one.userName }).toEqual(one)
    const operations = patch({ value: 'Dr', path: 'title', op: 'add' })
    expect((await scim('PATCH', `/Users/${one.id}`, operations)).body.title).toBe('Dr')
  })

  test('attributes of an extension stand in a container that its URI names', async () => {
    const { id } = await create('/Users', {
      ...user('container', { [enterpriseSchema]: { employeeNumber: '7', manager: { value: 'nobody' } } }),
      schemas: [userSchema, enterpriseSchema],
    })
    const known = await read(`/Users/${id}`)
    expect(known[enterpriseSchema]).toMatchObject({ employeeNumber: '7', manager: { value: 'nobody' } })
    expect(known).not.toHaveProperty('employeeNumber')
    await scim('PATCH', `/Users/${id}`, patch({ op: 'remove', path: enterpriseSchema }))
    const after = await read(`/Users/${id}`)
    expect(after).not.toHaveProperty([enterpriseSchema])
    expect(after.schemas).toEqual([userSchema])
  })
})

describe('id and externalId', () => {
  test('an id is given by the service alone, and is unique among users and groups', async () => {
    const made = [
      await create('/Users', user('id.one', { id: '2819c223-7f76-453a-919d-413861904646' })),
      await create('/Users', user('id.two', { id: '2819c223-7f76-453a-919d-413861904646' })),
      await create('/Groups', { ...group('id'), id: '2819c223-7f76-453a-919d-413861904646' }),
    ]
    const ids = made.map(({ id }) => String(id))
    expect(new Set([...ids, '2819c223-7f76-453a-919d-413861904646']).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^(?!.*bulkid).+$/i)
  })

  test('an id stays the same however its resource changes, and is not given again once that is gone', async () => {
    const { id } = await create('/Users', user('stable'))
    const answers = [
      await scim('PUT', `/Users/${id}`, user('stable.renamed', { id: 'other' })),
      await scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'userName', value: 'stable' })),
      await scim('GET', `/Users/${id}`),
    ]
    for (const { body } of answers) expect(body.id).toBe(id)
    await scim('DELETE', `/Users/${id}`)
    expect((await create('/Users', user('stable'))).id).not.toBe(id)
  })

  test('externalId is the client’s alone: echoed in its case, absent unless sent, and free to every connection', async () => {
    const { id, externalId } = await create('/Users', user('external', { externalId: 'Ext-A' }))
    expect(externalId).toBe('Ext-A')
    expect(await create('/Users', user('no.external'))).not.toHaveProperty('externalId')
    expect(await create('/Groups', group('no external'))).not.toHaveProperty('externalId')
    const elsewhere = world.scim(await world.connection('other', { tenant: connection.tenant }))
    const other = await elsewhere('POST', '/Users', user('external', { externalId: 'Ext-A' }))
    expect(other.status).toBe(201)
    const found = async (ask: typeof scim): Promise<unknown> =>
      (await ask('GET', '/Users?filter=externalId eq "Ext-A"')).body.Resources.map((one: Told) => one.id)
    expect(await found(scim)).toEqual([id])
    expect(await found(elsewhere)).toEqual([other.body.id])
    expect((await scim('GET', '/Users?filter=externalId eq "ext-a"')).body.totalResults).toBe(0)
  })
})

describe('meta', () => {
  const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

  test.each(['/Users', '/Groups'] as const)(
    'of %s is set by the service, and what a client sends of it is ignored',
    async (path) => {
      const sent = { resourceType: 'Robot', created: '1999-01-01T00:00:00Z', location: 'http://x', version: 'W/"9"' }
      const made = await create(path, { ...(path === '/Users' ? user('meta') : group('meta')), meta: sent })
      expect(made.meta).toEqual({
        resourceType: path === '/Users' ? 'User' : 'Group',
        created: expect.stringMatching(dateTime),
        lastModified: made.meta.created,
        location: `${connection.scimBaseUrl}${path}/${made.id}`,
        version: expect.stringMatching(/^W\/"[^"]+"$/),
      })
      const replaced = await scim('PUT', `${path}/${made.id}`, { ...made, displayName: 'changed', meta: sent })
      expect(replaced.body.meta).toMatchObject({ created: made.meta.created, location: made.meta.location })
      expect(replaced.body.meta.lastModified).toMatch(dateTime)
    },
  )

  test('location is the same in Location, Content-Location and meta, and version the same in ETag and meta', async () => {
    const created = await scim('POST', '/Users', user('located.everywhere'))
    const { location } = created.body.meta
    expect(created.headers.get('location')).toBe(location)
    const path = below(location)
    const answers: Answer[] = [
      created,
      await scim('GET', path),
      await scim('PUT', path, user('located.everywhere', { title: 'Dr' })),
      await scim('PATCH', path, patch({ op: 'remove', path: 'title' })),
    ]
    for (const { headers, body } of answers) {
      expect(body.meta.location).toBe(location)
      expect(headers.get('content-location')).toBe(location)
      expect(headers.get('etag')).toBe(body.meta.version)
      expect(headers.get('etag')).toMatch(/^W\/"[^"]+"$/)
    }
    expect((await scim('GET', path)).body).toEqual(answers[3]?.body)
  })
})

describe('values', () => {
  test.each([
    ['left out', {}],
    ['null', { title: null, emails: null, name: null, active: null, [enterpriseSchema]: null }],
    ['empty', { emails: [], roles: [], name: {}, [enterpriseSchema]: {} }],
    ['null inside', { name: { givenName: null }, emails: [null], [enterpriseSchema]: { department: null } }],
  ])('what is %s has no value', async (what, attributes) => {
    const made = await create('/Users', user(`nothing ${what}`, attributes))
    const { id, meta: _, active, ...rest } = await read(`/Users/${made.id}`)
    expect({ active, rest }).toEqual({ active: true, rest: { schemas: [userSchema], userName: `nothing ${what}` } })
    for (const name of ['title', 'emails', 'name', `${enterpriseSchema}:department`]) {
      expect((await read(`/Users?filter=id eq "${id}" and ${name} pr`)).totalResults).toBe(0)
    }
  })

  test.each([
    ['PUT with null', (held: Told) => ['PUT', { ...held, title: null, emails: null }]],
    ['PUT with []', (held: Told) => ['PUT', { ...held, title: null, emails: [] }]],
    ['PATCH with null', () => ['PATCH', patch({ op: 'replace', value: { title: null, emails: [] } })]],
    [
      'PATCH of a path with null',
      () => [
        'PATCH',
        patch({ op: 'replace', path: 'title', value: null }, { op: 'replace', path: 'emails', value: null }),
      ],
    ],
  ] as const)('%s unassigns a value', async (what, change) => {
    const made = await create('/Users', user(what, { title: 'Dr', emails: [{ value: 'un@example.com' }] }))
    const [method, body] = change(made)
    const answer = await scim(String(method), `/Users/${made.id}`, body)
    expect(answer.status).toBe(200)
    for (const held of [answer.body, await read(`/Users/${made.id}`)]) {
      expect(held).not.toHaveProperty('title')
      expect(held).not.toHaveProperty('emails')
    }
  })

  test('multi-valued attributes keep all of their values, with all sub-attributes', async () => {
    const attributes = {
      emails: [
        { value: 'all@work.example', type: 'work', primary: true, display: 'Work' },
        { value: 'all@home.example', type: 'home' },
      ],
      phoneNumbers: [
        { value: 'tel:+1-201-555-0123', type: 'work' },
        { value: 'tel:+1-201-555-0124', type: 'mobile', primary: true },
        { value: 'tel:+1-201-555-0125', type: 'fax' },
      ],
      addresses: [
        {
          type: 'work',
          streetAddress: '100 Universal City Plaza',
          locality: 'Hollywood',
          region: 'CA',
          postalCode: '91608',
          country: 'US',
          formatted: '100 Universal City Plaza\nHollywood, CA 91608 USA',
          primary: true,
        },
        { type: 'home', locality: 'Zürich', country: 'CH' },
      ],
      photos: [
        { value: 'https://photos.example.com/profilephoto/F', type: 'photo' },
        { value: 'https://photos.example.com/profilephoto/T', type: 'thumbnail' },
      ],
      roles: [{ value: 'one' }, { value: 'two', display: 'Two', type: 'x', primary: true }],
      entitlements: [{ value: 'a' }],
      ims: [{ value: 'someaimhandle', type: 'aim' }],
      x509Certificates: [{ value: 'MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQA=' }],
    }
    const made = await create('/Users', user('all.values', attributes))
    expect(made).toMatchObject(attributes)
    expect(await read(`/Users/${made.id}`)).toEqual(made)
  })

  test('one type and value are not returned twice in an attribute', async () => {
    const twice = { value: 'twice@example.com', type: 'work' }
    const made = await create('/Users', user('twice', { emails: [twice, { ...twice }, { ...twice, type: 'home' }] }))
    expect(made.emails).toEqual([twice, { ...twice, type: 'home' }])
    const { body } = await scim('PATCH', `/Users/${made.id}`, patch({ op: 'add', path: 'emails', value: [twice] }))
    expect(body.emails).toEqual(made.emails)
  })

  test('a label that the schema knows is returned as the schema spells it, and any other as it was sent', async () => {
    const emails = ['WORK', 'Home', 'Secret'].map((type) => ({ value: `${type}@example.com`, type }))
    const made = await create('/Users', user('canonical', { emails }))
    expect(made.emails.map(({ type }: Told) => type)).toEqual(['work', 'home', 'Secret'])
    expect(await read(`/Users/${made.id}`)).toEqual(made)
  })

  test('of several values at most one is primary', async () => {
    const both = [
      { value: 'a@example.com', type: 'work', primary: true },
      { value: 'b@example.com', type: 'home', primary: true },
    ]
    for (const [method, path, body] of [
      ['POST', '/Users', user('two.primaries', { emails: both })],
      ['PUT', `/Users/${(await create('/Users', user('primary'))).id}`, user('primary', { emails: both })],
    ] as const) {
      expect(await scim(method, path, body)).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
    }
    const { id } = await create('/Users', user('one.primary', { emails: [both[0]] }))
    const { body } = await scim('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'emails', value: [both[1]] }))
    expect(body.emails.map(({ value, primary }: Told) => [value, primary === true])).toEqual([
      ['a@example.com', false],
      ['b@example.com', true],
    ])
  })

  test('Base64 is kept as it was sent, and what is none is refused', async () => {
    for (const value of ['AAECAwQF+/8=', '-_8', 'AAEC']) {
      const made = await create('/Users', user(`binary ${value}`, { x509Certificates: [{ value }] }))
      expect((await read(`/Users/${made.id}`)).x509Certificates).toEqual([{ value }])
    }
    for (const value of ['not base64!', 'AAECA', '+_AA', 'AA=C']) {
      expect(await scim('POST', '/Users', user('no.binary', { x509Certificates: [{ value }] }))).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      })
    }
  })

  test('booleans are returned as booleans, however they came', async () => {
    const made = await create('/Users', user('booleans', { active: 'False', roles: [{ value: 'r', primary: 'True' }] }))
    expect(made).toMatchObject({ active: false, roles: [{ value: 'r', primary: true }] })
    for (const active of [1, 'yes', {}]) {
      expect(await scim('POST', '/Users', user('no.boolean', { active }))).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      })
    }
  })
})

describe('users and groups', () => {
  test.each([
    ['no userName', {}],
    ['null', { userName: null }],
    ['an empty one', { userName: '' }],
    ['a blank one', { userName: '  ' }],
  ])('a user with %s as userName is refused, also by PUT', async (what, attributes) => {
    const { userName: _, ...body } = { ...user('x'), userName: undefined }
    const { id } = await create('/Users', user(`required ${what}`))
    for (const [method, path] of [
      ['POST', '/Users'],
      ['PUT', `/Users/${id}`],
    ] as const) {
      expect(await scim(method, path, { ...body, ...attributes })).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      })
    }
    expect((await read(`/Users/${id}`)).userName).toBe(`required ${what}`)
  })

  test('a group without displayName is refused', async () => {
    expect(await scim('POST', '/Groups', { schemas: [groupSchema] })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    })
  })

  test('userNames are compared as PRECIS prepares them: in any case, width and composition', async () => {
    const made = await create('/Users', user('Zo\u00eb.M\u00fcller'))
    const alike = ['zo\u00eb.m\u00fcller', 'ZOE\u0308.MU\u0308LLER', '\uff3a\uff4f\u00eb.m\u00fcller']
    for (const userName of alike) {
      expect(await scim('POST', '/Users', user(userName))).toMatchObject({
        status: 409,
        body: { scimType: 'uniqueness' },
      })
      const { Resources } = await read(`/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`)
      expect(Resources).toMatchObject([{ id: made.id, userName: 'Zo\u00eb.M\u00fcller' }])
    }
    expect(await scim('POST', '/Users', user('zoe.muller'))).toMatchObject({ status: 201 })
  })

  test('a password is taken, never returned, and nowhere stored in clear', async () => {
    const password = 'correct horse 5nq0z staple'
    const created = await scim('POST', '/Users', user('secret', { password }))
    const path = `/Users/${created.body.id}`
    const answers = [
      created,
      await scim('PUT', path, user('secret', { password, title: 'Dr' })),
      await scim('PATCH', path, patch({ op: 'replace', path: 'password', value: `${password}2` })),
      await scim('PATCH', path, patch({ op: 'replace', value: { password: `${password}3` } })),
      await scim('GET', path),
      await scim('GET', `${path}?attributes=password,userName`),
      await scim('GET', '/Users?attributes=password'),
      await scim('GET', '/Users?filter=userName eq "secret"'),
    ]
    for (const { status, body } of answers) {
      expect(status).toBeLessThan(300)
      expect(JSON.stringify(body)).not.toMatch(/password|correct horse/i)
    }
    const tables = await world.query(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    )
    for (const { name } of tables) {
      expect({
        name,
        rows: await world.query(`SELECT 1 FROM ${name} AS t WHERE t::text LIKE '%correct horse 5nq0z%'`),
      }).toEqual({
        name,
        rows: [],
      })
    }
  })

  test('groups of a user are the ids of groups, and change by the groups alone', async () => {
    const { id } = await create('/Users', user('member', { groups: [{ value: 'invented' }] }))
    expect(await read(`/Users/${id}`)).not.toHaveProperty('groups')
    const team = await create('/Groups', group('team', [id]))
    const mine = await read(`/Users/${id}`)
    expect(mine.groups).toMatchObject([
      { value: team.id, $ref: `${connection.scimBaseUrl}/Groups/${team.id}`, type: 'direct' },
    ])
    expect((await scim('PUT', `/Users/${id}`, user('member', { groups: [] }))).body.groups).toEqual(mine.groups)
    expect(
      await scim('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'groups', value: [{ value: 'invented' }] })),
    ).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
    await scim('PATCH', `/Groups/${team.id}`, patch({ op: 'remove', path: 'members' }))
    expect(await read(`/Users/${id}`)).not.toHaveProperty('groups')
  })

  test('whatever a resource refers to is found at the address that it gives', async () => {
    const boss = await create('/Users', user('boss'))
    const { id } = await create('/Users', {
      ...user('referring', { [enterpriseSchema]: { manager: { value: boss.id } } }),
      schemas: [userSchema, enterpriseSchema],
    })
    const inner = await create('/Groups', group('inner', [id]))
    const outer = await create('/Groups', group('outer', [inner.id, boss.id]))
    const referring = [...(await read(`/Groups/${outer.id}`)).members, ...(await read(`/Users/${id}`)).groups]
    expect(referring).toHaveLength(4)
    for (const { value, $ref } of referring) {
      expect($ref).toMatch(/^https?:\/\//)
      expect((await read(below($ref))).id).toBe(value)
    }
    for (const path of [`/Users/${id}`, `/Groups/${inner.id}`]) {
      const held = await read(path)
      expect(await read(below(held.meta.location))).toEqual(held)
    }
  })
})
