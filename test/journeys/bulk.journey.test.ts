import { allOf, bulk, eventually, group, type Told, user, userSchema } from '../world.ts'
import { addMembers, idIn, members, named, post, run, statuses } from './bulk-requests.ts'
import { connection, create, expectContiguous, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

describe('the examples of RFC 7644', () => {
  test('3.7.3: users are added, replaced, changed and removed, each under its version', async () => {
    const [bob, dave, gone] = [
      await create('/Users', user('3.7.3 bob')),
      await create('/Users', user('3.7.3 dave', { nickName: 'D' })),
      await create('/Users', user('3.7.3 gone')),
    ]
    const operations = [
      post('qwerty', { schemas: ['urn:ietf:params:scim:api:messages:2.0:User'], userName: '3.7.3 Alice' }),
      {
        method: 'PUT',
        path: `/Users/${bob.id}`,
        version: bob.meta.version,
        data: { schemas: [userSchema], id: bob.id, userName: '3.7.3 Bob', title: 'Mr' },
      },
      {
        method: 'PATCH',
        path: `/Users/${dave.id}`,
        version: dave.meta.version,
        data: [
          { op: 'remove', path: 'nickName' },
          { op: 'add', path: 'userName', value: '3.7.3 Dave' },
        ],
      },
      { method: 'DELETE', path: `/Users/${gone.id}`, version: gone.meta.version },
    ]
    const results = await run(operations, 1)
    expect(results).toEqual([
      expect.objectContaining({ method: 'POST', bulkId: 'qwerty', status: '201', version: 'W/"1"' }),
      { method: 'PUT', location: bob.meta.location, version: 'W/"2"', status: '200' },
      { method: 'PATCH', location: dave.meta.location, version: 'W/"2"', status: '200' },
      { method: 'DELETE', location: gone.meta.location, status: '204' },
    ])
    expect((await scim('GET', `/Users/${dave.id}`)).body).toMatchObject({ userName: '3.7.3 Dave' })
    expect((await scim('GET', `/Users/${dave.id}`)).body).not.toHaveProperty('nickName')

    // All of it once more: the name is taken, the versions are old, and who is gone is gone.
    const again = await run(operations)
    expect(again).toMatchObject([
      { method: 'POST', bulkId: 'qwerty', status: '409', response: { scimType: 'uniqueness', status: '409' } },
      { method: 'PUT', location: bob.meta.location, status: '412', response: { status: '412' } },
      { method: 'PATCH', location: dave.meta.location, status: '412', response: { status: '412' } },
      { method: 'DELETE', location: gone.meta.location, status: '404', response: { status: '404' } },
    ])
    expect(again[0]).not.toHaveProperty('location')
    for (const { response } of again) {
      expect(response).toMatchObject({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        detail: expect.any(String),
      })
    }
    // With failOnErrors 1 the first error ends it.
    expect(statuses(await run(operations, 1))).toEqual(['409'])
  })
})

describe('errors', () => {
  test('of one operation are no others’, whatever they are', async () => {
    const { id } = await create('/Users', user('steady'))
    const results = await run([
      'no operation' as never,
      { method: 'GET', path: `/Users/${id}` },
      { method: 'PUT', path: '/Users', data: user('x') },
      { method: 'POST', path: '/Nothing', bulkId: 'n', data: {} },
      { method: 'POST', path: '/Users/.search', bulkId: 's', data: {} },
      { method: 'POST', path: '/Bulk', bulkId: 'b', data: bulk([]) },
      post('bad', { schemas: [userSchema] }),
      post('same', user('same one')),
      post('same', user('same two')),
      { method: 'PATCH', path: `/Users/${id}`, data: { Operations: [{ op: 'replace', path: 'id', value: 'x' }] } },
      { method: 'DELETE', path: '/Groups/no such group' },
      { method: 'PATCH', path: `/Users/${id}`, data: { Operations: [{ op: 'add', path: 'title', value: 'Dr' }] } },
    ])
    expect(statuses(results)).toEqual('400 400 405 404 400 400 400 400 400 400 404 200'.split(' '))
    expect(results[9]).toMatchObject({
      location: `${connection.scimBaseUrl}/Users/${id}`,
      response: { scimType: 'mutability' },
    })
    expect(results[10].location).toBe(`${connection.scimBaseUrl}/Groups/no%20such%20group`)
    expect((await scim('GET', `/Users/${id}`)).body.title).toBe('Dr')
  })

  test('as many as failOnErrors end the request: what comes after is not begun', async () => {
    const operations = Array.from({ length: 14 }, (_, index) =>
      post(`u${index}`, index % 4 === 3 ? { schemas: [userSchema] } : user(`limited.${index}`)),
    )
    const results = await run(operations, 2)
    expect(results.map(({ bulkId, status }) => [bulkId, status])).toEqual(
      operations.slice(0, 8).map(({ bulkId }, index) => [bulkId, index % 4 === 3 ? '400' : '201']),
    )
    for (const index of [8, 9, 10]) expect(await named('/Users', `limited.${index}`)).toBe(0)
    const [record] = await eventually(
      () => world.audit({ connection: connection.id, operation: 'bulk.run' }),
      ([newest]) => newest?.bulk?.operations === 14,
    )
    expect(record).toMatchObject({
      bulk: { operations: 14, refused: 2, notBegun: 6 },
      status: 200,
      outcome: 'accepted',
    })
  })

  test('beyond maxOperations or maxPayloadSize are 413, naming the limit that the configuration advertises', async () => {
    const { body } = await scim('GET', '/ServiceProviderConfig')
    expect(body.bulk).toEqual({ supported: true, maxOperations: 1000, maxPayloadSize: 4_194_304 })
    const tooMany = await scim(
      'POST',
      '/Bulk',
      bulk(Array.from({ length: 1001 }, (_, index) => ({ method: 'DELETE', path: `/Users/${index}` }))),
    )
    expect(tooMany).toMatchObject({ status: 413, body: { status: '413', detail: expect.stringContaining('1000') } })
    const tooLarge = await scim('POST', '/Bulk', bulk([post('x', user('x', { title: 'x'.repeat(4_194_304) }))]))
    expect(tooLarge).toMatchObject({ status: 413, body: { status: '413', detail: expect.stringContaining('4194304') } })
  })

  test('are its own as a whole, and those of any request for each operation', async () => {
    const title = 'x'.repeat(900_000)
    const [one, other] = [user(`large ${Math.random()}`, { title }), user(`large ${Math.random()}`, { title })]
    const larger = user(`larger ${Math.random()}`, { title: 'x'.repeat(1_048_576) })
    const { status, body } = await scim('POST', '/Bulk', bulk([post('a', one), post('b', larger), post('c', other)]))
    expect([status, body.Operations.map(({ status: own }: Told) => own)]).toEqual([200, ['201', '413', '201']])
    expect(body.Operations[1].response.detail).toContain('1048576')
    expect(await scim('POST', '/Users', larger)).toMatchObject({ status: 413 })
  })

  test('in the request itself refuse it whole', async () => {
    for (const body of [{}, { ...bulk([]), Operations: {} }, { ...bulk([]), failOnErrors: 0 }, []]) {
      expect(await scim('POST', '/Bulk', body)).toMatchObject({ status: 400, body: { status: '400' } })
    }
    expect(await scim('GET', '/Bulk')).toMatchObject({ status: 405 })
    expect(await run([])).toEqual([])
  })
})

describe('the order of the request', () => {
  test('holds for one resource, and for a name that one gives up and another takes', async () => {
    const [a, b, c] = [
      await create('/Users', user('order.a')),
      await create('/Users', user('order.b')),
      await create('/Users', user('order.c')),
    ]
    const put = (id: string, userName: string) => ({ method: 'PUT', path: `/Users/${id}`, data: user(userName) })
    const results = await run([
      put(a.id, 'order.free'),
      put(b.id, 'ORDER.A'),
      put(c.id, 'order.c'),
      put(c.id, 'order.b'),
      { method: 'PATCH', path: `/Users/${a.id}`, data: [{ op: 'replace', path: 'userName', value: 'order.other' }] },
      post('free', user('order.FREE')),
      post('again', user('Order.Free')),
      { method: 'DELETE', path: `/Users/${c.id}` },
      post('b', user('order.b')),
      put(b.id, 'order.b'),
    ])
    expect(statuses(results)).toEqual(['200', '200', '200', '200', '200', '201', '409', '204', '201', '409'])
  })

  test('holds for those who join a group and are deleted', async () => {
    const [one, two] = [await create('/Users', user('joins.one')), await create('/Users', user('joins.two'))]
    const team = await create('/Groups', group('joined'))
    const results = await run([
      { method: 'PATCH', path: `/Groups/${team.id}`, data: addMembers(one.id, two.id) },
      { method: 'DELETE', path: `/Users/${one.id}` },
      { method: 'PATCH', path: `/Groups/${team.id}`, version: 'W/"2"', data: addMembers('x') },
      { method: 'PATCH', path: `/Groups/${team.id}`, version: 'W/"3"', data: addMembers('y') },
      { method: 'DELETE', path: `/Groups/${team.id}` },
      { method: 'PATCH', path: `/Groups/${team.id}`, data: addMembers('z') },
    ])
    expect(statuses(results)).toEqual(['200', '204', '412', '200', '204', '404'])
  })

  test('does not keep a thousand creates from being one request', async () => {
    const results = await run(Array.from({ length: 1000 }, (_, index) => post(`n${index}`, user(`many.${index}`))))
    expect(new Set(statuses(results))).toEqual(new Set(['201']))
    expect(results.map(({ bulkId }) => bulkId)).toEqual(Array.from({ length: 1000 }, (_, index) => `n${index}`))
    expect(new Set(results.map(idIn)).size).toBe(1000)
    expect((await scim('GET', '/Users?filter=userName sw "many."&count=0')).body.totalResults).toBe(1000)
  })
})

test('each operation leaves a record of its own, found by the request that it was part of', async () => {
  const { id } = await create('/Users', user('recorded'))
  await create('/Users', user('recorded.taken'))
  const operations = [
    {
      Method: 'post',
      path: '/Users',
      bulkId: 5,
      data: { ...user('recorded.new'), titel: 'x', emails: [{ value: 'a@example.com', note: 'x' }] },
    },
    post('taken', user('recorded.taken')),
    {
      method: 'PATCH',
      path: `/Users/${id}`,
      data: { Operations: [{ op: 'add', value: { active: 'false', odd: 1 } }] },
    },
    { method: 'DELETE', path: '/Users/bulkId:taken' },
  ]
  const results = await run(operations)
  expect(statuses(results)).toEqual(['201', '409', '200', '409'])
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'bulk.run' }),
    ([newest]) => newest?.bulk?.operations === 4,
  )
  expect(record).toMatchObject({
    method: 'POST',
    path: expect.stringMatching(/\/Bulk$/),
    status: 200,
    bulk: { operations: 4, refused: 2, notBegun: 0 },
    deviations: [
      { code: 'scalar-as-text', pointer: '/Operations/0/bulkId' },
      { code: 'method-letter-case', pointer: '/Operations/0/method' },
    ],
    events: [],
  })
  expect(record).not.toHaveProperty('within')
  const within = await eventually(
    () => world.audit({ within: record.id }),
    (records) => records.length === 4,
  )
  const [created, refused, changed, broken] = within.reverse()
  expect(created).toMatchObject({
    within: record.id,
    operation: 'users.create',
    kid: connection.kid,
    method: 'POST',
    path: expect.stringMatching(/\/Users$/),
    status: 201,
    subject: { kind: 'User', id: idIn(results[0]) },
    steps: [{ step: 'payload' }, { step: 'operation', decision: 'passed' }],
    deviations: [
      { code: 'unknown-attribute', pointer: '/Operations/0/data/titel' },
      { code: 'unknown-attribute', pointer: '/Operations/0/data/emails/0/note' },
    ],
  })
  expect(refused).toMatchObject({ operation: 'users.create', outcome: 'refused', status: 409, code: 'uniqueness' })
  expect(changed).toMatchObject({
    operation: 'users.patch',
    path: expect.stringMatching(new RegExp(`/Users/${id}$`)),
    changed: ['active'],
    deviations: [
      { code: 'missing-schema', pointer: '/Operations/2/data/schemas' },
      { code: 'boolean-as-string', pointer: '/Operations/2/data/Operations/0/value/active' },
      { code: 'unknown-attribute', pointer: '/Operations/2/data/Operations/0/value/odd' },
    ],
  })
  expect(broken).toMatchObject({ outcome: 'refused', code: 'broken-reference' })
  const events = (await world.events(connection.id)).filter(({ name }) => name === 'request.decided')
  const decided = events.find(({ subject }) => subject === created.requestId)
  expect(decided?.payload.events).toEqual(created.events)
  expect(created.events).toHaveLength(1)
})

test('a dry run tells of all of it what would be, and does none of it', async () => {
  const operations = [
    post('team', group('dry team', ['bulkId:person', 'bulkId:other']), '/Groups'),
    post('person', user('dry person')),
    post('other', group('dry other', ['bulkId:team']), '/Groups'),
    { method: 'PATCH', path: '/Users/bulkId:person', data: [{ op: 'add', path: 'title', value: 'Dr' }] },
    post('person 2', user('dry PERSON')),
  ]
  const answer = await scim('POST', '/Bulk', bulk(operations), { 'latchkey-dry-run': 'true' })
  expect(answer.headers.get('latchkey-dry-run')).toBe('true')
  expect(statuses(answer.body.Operations)).toEqual(['201', '201', '201', '200', '409'])
  const told = answer.body['urn:latchkey:params:scim:api:messages:2.0:DryRun']
  expect(told.events.map(({ name }: Told) => name).sort()).toEqual([
    'group.created',
    'group.created',
    'group.members-changed',
    'group.members-changed',
    'user.changed',
    'user.provisioned',
  ])
  expect(await named('/Users', 'dry person')).toBe(0)
  expect(await named('/Groups', 'dry team')).toBe(0)
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'bulk.run' }),
    ([newest]) => newest?.dryRun !== undefined,
  )
  const within = await eventually(
    () => world.audit({ within: record.id }),
    (records) => records.length === 5,
  )
  expect(within.map(({ dryRun, events }) => [dryRun !== undefined, events.length])).toEqual(within.map(() => [true, 0]))
})

test('one of a sandbox is captured and sent again with other names', async () => {
  const sandbox = await world.connection('other', { environment: 'sandbox' })
  const sent = bulk([
    post('ada', user('captured.ada')),
    post('team', group('captured team', ['bulkId:ada']), '/Groups'),
    { method: 'PATCH', path: '/Users/bulkId:ada', data: [{ op: 'add', path: 'active', value: 'False' }] },
  ])
  expect(statuses((await world.scim(sandbox)('POST', '/Bulk', sent)).body.Operations)).toEqual(['201', '201', '200'])
  const [record] = await eventually(
    () => world.audit({ connection: sandbox.id, operation: 'bulk.run' }),
    (records) => records.length === 1,
  )
  const replayed = await eventually(
    () => world.gatewayAdmin('POST', `/requests/${record.id}/replay`),
    ({ status }) => status === 200,
  )
  expect(statuses(replayed.body.response.body.Operations)).toEqual(['201', '201', '200'])
  expect(JSON.stringify(replayed.body.request)).not.toMatch(/ada|captured/)
  const within = await eventually(
    () => world.audit({ within: replayed.body.requestId }),
    (records) => records.length === 3,
  )
  expect(within.map(({ kid, status }) => [kid, status])).toEqual([
    [null, 200],
    [null, 201],
    [null, 201],
  ])
})

test('bulk requests that do the same in opposite order all end, and each operation is done', async () => {
  const people = await allOf(Array.from({ length: 40 }), (_, index) => create('/Users', user(`opposite.${index}`)))
  const teams = await allOf(Array.from({ length: 6 }), (_, index) => create('/Groups', group(`opposite ${index}`)))
  const operations = [
    ...people.map(({ id }, index) => ({
      method: 'PATCH',
      path: `/Users/${id}`,
      data: [{ op: 'replace', path: 'title', value: `t${index}` }],
    })),
    ...teams.map(({ id }) => ({
      method: 'PATCH',
      path: `/Groups/${id}`,
      data: addMembers(...people.map((one) => one.id)),
    })),
    ...teams.map(({ id }) => ({
      method: 'PUT',
      path: `/Groups/${id}`,
      data: group(
        'opposite',
        people.map((one) => one.id),
      ),
    })),
    ...people.slice(0, 20).map(({ id }) => ({ method: 'PUT', path: `/Users/${id}`, data: user(`opposite.${id}`) })),
  ]
  const answers = await allOf(Array.from({ length: 6 }), (_, index) =>
    run(index % 2 === 0 ? operations : [...operations].reverse()),
  )
  for (const results of answers) expect(statuses(results)).toEqual(operations.map(() => '200'))
  for (const { id } of teams) {
    expect(await members(id)).toEqual(people.map((one) => one.id).sort())
    await expectContiguous((await scim('GET', `/Groups/${id}`)).body)
  }
})
