import { allOf, enterpriseSchema, eventually, group, patch, type Told, user, versionOf } from '../world.ts'
import { connection, create, eventsOf, expectContiguous, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection({ guard: 'off' })

test('of 20 concurrent creates of one userName in different letter case, one is made and 19 are refused', async () => {
  const names = Array.from({ length: 20 }, (_, index) =>
    Array.from('same.name@example.com')
      .map((letter, at) => ((index >> (at % 5)) & 1 ? letter.toUpperCase() : letter))
      .join(''),
  )
  const answers = await allOf(names, (name) => scim('POST', '/Users', user(name)))
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  for (const { body } of answers.filter(({ status }) => status === 409))
    expect(body).toMatchObject({ scimType: 'uniqueness', status: '409' })
  const { body: list } = await scim('GET', '/Users?filter=userName eq "SAME.name@example.com"')
  const made = answers.find(({ status }) => status === 201)?.body
  expect(list).toMatchObject({ totalResults: 1, Resources: [{ id: made.id, userName: made.userName }] })
  const told = (await world.events(connection.id)).filter(({ payload }) =>
    /^same\.name/i.test(payload.person?.userName ?? ''),
  )
  expect(told).toMatchObject([{ name: 'user.provisioned', subject: made.id, version: 1 }])
})

test('of concurrent renames to one userName, one succeeds', async () => {
  const users = await allOf(Array.from({ length: 10 }), (_, index) => create('/Users', user(`renamed.${index}`)))
  const answers = await allOf(users, ({ id }, index) =>
    index % 2 === 0
      ? scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'userName', value: 'The.Name' }))
      : scim('PUT', `/Users/${id}`, user('THE.NAME')),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)])
  expect((await scim('GET', '/Users?filter=userName eq "the.name"')).body.totalResults).toBe(1)
  expect((await scim('GET', '/Users?filter=userName sw "renamed."')).body.totalResults).toBe(9)
})

test('a rename onto a taken name is refused, and changes nothing; the name of another rename is free', async () => {
  const [ada, bob, cy] = await allOf(['ada.r', 'bob.r', 'cy.r'], (name) => create('/Users', user(name)))
  const answers = await Promise.all([
    scim('PUT', `/Users/${bob.id}`, user('ADA.R')),
    scim('PATCH', `/Users/${cy.id}`, patch({ op: 'replace', value: { userName: 'ada.r', title: 'Countess' } })),
    scim('PATCH', `/Users/${ada.id}`, patch({ op: 'replace', path: 'userName', value: 'Ada.R' })),
  ])
  expect(answers.map(({ status, body }) => [status, body.scimType])).toEqual([
    [409, 'uniqueness'],
    [409, 'uniqueness'],
    [200, undefined],
  ])
  expect((await scim('GET', `/Users/${cy.id}`)).body).toEqual(cy)
  expect((await scim('PUT', `/Users/${bob.id}`, user('bob.r2'))).status).toBe(200)
  const freed = await scim('PATCH', `/Users/${cy.id}`, patch({ op: 'replace', path: 'userName', value: 'bob.r' }))
  expect(freed.status).toBe(200)
  for (const { id } of [ada, bob, cy]) await expectContiguous((await scim('GET', `/Users/${id}`)).body)
})

test('100 concurrent adds of distinct members leave 100 members, and no version or event is missing', async () => {
  const users = await allOf(Array.from({ length: 100 }), (_, index) => create('/Users', user(`member.${index}`)))
  const { id } = await create('/Groups', group('everyone'))
  const answers = await allOf(users, (member) =>
    scim('PATCH', `/Groups/${id}`, patch({ op: 'add', path: 'members', value: [{ value: member.id }] })),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
  const { body } = await scim('GET', `/Groups/${id}`)
  const ids = users.map((member) => member.id).sort()
  expect(body.members.map(({ value }: { value: string }) => value).sort()).toEqual(ids)
  await expectContiguous(body)
  const added = (await eventsOf(id)).flatMap(({ payload }) => payload.added ?? [])
  expect(added.map((member: { id: string }) => member.id).sort()).toEqual(ids)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/groups/${id}?limit=200`),
    (read) => read.body.version === versionOf(body),
  )
  expect(known.members.items.map((member: { id: string }) => member.id).sort()).toEqual(ids)
})

test('20 concurrent patches of distinct attributes of one user leave all 20', async () => {
  const values: [string, unknown][] = [
    ...['displayName', 'nickName', 'title', 'userType', 'preferredLanguage', 'locale', 'timezone', 'externalId'].map(
      (name): [string, unknown] => [name, `a ${name}`],
    ),
    ...[
      'name.givenName',
      'name.familyName',
      'name.middleName',
      'name.formatted',
      'name.honorificPrefix',
      'name.honorificSuffix',
    ].map((name): [string, unknown] => [name, `a ${name}`]),
    ...['employeeNumber', 'costCenter', 'organization', 'division', 'department'].map((name): [string, unknown] => [
      `${enterpriseSchema}:${name}`,
      `a ${name}`,
    ]),
    ['active', false],
  ]
  const { id } = await create('/Users', user('patched'))
  const answers = await allOf(values, ([path, value]) =>
    scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path, value })),
  )
  expect(answers.map(({ status }) => status)).toEqual(values.map(() => 200))
  const { body } = await scim('GET', `/Users/${id}`)
  for (const [path, value] of values) {
    const [holder, inner] = path.startsWith(enterpriseSchema)
      ? [body[enterpriseSchema], path.slice(enterpriseSchema.length + 1)]
      : [body, path]
    expect(inner.split('.').reduce((held, key) => held[key], holder)).toBe(value)
  }
  expect(versionOf(body)).toBe(21)
  await expectContiguous(body)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/users/${id}`),
    (read) => read.body.version === 21,
  )
  expect(known).toMatchObject({
    displayName: 'a displayName',
    givenName: 'a name.givenName',
    department: 'a department',
    active: false,
  })
})

test('a renamed user is found by the new name at once, and by the old one no more', async () => {
  const { id } = await create('/Users', user('old.name'))
  for (const name of ['new.name', 'newer.name', 'newest.name']) {
    await scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { userName: name } }))
    expect((await scim('GET', `/Users?filter=userName eq "${name.toUpperCase()}"`)).body.Resources).toMatchObject([
      { id, userName: name },
    ])
  }
  expect((await scim('GET', '/Users?filter=userName eq "new.name"')).body.totalResults).toBe(0)
  await create('/Users', user('old.name'))
})

test('of concurrent writes that name one version, one succeeds', async () => {
  const made = await create('/Users', user('raced'))
  const answers = await allOf(Array.from({ length: 10 }), (_, index) =>
    scim('PATCH', `/Users/${made.id}`, patch({ op: 'replace', path: 'title', value: `title ${index}` }), {
      'if-match': made.meta.version,
    }),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 412)])
  expect((await scim('GET', `/Users/${made.id}`)).body.title).toBe(
    answers.find(({ status }) => status === 200)?.body.title,
  )
})

test('users deleted at the same time leave a group of contiguous versions', async () => {
  const users = await allOf(Array.from({ length: 30 }), (_, index) => create('/Users', user(`leaving.${index}`)))
  const { id } = await create(
    '/Groups',
    group(
      'leaving',
      users.map((member) => member.id),
    ),
  )
  const answers = await allOf(users, (member) => scim('DELETE', `/Users/${member.id}`))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]))
  const { body } = await scim('GET', `/Groups/${id}`)
  expect(body.members).toBeUndefined()
  await expectContiguous(body)
  const { body: known } = await eventually(
    () => world.directory(`/${connection.id}/groups/${id}`),
    (read) => read.body.version === versionOf(body),
  )
  expect(known.members.items).toEqual([])
})

test('users deleted while their groups change leave no member that is a user no more', async () => {
  const users = await allOf(Array.from({ length: 40 }), (_, index) => create('/Users', user(`racing.${index}`)))
  const members = users.map((member) => member.id)
  const groups = await allOf(['a', 'b', 'c', 'd'], (name) =>
    create('/Groups', group(`racing ${name}`, name < 'c' ? members : [])),
  )
  const changes = users.flatMap(({ id }, index): [string, string, object?][] => [
    ['PATCH', `/Groups/${groups[2].id}`, patch({ op: 'add', path: 'members', value: [{ value: id }] })],
    ['DELETE', `/Users/${id}`],
    ['PATCH', `/Groups/${groups[3].id}`, patch({ op: 'add', path: 'members', value: [{ value: id }] })],
    ...(index % 10 === 5
      ? ([['PUT', `/Groups/${groups[index % 2].id}`, group('racing', members.slice(index))]] as [
          string,
          string,
          object,
        ][])
      : []),
  ])
  const answers = await allOf(changes, ([method, path, body]) => scim(method, path, body))
  expect(answers.filter(({ status }) => status >= 300)).toEqual([])
  for (const { id } of groups) {
    const { body } = await scim('GET', `/Groups/${id}`)
    expect((body.members ?? []).filter(({ type }: { type?: string }) => type === 'User')).toEqual([])
    await expectContiguous(body)
    const { body: known } = await eventually(
      () => world.directory(`/${connection.id}/groups/${id}?limit=200`),
      (read) => read.body.version === versionOf(body),
    )
    expect(known.members.items).toEqual([])
  }
})

test('whatever is written at the same time, no event is missing and the directory comes to say what SCIM says', async () => {
  const place = await world.connection('okta')
  const ask = world.scim(place)
  const made = async (path: string, body: object): Promise<string> => (await ask('POST', path, body)).body.id
  const users = await allOf(Array.from({ length: 12 }), (_, index) => made('/Users', user(`busy.${index}`)))
  const groups = await allOf(Array.from({ length: 6 }), (_, index) => made('/Groups', group(`busy ${index}`)))
  let seed = 7
  const below = (limit: number): number => Math.floor((seed = (seed * 48_271) % 2_147_483_647) / 1_000) % limit
  const one = (list: readonly string[]): string => list[below(list.length)] ?? ''
  const requests = Array.from({ length: 600 }, (_, index): [string, string, object?] => {
    const member = below(4) === 0 ? one(groups) : one(users)
    switch (below(9)) {
      case 0:
        return ['PATCH', `/Users/${one(users)}`, patch({ op: 'replace', path: 'active', value: index % 2 === 0 })]
      case 1:
        return [
          'PATCH',
          `/Users/${one(users)}`,
          patch({ op: 'replace', value: { userName: `busy.${below(60)}`, title: `${index}` } }),
        ]
      case 2:
        return ['PATCH', `/Groups/${one(groups)}`, patch({ op: 'remove', path: `members[value eq "${member}"]` })]
      case 3:
        return ['PUT', `/Groups/${one(groups)}`, group(`busy ${index}`, [one(users), one(users), member])]
      case 4:
        return below(3) === 0
          ? ['DELETE', `/Users/${one(users)}`]
          : ['PATCH', `/Groups/${one(groups)}`, patch({ op: 'remove', path: 'members' })]
      case 5:
        return below(24) === 0
          ? ['DELETE', `/Groups/${one(groups)}`]
          : ['PUT', `/Users/${one(users)}`, user(`busy.${below(60)}`)]
      default:
        return [
          'PATCH',
          `/Groups/${one(groups)}`,
          patch({ op: 'add', path: 'members', value: [{ value: member }, { value: one(users) }] }),
        ]
    }
  })
  const answers = await allOf(requests, ([method, path, body]) => ask(method, path, body), 32)
  expect(answers.filter(({ status }) => ![200, 204, 404, 409].includes(status))).toEqual([])
  const versions = new Map<string, number>()
  for (const { name, subject, version } of await world.events(place.id)) {
    if (!/^(user|group)\./.test(name)) continue
    expect({ subject, version }).toEqual({ subject, version: (versions.get(subject) ?? 0) + 1 })
    versions.set(subject, version)
  }
  const departed = new Set<string>()
  for (const id of [...users, ...groups]) {
    const kind = users.includes(id) ? 'users' : 'groups'
    const { status, body } = await ask('GET', `/${kind === 'users' ? 'Users' : 'Groups'}/${id}`)
    if (status === 404) departed.add(id)
    else expect(versionOf(body)).toBe(versions.get(id))
  }
  expect(departed.size).toBeGreaterThan(0)
  for (const id of [...users, ...groups]) {
    const kind = users.includes(id) ? 'users' : 'groups'
    const read = () => world.directory(`/${place.id}/${kind}/${id}`)
    if (departed.has(id)) {
      await eventually(read, ({ status }) => status === 404)
      continue
    }
    const { body } = await ask('GET', `/${kind === 'users' ? 'Users' : 'Groups'}/${id}`)
    const { body: known } = await eventually(read, (answer) => answer.body.version === versionOf(body))
    if (kind === 'users') {
      expect(known).toMatchObject({ userName: body.userName, active: body.active })
      const told = (body.groups ?? []).map((held: Told) => [held.value, held.type === 'direct']).sort()
      expect(known.groups.map((held: Told) => [held.id, held.direct]).sort()).toEqual(told)
    } else {
      const members = (body.members ?? [])
        .filter((member: Told) => member.type !== undefined)
        .map((member: Told) => member.value)
      expect(known.members.items.map((member: Told) => member.id).sort()).toEqual(members.sort())
    }
  }
})
