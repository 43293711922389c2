import { enterpriseSchema, group, patch, type Told, user, userSchema } from '../world.ts'
import { connection, create, eventsOf, scim, shareOneConnection } from './one-connection.ts'

/** RFC 7644 section 3.7: many requests in one. */
shareOneConnection()

const bulkRequest = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error'
const unknown = '/Users/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a'

const ask = (operations: readonly object[], more: object = {}) =>
  scim('POST', '/Bulk', { schemas: [bulkRequest], ...more, Operations: operations })
const bulk = async (operations: readonly object[], more: object = {}): Promise<Told[]> => {
  const { status, headers, body } = await ask(operations, more)
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'] },
  })
  expect(headers.get('content-type')).toMatch(/^application\/scim\+json/)
  return body.Operations
}
const post = (bulkId: string, body: object, path = '/Users'): object => ({ method: 'POST', path, bulkId, data: body })
const idOf = ({ location }: Told): string => String(location).split('/').at(-1) ?? ''
const read = async (location: string): Promise<Told> =>
  (await scim('GET', location.slice(connection.scimBaseUrl.length))).body
const statuses = (results: Told[]): string[] => results.map(({ status }) => status)

test('an operation that has one field twice, or a method that is none of a bulk request, harms no other', async () => {
  const results = await bulk([
    { method: 'DELETE', path: unknown, Path: unknown },
    { method: 'GET', path: unknown },
    post('harmed.by.nobody', user('bulk.unharmed')),
  ])
  expect(results.map(({ method, status }) => [method, status])).toEqual([
    ['DELETE', '400'],
    ['GET', '400'],
    ['POST', '201'],
  ])
})

test('adds, replaces, changes and removes, and answers for each: method, location, status, version, and its bulkId', async () => {
  const [put, changed, removed] = await Promise.all(
    ['put', 'patch', 'delete'].map((name) => create('/Users', user(`bulk.${name}`))),
  )
  const results = await bulk([
    post('qwerty', user('bulk.alice')),
    { method: 'PUT', path: `/Users/${put.id}`, version: put.meta.version, data: user('bulk.bob') },
    {
      method: 'PATCH',
      path: `/Users/${changed.id}`,
      version: changed.meta.version,
      data: patch({ op: 'add', path: 'nickName', value: 'Dave' }),
    },
    { method: 'DELETE', path: `/Users/${removed.id}`, version: removed.meta.version },
  ])
  expect(results).toMatchObject([
    { method: 'POST', bulkId: 'qwerty', status: '201', location: expect.stringContaining('/Users/') },
    { method: 'PUT', status: '200', location: put.meta.location },
    { method: 'PATCH', status: '200', location: changed.meta.location },
    { method: 'DELETE', status: '204', location: removed.meta.location },
  ])
  const alice = await read(results[0].location)
  expect(alice).toMatchObject({
    userName: 'bulk.alice',
    meta: { location: results[0].location, version: results[0].version },
  })
  expect(await read(put.meta.location)).toMatchObject({ userName: 'bulk.bob', meta: { version: results[1].version } })
  expect(await read(changed.meta.location)).toMatchObject({ nickName: 'Dave', meta: { version: results[2].version } })
  expect(await read(removed.meta.location)).toMatchObject({ status: '404' })
  expect((await eventsOf(alice.id)).map(({ name }) => name)).toEqual(['user.provisioned'])
})

test('goes on after a failure, and tells each with its error', async () => {
  const taken = await create('/Users', user('bulk.taken'))
  const results = await bulk([
    post('a', user('bulk.taken')),
    post('b', { schemas: [userSchema] }),
    post('c', user('bulk.after')),
    { method: 'PUT', path: unknown, data: user('bulk.nobody') },
    {
      method: 'PATCH',
      path: `/Users/${taken.id}`,
      version: 'W/"99"',
      data: patch({ op: 'add', path: 'title', value: 'x' }),
    },
    { method: 'DELETE', path: unknown },
    { method: 'PATCH', path: `/Users/${taken.id}`, data: patch({ op: 'remove', path: 'userName' }) },
  ])
  expect(statuses(results)).toEqual(['409', '400', '201', '404', '412', '404', '400'])
  for (const { status, response } of results.filter(({ status: code }) => code >= '300')) {
    expect(response).toMatchObject({ schemas: [errorSchema], status, detail: expect.stringMatching(/\S/) })
  }
  expect(results[0]).toMatchObject({ method: 'POST', bulkId: 'a', response: { scimType: 'uniqueness' } })
  for (const failed of results.slice(0, 2)) expect(failed).not.toHaveProperty('location')
  expect(results[3]).toMatchObject({ location: `${connection.scimBaseUrl}${unknown}` })
  expect(await read(taken.meta.location)).toEqual(taken)
})

test('ends after as many errors as failOnErrors says, and answers for what was done until then', async () => {
  const operations = [
    post('1', user('fail.first')),
    post('2', user('fail.first')),
    post('3', user('fail.second')),
    post('4', user('fail.first')),
    post('5', user('fail.third')),
  ]
  expect(statuses(await bulk(operations, { failOnErrors: 2 }))).toEqual(['201', '409', '201', '409'])
  expect((await scim('GET', '/Users?filter=userName sw "fail."')).body.totalResults).toBe(2)
  const again = operations.map((operation) => JSON.parse(JSON.stringify(operation).replaceAll('fail.', 'more.')))
  expect(statuses(await bulk(again, { failOnErrors: 1 }))).toEqual(['201', '409'])
})

describe('bulkId', () => {
  test('stands for the id of what is created, in members, in an extension and in paths', async () => {
    const results = await bulk([
      post('qwerty', user('Alice')),
      post('ytrewq', { ...group('Tour Guides'), members: [{ type: 'User', value: 'bulkId:qwerty' }] }, '/Groups'),
      post('bob', {
        ...user('Bob', { [enterpriseSchema]: { employeeNumber: '11250', manager: { value: 'bulkId:qwerty' } } }),
        schemas: [userSchema, enterpriseSchema],
      }),
      { method: 'PATCH', path: '/Users/bulkId:qwerty', data: patch({ op: 'add', path: 'title', value: 'Guide' }) },
      {
        method: 'PATCH',
        path: '/Groups/bulkId:ytrewq',
        data: patch({ op: 'add', path: 'members', value: [{ value: 'bulkId:bob' }] }),
      },
    ])
    expect(statuses(results)).toEqual(['201', '201', '201', '200', '200'])
    const [alice, guides, bob] = await Promise.all(results.slice(0, 3).map(({ location }) => read(location)))
    expect(guides.members.map(({ value }: Told) => value).sort()).toEqual([alice.id, bob.id].sort())
    expect(bob[enterpriseSchema].manager.value).toBe(alice.id)
    expect(alice).toMatchObject({ title: 'Guide', groups: [{ value: guides.id }] })
    expect(JSON.stringify([alice, guides, bob])).not.toMatch(/bulkId/i)
  })

  test('may be used before the operation that creates it', async () => {
    const results = await bulk([
      post('g', { ...group('forward'), members: [{ value: 'bulkId:u' }] }, '/Groups'),
      post('u', user('forward')),
    ])
    expect(statuses(results)).toEqual(['201', '201'])
    expect((await read(results[0].location)).members).toMatchObject([{ value: idOf(results[1]), type: 'User' }])
  })

  test('of groups that contain each other is resolved', async () => {
    const results = await bulk([
      post('qwerty', { ...group('Group A'), members: [{ type: 'Group', value: 'bulkId:ytrewq' }] }, '/Groups'),
      post('ytrewq', { ...group('Group B'), members: [{ type: 'Group', value: 'bulkId:qwerty' }] }, '/Groups'),
    ])
    expect(statuses(results)).toEqual(['201', '201'])
    expect(results.map(({ bulkId }) => bulkId)).toEqual(['qwerty', 'ytrewq'])
    const [a, b] = await Promise.all(results.map(({ location }) => read(location)))
    expect(a.members).toMatchObject([{ value: b.id, type: 'Group' }])
    expect(b.members).toMatchObject([{ value: a.id, type: 'Group' }])
  })

  test('that nothing creates fails its operation alone', async () => {
    const results = await bulk([
      post('g', { ...group('dangling'), members: [{ value: 'bulkId:nowhere' }] }, '/Groups'),
      post('u', user('dangling')),
    ])
    expect(statuses(results)).toEqual(['400', '201'])
    expect(results[0].response).toMatchObject({ schemas: [errorSchema] })
    expect((await scim('GET', '/Groups?filter=displayName eq "dangling"')).body.totalResults).toBe(0)
  })

  test('of an operation that failed fails what refers to it', async () => {
    await create('/Users', user('bulk.there'))
    const results = await bulk([
      post('u', user('bulk.there')),
      post('g', { ...group('orphan'), members: [{ value: 'bulkId:u' }] }, '/Groups'),
    ])
    expect(statuses(results)).toEqual(['409', '409'])
    expect((await scim('GET', '/Groups?filter=displayName eq "orphan"')).body.totalResults).toBe(0)
  })
})

describe('order', () => {
  test('is that of the operations, whatever refers to what', async () => {
    const { id, meta } = await create('/Users', user('bulk.order'))
    const change = (title: string): object => ({
      method: 'PATCH',
      path: `/Users/${id}`,
      data: patch({ op: 'replace', path: 'title', value: title }),
    })
    const results = await bulk([
      change('first'),
      change('second'),
      { method: 'DELETE', path: `/Users/${id}` },
      post('again', user('bulk.order')),
      change('third'),
    ])
    expect(statuses(results)).toEqual(['200', '200', '204', '201', '404'])
    expect(results.map(({ method }) => method)).toEqual(['PATCH', 'PATCH', 'DELETE', 'POST', 'PATCH'])
    expect(await read(meta.location)).toMatchObject({ status: '404' })
    expect(idOf(results[3])).not.toBe(id)
  })
})

describe('limits', () => {
  test('are told, and whoever exceeds one is told 413 and which', async () => {
    const { bulk: limits } = (await scim('GET', '/ServiceProviderConfig')).body
    expect(limits).toEqual({ supported: true, maxOperations: expect.any(Number), maxPayloadSize: expect.any(Number) })
    expect(limits.maxOperations).toBeGreaterThan(1)
    const operation = { method: 'DELETE', path: '/Users/x' }
    const many = await ask(Array.from({ length: limits.maxOperations + 1 }, () => operation))
    expect(many).toMatchObject({ status: 413, body: { schemas: [errorSchema], status: '413' } })
    expect(many.body.detail).toContain(String(limits.maxOperations))
    const large = await ask([post('large', user('large', { title: 'x'.repeat(limits.maxPayloadSize) }))])
    expect(large).toMatchObject({ status: 413, body: { schemas: [errorSchema], status: '413' } })
    expect(large.body.detail).toContain(String(limits.maxPayloadSize))
    expect((await scim('GET', '/Users?filter=userName eq "large"')).body.totalResults).toBe(0)
  })
})

describe('what is no bulk request', () => {
  test.each([
    ['no schemas', { Operations: [] }],
    ['other schemas', { schemas: [userSchema], Operations: [] }],
    ['no Operations', { schemas: [bulkRequest] }],
    ['Operations that are none', { schemas: [bulkRequest], Operations: 'POST' }],
    ['a failOnErrors that is none', { schemas: [bulkRequest], failOnErrors: 'many', Operations: [] }],
    ['a list', []],
  ])('%s: is refused', async (_what, body) => {
    expect(await scim('POST', '/Bulk', body)).toMatchObject({
      status: 400,
      body: { schemas: [errorSchema], scimType: expect.stringMatching(/^invalid(Syntax|Value)$/) },
    })
  })

  test.each([
    ['no method', { path: '/Users', bulkId: 'x', data: user('no.method') }],
    ['GET', { method: 'GET', path: '/Users' }],
    ['no path', { method: 'POST', bulkId: 'x', data: user('no.path') }],
    ['a path that is not served', { method: 'POST', path: '/Robots', bulkId: 'x', data: user('no.path') }],
    ['no bulkId', { method: 'POST', path: '/Users', data: user('no.bulk-id') }],
    ['no data', { method: 'POST', path: '/Users', bulkId: 'x' }],
    [
      'a bulk request within',
      { method: 'POST', path: '/Bulk', bulkId: 'x', data: { schemas: [bulkRequest], Operations: [] } },
    ],
  ])('an operation with %s fails alone', async (what, operation) => {
    const results = await bulk([operation, post('ok', user(`beside ${what}`))])
    expect(Number(results[0].status)).toBeGreaterThanOrEqual(400)
    expect(results[0].response).toMatchObject({ schemas: [errorSchema] })
    expect(results[1].status).toBe('201')
  })

  test('POSTs of one bulkId are all refused, and nothing that the others ask for', async () => {
    const results = await bulk([
      post('same', user('same.one')),
      post('other', user('same.other')),
      post('same', user('same.two')),
    ])
    expect(statuses(results)).toEqual(['400', '201', '400'])
    for (const { response } of [results[0], results[2]]) expect(response).toMatchObject({ scimType: 'invalidValue' })
    expect((await scim('GET', '/Users?filter=userName sw "same."')).body.totalResults).toBe(1)
  })
})
