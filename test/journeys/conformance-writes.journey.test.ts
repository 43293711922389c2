import { enterpriseSchema, group, groupSchema, patch, user, userSchema } from '../world.ts'
import { connection, create, eventsOf, read, refused, scim, shareOneConnection } from './one-connection.ts'

/** RFC 7644 sections 3.3, 3.5.1 and 3.6: what becomes of a user or a group that is created, replaced or deleted. */
shareOneConnection()

const unknown = '6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a'

describe('POST', () => {
  test('answers 201 with the whole resource, where it is, and its version', async () => {
    const sent = user('created', {
      externalId: '7',
      name: { givenName: 'A' },
      emails: [{ value: 'created@example.com' }],
    })
    const { status, headers, body } = await scim('POST', '/Users', sent)
    expect(status).toBe(201)
    expect(body).toMatchObject(sent)
    expect(headers.get('location')).toBe(`${connection.scimBaseUrl}/Users/${body.id}`)
    expect(body.meta).toMatchObject({ location: headers.get('location'), version: headers.get('etag') })
    expect(await read(body)).toEqual(body)
  })

  test('passes over what is readOnly', async () => {
    const body = await create('/Users', {
      ...user('read.only', { id: 'mine', meta: { version: 'W/"9"' }, groups: [{ value: 'mine' }] }),
      [enterpriseSchema]: { manager: { value: unknown, displayName: 'mine' } },
    })
    expect(JSON.stringify(body)).not.toContain('mine')
  })

  test('of a userName that is taken is 409 uniqueness, in whatever case', async () => {
    await create('/Users', user('Taken@Example.com'))
    for (const name of ['Taken@Example.com', 'tAKEN@example.COM']) {
      expect(await scim('POST', '/Users', user(name))).toMatchObject(refused(409, 'uniqueness'))
    }
    expect((await scim('GET', '/Users?filter=userName eq "taken@example.com"')).body.totalResults).toBe(1)
  })

  test('clears by null or [] what would have a default, and takes a group of no members', async () => {
    expect(await create('/Users', user('cleared', { emails: [], title: null }))).not.toHaveProperty('emails')
    expect(
      await create('/Groups', { schemas: [groupSchema], displayName: 'no members', members: [] }),
    ).not.toHaveProperty('members')
  })
})

describe('PUT', () => {
  test('creates nothing: of an unknown id it is 404, without an id 405', async () => {
    expect(await scim('PUT', `/Users/${unknown}`, user('put.new'))).toMatchObject(refused(404))
    expect(await scim('PUT', '/Users', user('put.new'))).toMatchObject(refused(405))
    expect((await scim('GET', '/Users?filter=userName eq "put.new"')).body.totalResults).toBe(0)
  })

  test('replaces what it names, clears what it leaves out, and passes over what is readOnly', async () => {
    const before = await create('/Users', {
      ...user('put', { title: 'Dr', nickName: 'P', emails: [{ value: 'old@example.com', type: 'work' }] }),
      [enterpriseSchema]: { department: 'Old' },
    })
    const { status, headers, body } = await scim('PUT', `/Users/${before.id}`, {
      ...user('put.renamed', { id: unknown, title: 'Prof', emails: [{ value: 'new@example.com' }] }),
      meta: { created: '1999-01-01T00:00:00Z' },
      groups: [{ value: unknown }],
    })
    expect(status).toBe(200)
    const { meta, ...rest } = body
    expect(rest).toEqual({
      schemas: [userSchema],
      id: before.id,
      userName: 'put.renamed',
      title: 'Prof',
      emails: [{ value: 'new@example.com' }],
      active: true,
    })
    expect(meta).toMatchObject({ created: before.meta.created, version: headers.get('etag') })
    expect(meta.version).not.toBe(before.meta.version)
    expect(await read(before)).toEqual(body)
  })

  test('keeps the parts of a complex attribute that it names, and no others', async () => {
    const { id } = await create('/Users', user('put.name', { name: { givenName: 'A', familyName: 'B' } }))
    const { body } = await scim('PUT', `/Users/${id}`, user('put.name', { name: { familyName: 'C' } }))
    expect(body.name).toEqual({ familyName: 'C' })
  })

  test.each(['/Users', '/Groups'] as const)('of %s with what GET answered changes nothing', async (path) => {
    const member = await create(
      '/Users',
      user(`put.same ${path}`, { title: 'Dr', emails: [{ value: 'a@example.com' }] }),
    )
    const team = await create('/Groups', group(`put.same ${path}`, [member.id]))
    const { id } = path === '/Users' ? member : team
    const held = (await scim('GET', `${path}/${id}`)).body
    const told = await eventsOf(id)
    expect(await scim('PUT', `${path}/${id}`, held)).toMatchObject({ status: 200, body: held })
    expect(await eventsOf(id)).toEqual(told)
  })

  test('of a taken userName is 409 uniqueness and changes nothing', async () => {
    await create('/Users', user('put.taken'))
    const before = await create('/Users', user('put.wants'))
    expect(await scim('PUT', `/Users/${before.id}`, user('PUT.Taken'))).toMatchObject(refused(409, 'uniqueness'))
    expect(await read(before)).toEqual(before)
  })
})

describe('DELETE', () => {
  test.each(['/Users', '/Groups'] as const)(
    'of %s answers 204; afterwards everything asked of it is 404, no query finds it, and its name is free',
    async (path) => {
      const body = path === '/Users' ? user('deleted') : group('deleted')
      const name = path === '/Users' ? 'userName' : 'displayName'
      const { id } = await create(path, body)
      const gone = `${path}/${id}`
      expect(await scim('DELETE', gone)).toMatchObject({ status: 204, body: undefined })
      for (const answer of [
        await scim('GET', gone),
        await scim('PUT', gone, body),
        await scim('PATCH', gone, patch({ op: 'add', path: 'externalId', value: 'x' })),
        await scim('DELETE', gone),
      ]) {
        expect(answer).toMatchObject(refused(404))
      }
      for (const filter of [`${name} eq "deleted"`, `id eq "${id}"`, `meta.created pr and ${name} sw "del"`]) {
        expect((await scim('GET', `${path}?filter=${encodeURIComponent(filter)}`)).body.totalResults).toBe(0)
      }
      expect((await create(path, body)).id).not.toBe(id)
    },
  )
})
