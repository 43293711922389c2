import { enterpriseSchema, group, patch, type Told, user, userSchema } from '../world.ts'
import { create, eventsOf, read, refused, scim, shareOneConnection } from './one-connection.ts'

/** RFC 7644 section 3.5.2: what becomes of a user or a group that is changed by PATCH. */
shareOneConnection()

const unknown = '6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a'
const change = async ({ id }: { id: string }, ...operations: readonly object[]): Promise<Told> => {
  const { status, body } = await scim('PATCH', `/Users/${id}`, patch(...operations))
  expect({ status, body }).toMatchObject({ status: 200 })
  expect((await scim('GET', `/Users/${id}`)).body).toEqual(body)
  return body
}

describe('PATCH', () => {
  test('answers 200 with the whole resource, its version and its address', async () => {
    const { id } = await create('/Users', user('patched', { nickName: 'P' }))
    const { status, headers, body } = await scim(
      'PATCH',
      `/Users/${id}`,
      patch({ op: 'replace', path: 'title', value: 'Dr' }),
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({ schemas: [userSchema], id, userName: 'patched', nickName: 'P', title: 'Dr' })
    expect(headers.get('etag')).toBe(body.meta.version)
    expect(headers.get('location')).toBe(body.meta.location)
  })

  test('with attributes answers 200 with these alone', async () => {
    const { id } = await create('/Users', user('patched.projected', { nickName: 'P' }))
    const operation = { op: 'replace', path: 'title', value: 'Dr' }
    expect(await scim('PATCH', `/Users/${id}?attributes=title`, patch(operation))).toMatchObject({
      status: 200,
      body: { schemas: [userSchema], id, title: 'Dr' },
    })
    const { body } = await scim('PATCH', `/Users/${id}?excludedAttributes=nickName,meta`, patch(operation))
    expect(body).toEqual({ schemas: [userSchema], id, userName: 'patched.projected', title: 'Dr', active: true })
  })

  test.each([
    ['no schemas', { Operations: [{ op: 'add', path: 'title', value: 'x' }] }],
    ['other schemas', { schemas: [userSchema], Operations: [{ op: 'add', path: 'title', value: 'x' }] }],
    ['no Operations', { schemas: patchSchemas() }],
    ['Operations that are none', { schemas: patchSchemas(), Operations: 'add' }],
    ['an operation that is none', { schemas: patchSchemas(), Operations: ['add'] }],
    ['no op', { schemas: patchSchemas(), Operations: [{ path: 'title', value: 'x' }] }],
    ['an unknown op', { schemas: patchSchemas(), Operations: [{ op: 'move', path: 'title', value: 'x' }] }],
    ['several ops', { schemas: patchSchemas(), Operations: [{ op: ['add', 'remove'], path: 'title', value: 'x' }] }],
    ['a path that is no text', { schemas: patchSchemas(), Operations: [{ op: 'add', path: 7, value: 'x' }] }],
    ['no body but a list', [{ op: 'add', path: 'title', value: 'x' }]],
  ])('of %s is refused and changes nothing', async (what, body) => {
    const before = await create('/Users', user(`patch of ${what}`))
    expect(await scim('PATCH', `/Users/${before.id}`, body)).toMatchObject({ status: 400, body: { status: '400' } })
    expect(await read(before)).toEqual(before)
  })

  test('is done in the order of its operations, each on what the one before left', async () => {
    const made = await create('/Users', user('sequence'))
    const body = await change(
      made,
      { op: 'add', path: 'title', value: 'first' },
      { op: 'add', path: 'emails', value: [{ value: 'a@example.com', type: 'work' }] },
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'b@example.com' },
      { op: 'replace', path: 'title', value: 'second' },
      { op: 'remove', path: 'emails[value eq "a@example.com"]' },
    )
    expect(body).toMatchObject({ title: 'second', emails: [{ value: 'b@example.com', type: 'work' }] })
  })

  test('is done whole or not at all', async () => {
    const before = await create('/Users', user('atomic', { title: 'before' }))
    const first = { op: 'replace', path: 'title', value: 'after' }
    for (const [second, scimType] of [
      [{ op: 'remove', path: 'userName' }, 'mutability'],
      [{ op: 'remove' }, 'noTarget'],
      [{ op: 'replace', path: 'emails[type eq "work"]', value: { value: 'x' } }, 'noTarget'],
      [{ op: 'replace', path: 'emails..value', value: 'x' }, 'invalidPath'],
      [{ op: 'replace', path: 'emails[type xx "work"].value', value: 'x' }, 'invalidFilter'],
      [{ op: 'replace', path: 'active', value: 'perhaps' }, 'invalidValue'],
    ] as const) {
      expect(await scim('PATCH', `/Users/${before.id}`, patch(first, second))).toMatchObject(refused(400, scimType))
    }
    expect(await read(before)).toEqual(before)
    expect(await eventsOf(before.id)).toHaveLength(1)
  })

  test.each(['id', 'meta.created', 'meta', 'groups', 'urn:ietf:params:scim:schemas:core:2.0:User:groups'])(
    'of %s, which is readOnly, is refused as mutability',
    async (path) => {
      const before = await create('/Users', user(`patch of ${path}`))
      for (const op of ['add', 'replace', 'remove'] as const) {
        const value = op === 'remove' ? {} : { value: path.startsWith('g') ? [{ value: 'x' }] : 'x' }
        expect(await scim('PATCH', `/Users/${before.id}`, patch({ op, path, ...value }))).toMatchObject(
          refused(400, 'mutability'),
        )
      }
      expect(await read(before)).toEqual(before)
    },
  )

  test('sets primary to false on the others when one becomes primary', async () => {
    const made = await create(
      '/Users',
      user('primary', {
        emails: [
          { value: 'a@example.com', type: 'work', primary: true },
          { value: 'b@example.com', type: 'home' },
        ],
      }),
    )
    const primaries = ({ emails }: Told): string[] =>
      emails.filter(({ primary }: Told) => primary === true).map(({ value }: Told) => value)
    const first = await change(made, { op: 'replace', path: 'emails[type eq "home"].primary', value: true })
    expect(primaries(first)).toEqual(['b@example.com'])
    expect(first.emails).toHaveLength(2)
    const added = { value: 'c@example.com', type: 'other', primary: true }
    expect(primaries(await change(made, { op: 'add', path: 'emails', value: [added] }))).toEqual(['c@example.com'])
    const whole = { op: 'replace', path: 'emails[type eq "work"]', value: { value: 'd@example.com', primary: true } }
    expect(primaries(await change(made, whole))).toEqual(['d@example.com'])
  })
})

describe('PATCH add', () => {
  test('without a value is refused', async () => {
    const before = await create('/Users', user('add.nothing'))
    for (const operation of [{ op: 'add', path: 'title' }, { op: 'add' }]) {
      expect(await scim('PATCH', `/Users/${before.id}`, patch(operation))).toMatchObject({ status: 400 })
    }
    expect(await read(before)).toEqual(before)
  })

  test('without a path adds attributes to the resource, and leaves the others alone', async () => {
    const made = await create('/Users', user('add.whole', { title: 'Dr', emails: [{ value: 'a@example.com' }] }))
    const body = await change(made, {
      op: 'add',
      value: {
        nickname: 'Babs',
        emails: [{ value: 'babs@jensen.org', type: 'home' }],
        [enterpriseSchema]: { division: 'D' },
      },
    })
    expect(body).toMatchObject({
      title: 'Dr',
      nickName: 'Babs',
      emails: [{ value: 'a@example.com' }, { value: 'babs@jensen.org', type: 'home' }],
      [enterpriseSchema]: { division: 'D' },
    })
  })

  test('of a simple value replaces it, and of what has no value adds it', async () => {
    const made = await create('/Users', user('add.simple', { title: 'before' }))
    const body = await change(
      made,
      { op: 'add', path: 'title', value: 'after' },
      { op: 'add', path: 'nickName', value: 'N' },
      { op: 'add', path: 'name.familyName', value: 'F' },
    )
    expect(body).toMatchObject({ title: 'after', nickName: 'N', name: { familyName: 'F' } })
  })

  test('of a complex attribute adds the parts in its value to those there', async () => {
    const made = await create('/Users', user('add.complex', { name: { givenName: 'A', familyName: 'B' } }))
    const body = await change(made, { op: 'add', path: 'name', value: { familyName: 'C', middleName: 'M' } })
    expect(body.name).toEqual({ givenName: 'A', familyName: 'C', middleName: 'M' })
    expect(
      await scim('PATCH', `/Users/${made.id}`, patch({ op: 'add', path: 'name', value: 'just text' })),
    ).toMatchObject(refused(400, 'invalidValue'))
  })

  test('of what is there already succeeds and changes neither version nor lastModified', async () => {
    const member = await create('/Users', user('add.again', { title: 'Dr', emails: [{ value: 'a@example.com' }] }))
    const body = await change(
      member,
      { op: 'add', path: 'title', value: 'Dr' },
      { op: 'add', path: 'emails', value: [{ value: 'a@example.com' }] },
    )
    expect(body).toEqual(member)
    const team = await create('/Groups', group('add.again', [member.id]))
    const again = patch({ op: 'add', path: 'members', value: [{ value: member.id }] })
    expect(await scim('PATCH', `/Groups/${team.id}`, again)).toMatchObject({ status: 200, body: team })
  })

  test('of a fully qualified attribute of an extension adds its URI to schemas', async () => {
    const made = await create('/Users', user('add.urn'))
    const path = `${enterpriseSchema}:employeeNumber`
    const body = await change(made, { op: 'add', path, value: '7' })
    expect(body).toMatchObject({ [enterpriseSchema]: { employeeNumber: '7' } })
    expect([...body.schemas].sort()).toEqual([userSchema, enterpriseSchema].sort())
    expect((await change(made, { op: 'remove', path })).schemas).toEqual([userSchema])
  })
})

describe('PATCH remove', () => {
  test('without a path is refused as noTarget', async () => {
    const before = await create('/Users', user('remove.nothing', { title: 'Dr' }))
    for (const operation of [{ op: 'remove' }, { op: 'remove', value: { title: 'Dr' } }]) {
      expect(await scim('PATCH', `/Users/${before.id}`, patch(operation))).toMatchObject(refused(400, 'noTarget'))
    }
    expect(await read(before)).toEqual(before)
  })

  test('of active by null or [] leaves it, by its name alone takes it away: answers, filters and events say the same', async () => {
    const made = await create('/Users', user('kept.active'))
    const found = async (filter: string): Promise<number> =>
      (await scim('GET', `/Users?filter=id eq "${made.id}" and ${filter}`)).body.totalResults
    for (const active of [false, true]) {
      await change(made, { op: 'replace', path: 'active', value: active })
      for (const operation of [
        { op: 'remove', path: 'active', value: null },
        { op: 'replace', path: 'active', value: [] },
        { op: 'replace', value: { active: null, title: `${active}` } },
      ]) {
        expect((await change(made, operation)).active).toBe(active)
        expect(await found(`active eq ${active}`)).toBe(1)
        expect(await found('active pr')).toBe(1)
      }
    }
    expect(await change(made, { op: 'remove', path: 'active' })).not.toHaveProperty('active')
    for (const filter of ['active eq true', 'active eq false', 'active pr']) expect(await found(filter)).toBe(0)
    expect(await found('not (active pr)')).toBe(1)
    expect(
      (await scim('PUT', `/Users/${made.id}`, (await scim('GET', `/Users/${made.id}`)).body)).body,
    ).not.toHaveProperty('active')
    const names = (await eventsOf(made.id)).map(({ name }: Told) => name)
    expect(names.filter((name: string) => /activated/.test(name))).toEqual(['user.deactivated', 'user.reactivated'])
  })

  test('of a single value makes it unassigned', async () => {
    const made = await create(
      '/Users',
      user('remove.single', { title: 'Dr', externalId: '7', name: { givenName: 'A', familyName: 'B' } }),
    )
    const body = await change(
      made,
      ...['title', 'externalId', 'name.givenName'].map((path) => ({ op: 'remove', path })),
    )
    expect(body).toMatchObject({ name: { familyName: 'B' } })
    for (const name of ['title', 'externalId', 'name.givenName']) expect(body).not.toHaveProperty(name)
    expect(await scim('PUT', `/Users/${made.id}`, body)).toMatchObject({ status: 200, body })
    expect(await change(made, { op: 'remove', path: 'name' })).not.toHaveProperty('name')
    expect((await scim('GET', `/Users?filter=id eq "${made.id}" and (title pr or name pr)`)).body.totalResults).toBe(0)
  })

  test('of all values, or of each one, makes a multi-valued attribute unassigned', async () => {
    const emails = [
      { value: 'a@example.com', type: 'work' },
      { value: 'b@example.org', type: 'work' },
      { value: 'c@example.org', type: 'home' },
    ]
    const made = await create('/Users', user('remove.all', { emails }))
    const work = await change(made, { op: 'remove', path: 'emails[type eq "work" and value ew "example.com"]' })
    expect(work.emails).toEqual(emails.slice(1))
    expect((await change(made, { op: 'remove', path: 'emails[value eq "b@example.org"]' })).emails).toEqual([emails[2]])
    expect(await change(made, { op: 'remove', path: 'emails[type eq "home"]' })).not.toHaveProperty('emails')
    await change(made, { op: 'add', path: 'emails', value: emails })
    expect(await change(made, { op: 'remove', path: 'emails' })).not.toHaveProperty('emails')
    expect((await scim('GET', `/Users?filter=id eq "${made.id}" and emails pr`)).body.totalResults).toBe(0)
  })

  test('of a sub-attribute of selected values unassigns it in these alone', async () => {
    const made = await create(
      '/Users',
      user('remove.sub', {
        emails: [
          { value: 'a@example.com', type: 'work', display: 'A' },
          { value: 'b@example.com', display: 'B' },
        ],
      }),
    )
    const { emails } = await change(made, { op: 'remove', path: 'emails[type eq "work"].display' })
    expect(emails).toEqual([
      { value: 'a@example.com', type: 'work' },
      { value: 'b@example.com', display: 'B' },
    ])
  })

  test('of what is required or readOnly is refused as mutability', async () => {
    const before = await create('/Users', user('remove.required'))
    for (const path of ['userName', 'id', 'meta', 'groups', 'schemas']) {
      expect({ path, ...(await scim('PATCH', `/Users/${before.id}`, patch({ op: 'remove', path }))) }).toMatchObject({
        path,
        ...refused(400, 'mutability'),
      })
    }
    const team = await create('/Groups', group('remove.required'))
    expect(await scim('PATCH', `/Groups/${team.id}`, patch({ op: 'remove', path: 'displayName' }))).toMatchObject(
      refused(400, 'mutability'),
    )
    expect(await read(before)).toEqual(before)
    expect(await read(team, 'Groups')).toEqual(team)
  })

  test('of what a member is, is refused as mutability where it would change, and passes where it would not', async () => {
    const { id, meta } = await create('/Users', user('a.member'))
    const team = await create('/Groups', group('members.immutable', [id]))
    const path = `members[value eq "${id}"]`
    for (const operation of [
      { op: 'replace', path: `${path}.type`, value: 'Group' },
      { op: 'add', path: 'members.type', value: 'Group' },
      { op: 'replace', path: `${path}.$ref`, value: meta.location.replace('Users', 'Groups') },
      { op: 'replace', path, value: { type: 'Group' } },
      { op: 'remove', path: `${path}.type` },
      { op: 'remove', path: `${path}.display` },
    ]) {
      expect(await scim('PATCH', `/Groups/${team.id}`, patch(operation))).toMatchObject(refused(400, 'mutability'))
    }
    for (const operation of [
      { op: 'replace', path: `${path}.type`, value: 'User' },
      { op: 'replace', path: `${path}.$ref`, value: meta.location },
      { op: 'replace', path, value: { value: id, type: 'User', $ref: meta.location } },
      { op: 'replace', path: `${path}.display`, value: 'Another' },
    ]) {
      expect(await scim('PATCH', `/Groups/${team.id}`, patch(operation))).toMatchObject({ status: 200, body: team })
    }
  })

  test('of a member who is none, or of a value that is not there, succeeds and changes nothing', async () => {
    const team = await create('/Groups', group('remove.none', [(await create('/Users', user('stays'))).id]))
    const operation = { op: 'remove', path: `members[value eq "${unknown}"]` }
    expect(await scim('PATCH', `/Groups/${team.id}`, patch(operation))).toMatchObject({ status: 200, body: team })
    const made = await create('/Users', user('remove.none'))
    expect(await change(made, { op: 'remove', path: 'title' })).toEqual(made)
  })
})

describe('PATCH replace', () => {
  test('without a path replaces the attributes in its value, and leaves the others alone', async () => {
    const made = await create(
      '/Users',
      user('replace.whole', { title: 'Dr', nickName: 'old', emails: [{ value: 'old@example.com' }] }),
    )
    const emails = [
      { value: 'bjensen@example.com', type: 'work', primary: true },
      { value: 'babs@jensen.org', type: 'home' },
    ]
    const body = await change(made, { op: 'replace', value: { emails, nickname: 'Babs' } })
    expect(body).toMatchObject({ title: 'Dr', nickName: 'Babs', emails })
    expect(body.emails).toHaveLength(2)
  })

  test('of what has no value adds it', async () => {
    const made = await create('/Users', user('replace.absent'))
    const body = await change(
      made,
      { op: 'replace', path: 'title', value: 'Dr' },
      { op: 'replace', path: 'name.givenName', value: 'A' },
      { op: 'replace', path: 'emails', value: [{ value: 'a@example.com' }] },
      { op: 'replace', path: `${enterpriseSchema}:department`, value: 'D' },
    )
    expect(body).toMatchObject({
      title: 'Dr',
      name: { givenName: 'A' },
      emails: [{ value: 'a@example.com' }],
      [enterpriseSchema]: { department: 'D' },
    })
  })

  test('of a complex attribute leaves the parts alone that its value does not name', async () => {
    const made = await create('/Users', user('replace.complex', { name: { givenName: 'A', familyName: 'B' } }))
    const body = await change(made, { op: 'replace', path: 'name', value: { familyName: 'C', middleName: 'M' } })
    expect(body.name).toEqual({ givenName: 'A', familyName: 'C', middleName: 'M' })
  })

  test('by a filter replaces every value that it selects, whole or one part of it', async () => {
    const addresses = ['one', 'two'].map((locality) => ({ type: 'work', locality, country: 'US' }))
    const made = await create(
      '/Users',
      user('replace.matching', { addresses: [...addresses, { type: 'home', locality: 'three' }] }),
    )
    const part = await change(made, { op: 'replace', path: 'addresses[type eq "work"].country', value: 'SE' })
    expect(part.addresses).toEqual([
      { type: 'work', locality: 'one', country: 'SE' },
      { type: 'work', locality: 'two', country: 'SE' },
      { type: 'home', locality: 'three' },
    ])
    const emails = ['a', 'b'].map((name) => ({ type: 'work', value: `${name}@example.com` }))
    await change(made, { op: 'replace', path: 'emails', value: [...emails, { type: 'home', value: 'c@example.com' }] })
    const whole = await change(made, { op: 'replace', path: 'emails[type eq "work"]', value: { display: 'replaced' } })
    expect(whole.emails.filter(({ display }: Told) => display === 'replaced')).toHaveLength(2)
    expect(whole.emails).toContainEqual({ type: 'home', value: 'c@example.com' })
  })

  test('by a filter that selects nothing is refused as noTarget', async () => {
    const before = await create('/Users', user('replace.none', { emails: [{ value: 'a@example.com', type: 'home' }] }))
    for (const path of [
      'emails[type eq "work"]',
      'emails[type eq "work"].value',
      'addresses[type eq "work"].country',
    ]) {
      const value = path.endsWith(']') ? { value: 'b@example.com' } : 'US'
      expect(await scim('PATCH', `/Users/${before.id}`, patch({ op: 'replace', path, value }))).toMatchObject(
        refused(400, 'noTarget'),
      )
    }
    expect(await read(before)).toEqual(before)
  })

  test('of the members of a group replaces them all, in one operation or in two', async () => {
    const [one, two, three] = await Promise.all(
      ['m.one', 'm.two', 'm.three'].map((name) => create('/Users', user(name))),
    )
    const team = await create('/Groups', group('replace.members', [one.id]))
    const members = async (...operations: object[]): Promise<string[]> => {
      await scim('PATCH', `/Groups/${team.id}`, patch(...operations))
      return (await read(team, 'Groups')).members.map(({ value }: Told) => value).sort()
    }
    const value = [{ display: 'Two', value: two.id }, { value: three.id }]
    expect(await members({ op: 'replace', path: 'members', value })).toEqual([two.id, three.id].sort())
    expect(
      await members({ op: 'remove', path: 'members' }, { op: 'add', path: 'members', value: [{ value: one.id }] }),
    ).toEqual([one.id])
  })
})

function patchSchemas(): string[] {
  return ['urn:ietf:params:scim:api:messages:2.0:PatchOp']
}
