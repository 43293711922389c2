import { valueDigest } from '#libs/events/index'
import { allOf, enterpriseSchema, eventually, group, patch, user, userSchema, versionOf } from '../world.ts'
import { connection, create, eventsOf, expectContiguous, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

describe('PUT', () => {
  test('without active does not bring a deactivated user back, and clears what it leaves out', async () => {
    const { id } = await create(
      '/Users',
      user('put', { active: false, title: 'Dr', emails: [{ value: 'put@example.com', type: 'work' }] }),
    )
    const { body } = await scim('PUT', `/Users/${id}`, user('put', { displayName: 'Put' }))
    const { meta: _meta, ...resource } = (await scim('GET', `/Users/${id}`)).body
    expect(resource).toEqual({ schemas: [userSchema], id, userName: 'put', displayName: 'Put', active: false })
    expect((await eventsOf(id)).map(({ name }) => name)).toEqual(['user.provisioned', 'user.changed'])
    expect(versionOf(body)).toBe(2)
  })

  test('of what is there already changes neither version nor lastModified, and tells nothing', async () => {
    const made = await create('/Users', user('same', { active: true, name: { givenName: 'A' } }))
    const answer = await scim('PUT', `/Users/${made.id}`, made)
    expect(answer).toMatchObject({ status: 200, body: made })
    expect(await eventsOf(made.id)).toHaveLength(1)
  })

  test('of an unknown id is 404 and creates nothing', async () => {
    expect(await scim('PUT', '/Users/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a', user('nobody.yet'))).toMatchObject({
      status: 404,
      body: { status: '404' },
    })
    expect(await scim('PUT', '/Users/none', user('nobody.yet'))).toMatchObject({ status: 404 })
    expect((await scim('GET', '/Users?filter=userName eq "nobody.yet"')).body.totalResults).toBe(0)
  })

  test('of a group replaces its members by the difference', async () => {
    const [a, b, c] = await allOf(['put.a', 'put.b', 'put.c'], (name) => create('/Users', user(name)))
    const { id } = await create('/Groups', group('put group', [a.id, b.id]))
    const { body } = await scim('PUT', `/Groups/${id}`, group('put group', [b.id, c.id]))
    expect(body.members.map(({ value }: { value: string }) => value).sort()).toEqual([b.id, c.id].sort())
    const last = (await eventsOf(id)).at(-1)
    expect(last).toMatchObject({
      name: 'group.members-changed',
      payload: { added: [{ id: c.id, kind: 'user' }], removed: [a.id] },
    })
    await expectContiguous(body)
  })
})

test('an event names what changed, with digests of the values before and after that GET shows', async () => {
  const before = await create(
    '/Users',
    user('digests', { title: 'Dr', emails: [{ value: 'a@x.y' }, { value: 'b@x.y' }] }),
  )
  const department = `${enterpriseSchema}:department`
  const { body: after } = await scim(
    'PATCH',
    `/Users/${before.id}`,
    patch(
      { op: 'replace', value: { [department]: 'Engines', emails: [{ value: 'b@x.y' }, { value: 'c@x.y' }] } },
      { op: 'remove', path: 'title' },
    ),
  )
  const { name, payload } = (await eventsOf(before.id)).at(-1) ?? { name: '', payload: {} }
  const change = (attribute: string, was: unknown, is: unknown) => ({
    attribute,
    before: was === undefined ? null : valueDigest(before.id, attribute, was),
    after: is === undefined ? null : valueDigest(before.id, attribute, is),
  })
  const byName = (one: { attribute: string }, other: { attribute: string }): number =>
    one.attribute < other.attribute ? -1 : 1
  expect(name).toBe('user.changed')
  expect(payload.changed.sort()).toEqual(['emails', 'title', department])
  expect(payload.changes.sort(byName)).toEqual([
    change('emails', before.emails, after.emails),
    change('title', 'Dr', undefined),
    change(department, undefined, 'Engines'),
  ])
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'users.patch' }),
    ([newest]) => newest?.subject?.id === before.id,
  )
  expect(record.changed.sort()).toEqual(payload.changed)
  expect(JSON.stringify(record)).not.toContain(payload.changes[0].after)
})

describe('PATCH', () => {
  test('is done as a whole or not at all', async () => {
    const made = await create('/Users', user('atomic'))
    const refused = await scim(
      'PATCH',
      `/Users/${made.id}`,
      patch({ op: 'replace', path: 'title', value: 'Dr' }, { op: 'remove', path: 'userName' }),
    )
    expect(refused).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
    expect((await scim('GET', `/Users/${made.id}`)).body).toEqual(made)
    expect(await eventsOf(made.id)).toHaveLength(1)
  })

  test('adding a member twice, or removing one who is none, changes neither version nor lastModified', async () => {
    const member = await create('/Users', user('twice'))
    const made = await create('/Groups', group('twice', [member.id]))
    const again = await scim(
      'PATCH',
      `/Groups/${made.id}`,
      patch({ op: 'add', path: 'members', value: [{ value: member.id }] }),
    )
    expect(again).toMatchObject({ status: 200, body: made })
    const none = await scim(
      'PATCH',
      `/Groups/${made.id}`,
      patch({ op: 'remove', path: `members[value eq "${connection.id}"]` }),
    )
    expect(none).toMatchObject({ status: 200, body: made })
    expect((await scim('GET', `/Groups/${made.id}`)).body).toEqual(made)
  })

  test('a member that nobody knows is kept', async () => {
    const made = await create('/Groups', group('parked', ['nobody-known']))
    expect(made.members).toEqual([{ value: 'nobody-known' }])
    await eventually(
      () => world.directory(`/${connection.id}/groups/${made.id}`),
      ({ body }) => body.members?.items[0]?.id === 'nobody-known' && body.members.items[0].kind === null,
    )
  })
})

test('a group of very many members is changed without being answered, and told in events of at most 1,000 members', async () => {
  const many = Array.from({ length: 2_500 }, (_, index) => `member-${String(index).padStart(4, '0')}`)
  const { id } = await create('/Groups', group('very many', many))
  const { status, headers, body } = await scim(
    'PATCH',
    `/Groups/${id}`,
    patch({ op: 'remove', path: 'members', value: many.slice(0, 1_200).map((value) => ({ value })) }),
  )
  expect({ status, body, etag: headers.get('etag') }).toEqual({ status: 204, body: undefined, etag: 'W/"6"' })
  const told = await eventsOf(id)
  expect(told.map(({ version, payload }) => [version, payload.added?.length, payload.removed?.length])).toEqual([
    [1, undefined, undefined],
    [2, 1_000, 0],
    [3, 1_000, 0],
    [4, 500, 0],
    [5, 0, 1_000],
    [6, 0, 200],
  ])
  expect((await scim('GET', `/Groups/${id}`)).body.members).toHaveLength(1_300)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/groups/${id}?limit=1`),
    (read) => read.body.version === 6,
  )
  expect(known.members.items).toMatchObject([{ id: many[1_200] }])
})

describe('DELETE', () => {
  test('a deleted user leaves its groups, whose versions and events say so, and a second delete is 404', async () => {
    const [gone, stays] = await allOf(['leaves', 'stays'], (name) => create('/Users', user(name)))
    const groups = await allOf(['one', 'two'], (name) => create('/Groups', group(name, [gone.id, stays.id])))
    expect(await scim('DELETE', `/Users/${gone.id}`)).toMatchObject({ status: 204, body: undefined })
    for (const before of groups) {
      const { body } = await scim('GET', `/Groups/${before.id}`)
      expect(body.members.map(({ value }: { value: string }) => value)).toEqual([stays.id])
      expect(versionOf(body)).toBe(versionOf(before) + 1)
      expect(Date.parse(body.meta.lastModified)).toBeGreaterThanOrEqual(Date.parse(before.meta.lastModified))
      expect((await eventsOf(before.id)).at(-1)).toMatchObject({
        name: 'group.members-changed',
        payload: { added: [], removed: [gone.id] },
      })
      await expectContiguous(body)
      await eventually(
        () => world.directory(`/${connection.id}/groups/${before.id}`),
        (read) => read.body.version === versionOf(body) && read.body.members.items.length === 1,
      )
    }
    for (const method of ['DELETE', 'GET'])
      expect(await scim(method, `/Users/${gone.id}`)).toMatchObject({ status: 404, body: { status: '404' } })
    expect(await scim('PATCH', `/Users/${gone.id}`, patch({ op: 'replace', path: 'title', value: 'x' }))).toMatchObject(
      { status: 404 },
    )
    expect((await scim('GET', '/Users?filter=userName eq "leaves"')).body.totalResults).toBe(0)
    await eventually(
      () => world.directory(`/${connection.id}/users/${gone.id}`),
      ({ status }) => status === 404,
    )
    await create('/Users', user('leaves'))
  })

  test('a deleted group is gone from its users', async () => {
    const member = await create('/Users', user('in.group'))
    const { id } = await create('/Groups', group('short-lived', [member.id]))
    expect((await scim('GET', `/Users/${member.id}`)).body.groups).toMatchObject([
      { value: id, display: 'short-lived', type: 'direct' },
    ])
    await scim('DELETE', `/Groups/${id}`)
    expect((await scim('GET', `/Users/${member.id}`)).body.groups).toBeUndefined()
    await eventually(
      () => world.directory(`/${connection.id}/users/${member.id}`),
      ({ body }) => body.groups?.length === 0,
    )
  })
})

describe('versions', () => {
  test('a write that names an old version in If-Match, or the present one in If-None-Match, is 412 and changes nothing', async () => {
    const made = await create('/Users', user('versioned'))
    const { headers } = await scim(
      'PATCH',
      `/Users/${made.id}`,
      patch({ op: 'replace', path: 'title', value: 'first' }),
      { 'if-match': made.meta.version },
    )
    expect(headers.get('etag')).toBe('W/"2"')
    for (const [method, body] of [
      ['PATCH', patch({ op: 'replace', path: 'title', value: 'second' })],
      ['PUT', user('versioned')],
      ['DELETE', undefined],
    ] as const) {
      expect(await scim(method, `/Users/${made.id}`, body, { 'if-match': made.meta.version })).toMatchObject({
        status: 412,
        body: { status: '412' },
      })
      for (const excluded of ['*', 'W/"2"']) {
        expect(await scim(method, `/Users/${made.id}`, body, { 'if-none-match': excluded })).toMatchObject({
          status: 412,
          body: { status: '412', detail: expect.stringContaining('If-None-Match') },
        })
      }
    }
    const known = await scim('GET', `/Users/${made.id}`, undefined, { 'if-none-match': 'W/"2"' })
    expect(known).toMatchObject({ status: 304, body: undefined })
    expect(known.headers.get('etag')).toBe('W/"2"')
    const read = await scim('GET', `/Users/${made.id}`, undefined, { 'if-none-match': made.meta.version })
    expect(read).toMatchObject({ status: 200, body: { title: 'first', meta: { version: 'W/"2"' } } })
    expect(await scim('DELETE', `/Users/${made.id}`, undefined, { 'if-match': '"2"' })).toMatchObject({ status: 204 })
  })

  test('a create answers where the resource is, and lastModified is created until something changes', async () => {
    const { status, headers, body } = await scim(
      'POST',
      '/Users',
      user('located', { password: 'a password never shown' }),
    )
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(`${connection.scimBaseUrl}/Users/${body.id}`)
    expect(headers.get('content-type')).toBe('application/scim+json; charset=utf-8')
    expect(body.meta).toEqual({
      resourceType: 'User',
      location: headers.get('location'),
      version: 'W/"1"',
      created: body.meta.created,
      lastModified: body.meta.created,
    })
    expect(body.meta.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(JSON.stringify(await world.query('SELECT document FROM gateway.scim_user'))).not.toContain('never shown')
  })
})

test('every write has its own decision in the log, with the events it brought about', async () => {
  const events = await world.events(connection.id)
  const decisions = events
    .filter(({ name, payload }) => name === 'request.decided' && payload.surface === 'scim')
    .map(({ payload }) => payload)
  const others = events.filter(({ name }) => /^(user|group)\./.test(name)).map(({ id }) => id)
  expect(decisions.flatMap((decision) => decision.events).sort()).toEqual(others.sort())
  const records = await eventually(
    async () => (await world.audit({ connection: connection.id, surface: 'scim' })).map(({ id }) => id),
    (found) => found.length >= decisions.length,
  )
  expect(records).toEqual(expect.arrayContaining(decisions.map(({ requestId }) => requestId)))
})
