import { allOf, type Answer, enterpriseSchema, eventually, group, patch, type Told, user, versionOf } from '../world.ts'
import { connection, create, eventsOf, expectContiguous, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

/** The admin API where the gateway answers it. */
async function ask(method: string, path: string, token = world.adminToken): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'user-agent': 'an operator' }
  const answer = await fetch(`${world.gatewayUrl}/admin/v1${path}`, { method, headers })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}
const deletedOf = (of: string, query = ''): Promise<Answer> => ask('GET', `/connections/${of}/deleted${query}`)
const restore = (id: string, of = connection.id): Promise<Answer> =>
  ask('POST', `/connections/${of}/deleted/${id}/restore`)

const remove = async (path: string): Promise<void> => expect((await scim('DELETE', path)).status).toBe(204)
const memberIds = (resource: Told): string[] => (resource.members ?? []).map(({ value }: Told) => value).sort()
const read = async (path: string): Promise<Told> => {
  const answer = await scim('GET', path)
  expect(answer.status).toBe(200)
  return answer.body
}

test('what is deleted is gone for the identity provider and its name is free at once; restored it is as it was, with its groups', async () => {
  const ada = await create(
    '/Users',
    user('ada', {
      externalId: 'e1',
      title: 'Countess',
      emails: [{ value: 'ada@x.y' }],
      [enterpriseSchema]: { department: 'd' },
    }),
  )
  const bob = await create('/Users', user('bob'))
  const team = await create('/Groups', group('team', [ada.id, bob.id]))
  await remove(`/Users/${ada.id}`)

  expect((await scim('GET', `/Users/${ada.id}`)).status).toBe(404)
  expect((await scim('PATCH', `/Users/${ada.id}`, patch({ op: 'replace', path: 'title', value: 'x' }))).status).toBe(
    404,
  )
  expect((await scim('DELETE', `/Users/${ada.id}`)).status).toBe(404)
  expect((await read('/Users?filter=externalId eq "e1"')).totalResults).toBe(0)
  const other = await create('/Users', user('ADA'))
  await remove(`/Users/${other.id}`)

  const { body: listed } = await deletedOf(connection.id, '?name=Ada')
  expect(listed.items.map(({ id, kind, name }: Told) => [id, kind, name])).toEqual([
    [other.id, 'User', 'ADA'],
    [ada.id, 'User', 'ada'],
  ])
  const kept = Date.parse(listed.items[1].restorableUntil) - Date.parse(listed.items[1].deletedAt)
  expect(kept).toBe(30 * 86_400_000)

  expect(await restore(ada.id)).toMatchObject({
    status: 200,
    body: { id: ada.id, kind: 'User', name: 'ada', version: 3 },
  })
  const back = await read(`/Users/${ada.id}`)
  expect(back).toEqual({
    ...ada,
    groups: back.groups,
    meta: { ...ada.meta, version: 'W/"3"', lastModified: back.meta.lastModified },
  })
  expect(back.groups).toMatchObject([{ value: team.id, type: 'direct' }])
  expect((await read('/Users?filter=emails.value eq "ADA@x.y"')).Resources).toMatchObject([{ id: ada.id }])
  expect(memberIds(await read(`/Groups/${team.id}`))).toEqual([ada.id, bob.id].sort())
  expect((await eventsOf(ada.id)).map(({ name }) => name)).toEqual([
    'user.provisioned',
    'user.deprovisioned',
    'user.restored',
  ])
  expect((await eventsOf(ada.id)).at(-1)?.payload.person).toMatchObject({ userName: 'ada', department: 'd' })
  expect((await eventsOf(team.id)).at(-1)?.payload).toMatchObject({
    added: [{ id: ada.id, kind: 'user' }],
    removed: [],
  })
  for (const resource of [back, await read(`/Groups/${team.id}`)]) await expectContiguous(resource)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/users/${ada.id}`),
    ({ body }) => body.version === 3 && body.groups.length === 1,
  )
  expect(known).toMatchObject({ userName: 'ada', department: 'd', groups: [{ id: team.id, direct: true }] })
  await eventually(
    () => world.directory(`/${connection.id}/groups/${team.id}`),
    ({ body }) => body.members.items.length === 2,
  )
  expect((await deletedOf(connection.id)).body.items.map(({ id }: Told) => id)).toEqual([other.id])
})

test('who restored what, and from where, is in the trail', async () => {
  const { id } = await create('/Users', user('audited'))
  await remove(`/Users/${id}`)
  await restore(id)
  const restored = (await world.events(connection.id)).findLast(({ subject }) => subject === id)
  expect(restored?.name).toBe('user.restored')
  const records = () => world.audit({ connection: connection.id, operation: 'deleted.restore' })
  const [record] = await eventually(records, (found) => found.some(({ subject }) => subject?.id === id))
  expect(record).toMatchObject({
    surface: 'admin',
    tenant: connection.tenant,
    operation: 'deleted.restore',
    subject: { kind: 'User', id },
    outcome: 'accepted',
    status: 200,
    address: '127.0.0.1',
    userAgent: 'an operator',
    events: [restored?.id],
  })
  await deletedOf(connection.id)
  await eventually(
    () => world.audit({ connection: connection.id, operation: 'deleted.list' }),
    (found) => found.length > 0,
  )
})

test('a user whose name was given away is not restored until the name is free', async () => {
  const first = await create('/Users', user('shared.name'))
  await remove(`/Users/${first.id}`)
  const second = await create('/Users', user('Shared.Name'))
  const refused = await restore(first.id)
  expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringContaining(second.id) } })
  expect(refused.body.detail).not.toMatch(/shared/i)
  expect((await scim('GET', `/Users/${first.id}`)).status).toBe(404)
  await scim('PATCH', `/Users/${second.id}`, patch({ op: 'replace', path: 'userName', value: 'another.name' }))
  expect((await restore(first.id)).status).toBe(200)
  await expectContiguous(await read(`/Users/${first.id}`))
})

test('a restored group has its members back, those that nobody knew too, and is in its groups again', async () => {
  const [ada, bob, gone] = await allOf(['g.ada', 'g.bob', 'g.gone'], (name) => create('/Users', user(name)))
  const inner = await create('/Groups', group('inner', [ada.id, bob.id, gone.id, 'nobody-knows']))
  const outer = await create('/Groups', group('outer', [inner.id]))
  await remove(`/Groups/${inner.id}`)
  expect((await scim('GET', `/Groups/${inner.id}`)).status).toBe(404)
  await remove(`/Users/${gone.id}`)
  await world.query('DELETE FROM gateway.deleted_record WHERE id = $1', [gone.id])
  expect((await restore(inner.id)).body).toMatchObject({ kind: 'Group', name: 'inner', version: 5 })
  const back = await read(`/Groups/${inner.id}`)
  expect(memberIds(back)).toEqual([ada.id, bob.id, 'nobody-knows'].sort())
  expect(memberIds(await read(`/Groups/${outer.id}`))).toEqual([inner.id])
  expect((await eventsOf(inner.id)).map(({ name }) => name)).toEqual([
    'group.created',
    'group.members-changed',
    'group.deleted',
    'group.restored',
    'group.members-changed',
  ])
  for (const resource of [back, await read(`/Groups/${outer.id}`)]) await expectContiguous(resource)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/users/${ada.id}`),
    ({ body }) => body.groups.length === 2,
  )
  expect(known.groups).toMatchObject([
    { id: inner.id, direct: true },
    { id: outer.id, direct: false },
  ])
})

test.each([
  ['the user first', ['user', 'team']],
  ['the group first', ['team', 'user']],
])(
  'a membership of which both sides were deleted comes back with the second that is restored, deleted %s',
  async (name, order) => {
    for (const restored of [order, order.toReversed()]) {
      const member = await create('/Users', user(`both.${name}.${restored[0]}`))
      const team = await create('/Groups', group('both', [member.id]))
      const [ids, paths] = [
        { user: member.id, team: team.id },
        { user: `/Users/${member.id}`, team: `/Groups/${team.id}` },
      ]
      const of = (what: string | undefined): 'user' | 'team' => (what === 'user' ? 'user' : 'team')
      for (const what of order) await remove(paths[of(what)])
      expect((await restore(ids[of(restored[0])])).status).toBe(200)
      if (of(restored[0]) === 'team') expect(memberIds(await read(paths.team))).toEqual([])
      expect((await restore(ids[of(restored[1])])).status).toBe(200)
      expect(memberIds(await read(paths.team))).toEqual([member.id])
      expect((await read(paths.user)).groups).toMatchObject([{ value: team.id }])
      for (const path of Object.values(paths)) await expectContiguous(await read(path))
    }
  },
)

test('who was added to a group while deleted is its member when restored', async () => {
  const { id } = await create('/Users', user('early.again'))
  const team = await create('/Groups', group('early team'))
  await remove(`/Users/${id}`)
  await scim('PATCH', `/Groups/${team.id}`, patch({ op: 'add', path: 'members', value: [{ value: id }] }))
  expect((await read(`/Groups/${team.id}`)).members).toEqual([{ value: id }])
  await restore(id)
  expect((await read(`/Groups/${team.id}`)).members).toMatchObject([{ value: id, type: 'User' }])
  expect((await read(`/Users/${id}`)).groups).toMatchObject([{ value: team.id }])
  await eventually(
    () => world.directory(`/${connection.id}/users/${id}`),
    ({ status, body }) => status === 200 && body.groups.length === 1,
  )
})

test.each<[string, (id: string) => [method: string, body: object]]>([
  ['written anew without them', () => ['PUT', group('rights', [])]],
  ['given other members', () => ['PATCH', patch({ op: 'replace', path: 'members', value: [{ value: 'someone' }] })]],
  ['emptied', () => ['PATCH', patch({ op: 'remove', path: 'members' })]],
  ['freed of them', (id) => ['PATCH', patch({ op: 'remove', path: `members[value eq "${id}"]` })]],
])('who was deleted does not come back to a group that was %s meanwhile', async (_how, change) => {
  const { id } = await create('/Users', user(`left.out.${crypto.randomUUID()}`))
  const [rights, other] = [
    await create('/Groups', group('rights', [id])),
    await create('/Groups', group('other', [id])),
  ]
  await remove(`/Users/${id}`)
  const [method, body] = change(id)
  expect((await scim(method, `/Groups/${rights.id}`, body)).status).toBe(200)
  expect((await restore(id)).status).toBe(200)
  expect(memberIds(await read(`/Groups/${rights.id}`))).not.toContain(id)
  expect((await read(`/Users/${id}`)).groups).toMatchObject([{ value: other.id }])
})

test('restoring again changes nothing; what was never there, or elsewhere, is not found', async () => {
  const { id } = await create('/Users', user('twice'))
  await remove(`/Users/${id}`)
  expect(await restore(id)).toMatchObject({ status: 200, body: { version: 3 } })
  expect(await restore(id)).toMatchObject({ status: 200, body: { version: 3 } })
  expect(await eventsOf(id)).toHaveLength(3)
  await remove(`/Users/${id}`)
  const elsewhere = await world.connection('okta')
  for (const [wanted, of] of [
    [id, elsewhere.id],
    [crypto.randomUUID(), connection.id],
    ['no-id', connection.id],
    [id, 'no-connection'],
  ] as const) {
    expect(await restore(wanted, of)).toMatchObject({ status: 404, body: { code: 'notFound' } })
  }
  expect((await deletedOf(elsewhere.id)).body).toEqual({ items: [] })
  expect((await deletedOf('no-connection')).status).toBe(404)
  expect((await ask('GET', `/connections/${connection.id}/deleted`, 'wrong')).status).toBe(401)
  expect((await ask('POST', `/connections/${connection.id}/deleted/${id}/restore`, 'wrong')).status).toBe(401)
  expect((await scim('GET', `/Users/${id}`)).status).toBe(404)
})

test('a restored record can be changed, deleted and restored again', async () => {
  const { id } = await create('/Users', user('again.1'))
  for (const round of [2, 3]) {
    await remove(`/Users/${id}`)
    await restore(id)
    const renamed = await scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { userName: `again.${round}` } }))
    expect(renamed).toMatchObject({ status: 200, body: { userName: `again.${round}` } })
  }
  const body = await read(`/Users/${id}`)
  expect(versionOf(body)).toBe(7)
  await expectContiguous(body)
})

test('what was deleted is listed in pages', async () => {
  const place = await world.connection('other')
  const there = world.scim(place)
  const ids: string[] = []
  for (let index = 0; index < 5; index++) {
    const { body } = await there('POST', '/Users', user(`paged.${index}`))
    await there('DELETE', `/Users/${body.id}`)
    ids.unshift(body.id)
  }
  const seen: string[] = []
  for (let after = ''; ;) {
    const { body } = await deletedOf(place.id, `?limit=2${after}`)
    seen.push(...body.items.map(({ id }: Told) => id))
    if (body.next === undefined) break
    after = `&after=${body.next}`
  }
  expect(seen).toEqual(ids)
  for (const query of ['?after=nonsense', `?name=${'n'.repeat(401)}`, '?name=%07', '?name=', '?limit=0'])
    expect(await deletedOf(place.id, query)).toMatchObject({ status: 422 })
  expect(await deletedOf(place.id, `?name=${encodeURIComponent('ß\u{1F600}'.repeat(130))}`)).toMatchObject({
    status: 200,
  })
})

test('what was deleted in a connection cannot be restored once the connection is deleted, and is kept as long as it is', async () => {
  const place = await world.connection('other')
  const there = world.scim(place)
  const { body } = await there('POST', '/Users', user('leaving.with.all'))
  await there('DELETE', `/Users/${body.id}`)
  const rows = () => world.query('SELECT id FROM gateway.deleted_record WHERE connection = $1', [place.id])
  expect(await rows()).toEqual([{ id: body.id }])
  expect((await world.admin('DELETE', `/connections/${place.id}`)).status).toBe(204)
  await eventually(
    () => world.gatewayAdmin('GET', `/connections/${place.id}/deleted`),
    ({ status }) => status === 404,
  )
  expect((await restore(body.id, place.id)).status).toBe(404)
  expect(await rows()).toEqual([{ id: body.id }])
})
