import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { allOf, type Answer, eventually, group, patch, type Told, user, userSchema } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'
const ids: Record<string, string> = {}
const get = (path: string, headers?: Record<string, string>): Promise<Answer> => scim('GET', path, undefined, headers)
const names = ({ body }: Answer): string[] =>
  body.Resources.map((one: Told) => Object.keys(ids).find((name) => ids[name] === one.id))

beforeAll(async () => {
  ids['ada'] = (
    await create(
      '/Users',
      user('ada', { displayName: 'Émile', emails: [{ value: 'z@x.com' }, { value: 'b@x.com', primary: true }] }),
    )
  ).id
  ids['Bob'] = (await create('/Users', user('Bob', { displayName: 'emilia', title: 'Builder' }))).id
  ids['cyd'] = (await create('/Users', user('cyd', { emails: [{ value: 'A@x.com' }] }))).id
  ids['all'] = (await create('/Groups', group('All', [ids['ada'] ?? '']))).id
  ids['empty'] = (await create('/Groups', group('empty'))).id
})

test.each([
  ['userName', ['ada', 'Bob', 'cyd']],
  ['userName&sortOrder=descending', ['cyd', 'Bob', 'ada']],
  ['displayName', ['Bob', 'ada', 'cyd']],
  ['displayName&sortOrder=Descending', ['cyd', 'ada', 'Bob']],
  ['title', ['Bob', 'ada', 'cyd']],
  ['emails.value', ['cyd', 'ada', 'Bob']],
  ['emails', ['cyd', 'ada', 'Bob']],
  ['meta.created&sortOrder=descending', ['cyd', 'Bob', 'ada']],
  ['groups.display', ['ada', 'Bob', 'cyd']],
  ['unheardOf', ['ada', 'Bob', 'cyd']],
])('users sorted by %s are %j', async (sortBy, expected) => {
  expect(names(await get(`/Users?sortBy=${sortBy}`))).toEqual(expected)
})

test('a search of one resource type, and of all, asks in its body for what a query asks for', async () => {
  const asked = { schemas: [searchSchema], filter: 'displayName sw "em"', attributes: ['displayName', 'members'] }
  expect((await scim('POST', '/Users/.search', asked)).body).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: 1,
    startIndex: 1,
    itemsPerPage: 1,
    Resources: [{ schemas: [userSchema], id: ids['Bob'], displayName: 'emilia' }],
  })
  expect(names(await scim('POST', '/Groups/.search', asked))).toEqual(['empty'])
  expect(names(await scim('POST', '/.search', asked))).toEqual(['Bob', 'empty'])
  const sorted = { schemas: [searchSchema], sortBy: 'displayName', count: 2, startIndex: 2 }
  const { body } = await scim('POST', '/.search', sorted)
  expect(body).toMatchObject({ totalResults: 5, startIndex: 2, itemsPerPage: 2 })
  expect(body.Resources.map(({ meta, displayName }: Told) => [meta.resourceType, displayName])).toEqual([
    ['User', 'emilia'],
    ['Group', 'empty'],
  ])
})

test('the base URL lists users and groups; what one of them does not have has no value there', async () => {
  expect((await get('')).body.totalResults).toBe(5)
  expect(names(await get('/?filter=userName eq "BOB" or displayName eq "all"'))).toEqual(['Bob', 'all'])
  expect(names(await get('/?filter=(meta.resourceType eq User) or (meta.resourceType eq Group)'))).toHaveLength(5)
  expect(names(await get('/?filter=meta.resourceType eq "Group"'))).toEqual(['all', 'empty'])
  expect(names(await get('/?filter=not (members pr)'))).toEqual(['ada', 'Bob', 'cyd', 'empty'])
  expect(names(await get('/?sortBy=userName&sortOrder=descending&count=3'))).toEqual(['empty', 'all', 'cyd'])
})

test('of a list of users and groups only names that neither has are told of', async () => {
  const deviationsOf = async (userAgent: string, filter: string): Promise<Told[]> => {
    await get(`/?filter=${filter}`, { 'user-agent': userAgent })
    const [record] = await eventually(
      async () => (await world.audit({ surface: 'scim' })).filter((one) => one.userAgent === userAgent),
      (found) => found.length > 0,
    )
    return record.deviations
  }
  expect(await deviationsOf('known', 'userName eq "ada" or members pr')).toEqual([])
  expect(await deviationsOf('unknown', 'colour eq "red" or userName pr')).toMatchObject([
    { code: 'unknown-filter-attribute', cause: expect.stringContaining('"colour"') },
  ])
})

describe('cursors', () => {
  async function walk(path: string): Promise<{ pages: Told[]; found: string[] }> {
    const pages: Told[] = []
    const found: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const answer: Answer = await get(`${path}cursor=${cursor}`)
      expect(answer.status).toBe(200)
      pages.push(answer.body)
      found.push(...names(answer))
      cursor = answer.body.nextCursor
    }
    return { pages, found }
  }

  test.each([
    ['/Users?count=2&', ['ada', 'Bob', 'cyd']],
    ['/Users?count=1&sortBy=displayName&sortOrder=descending&', ['cyd', 'ada', 'Bob']],
    ['/Users?count=1&sortBy=emails.value&filter=userName pr&', ['cyd', 'ada', 'Bob']],
    ['/?count=2&sortBy=displayName&', ['all', 'Bob', 'empty', 'ada', 'cyd']],
  ])('%s is walked to its end', async (path, expected) => {
    const { pages, found } = await walk(path)
    expect(found).toEqual(expected)
    for (const page of pages) {
      expect(page).toMatchObject({ totalResults: expected.length, itemsPerPage: page.Resources.length })
      expect(page.itemsPerPage).toBeLessThanOrEqual(Number(/count=(\d+)/.exec(path)?.[1]))
      expect(page).not.toHaveProperty('startIndex')
    }
    expect(pages.at(-1)).not.toHaveProperty('nextCursor')
  })

  test('a search pages by cursor too, and totals alone need none', async () => {
    const asked = { schemas: [searchSchema], count: 2, cursor: '' }
    const first = (await scim('POST', '/Users/.search', asked)).body
    const second = await scim('POST', '/Users/.search', { ...asked, cursor: first.nextCursor })
    expect(names(second)).toEqual(['cyd'])
    expect((await get('/Users?cursor&count=0')).body).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 3,
      itemsPerPage: 0,
      Resources: [],
    })
  })

  test('a walk goes on past values that no cursor could hold, and is refused where one is gone', async () => {
    const connection = await world.connection('other')
    const ask = world.scim(connection)
    const titles = ['c', 'a', 'b'].map((letter) => '\u00fc'.repeat(2_000) + letter)
    const made: Told[] = []
    for (const title of titles) made.push((await ask('POST', '/Users', user(title.slice(-1), { title }))).body)
    const page = async (cursor: string): Promise<Answer> => ask('GET', `/Users?sortBy=title&count=1&cursor=${cursor}`)
    const first = await page('')
    const second = await page(first.body.nextCursor)
    const third = await page(second.body.nextCursor)
    expect([first, second, third].map(({ body }) => body.Resources[0].userName)).toEqual(['a', 'b', 'c'])
    expect(third.body.nextCursor).toBeUndefined()
    await ask('DELETE', `/Users/${made[1]?.id}`)
    expect(await page(first.body.nextCursor)).toMatchObject({ status: 400, body: { scimType: 'invalidCursor' } })
    expect((await page(second.body.nextCursor)).body.Resources[0].userName).toBe('c')
  })

  test('a cursor is good for its own query and connection alone', async () => {
    const { nextCursor } = (await get('/Users?count=1&cursor')).body
    const other = await world.connection('other')
    const invalid = { status: 400, body: { scimType: 'invalidCursor', status: '400' } }
    expect(await get(`/Users?count=1&filter=active eq true&cursor=${nextCursor}`)).toMatchObject(invalid)
    expect(await get(`/Groups?count=1&cursor=${nextCursor}`)).toMatchObject(invalid)
    expect(await world.scim(other)('GET', `/Users?count=1&cursor=${nextCursor}`)).toMatchObject(invalid)
    expect(await get(`/Users?count=2&cursor=${nextCursor}`)).toMatchObject({
      status: 400,
      body: { scimType: 'invalidCount' },
    })
    expect((await get(`/Users?count=1&unheardOf=x&startIndex=3&cursor=${nextCursor}`)).status).toBe(200)
  })
})

test('what is offered says so, also to whoever presents no key, and is recorded', async () => {
  const answer = await fetch(`${connection.scimBaseUrl}/ServiceProviderConfig`, { headers: { 'user-agent': 'no key' } })
  expect([answer.status, await answer.json()]).toEqual([
    200,
    expect.objectContaining({
      sort: { supported: true },
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: 'index',
        defaultPageSize: 200,
        maxPageSize: 200,
        cursorTimeout: 3600,
      },
    }),
  ])
  const [record] = await eventually(
    () => world.audit({ connection: connection.id, operation: 'discovery.service-provider-config' }),
    (found) => found.some(({ userAgent }) => userAgent === 'no key'),
  )
  expect(record).toMatchObject({ outcome: 'accepted', status: 200, kid: null })
  const nowhere = await fetch(`${world.gatewayUrl}/scim/v2/nosuch/ServiceProviderConfig`)
  expect(nowhere.status).toBe(200)
})

test('HEAD answers what GET answers, without a body', async () => {
  for (const path of [
    '',
    '/Users',
    `/Users/${ids['ada']}`,
    `/Groups/${ids['all']}`,
    '/Schemas',
    '/ServiceProviderConfig',
  ]) {
    const [head, full] = [await scim('HEAD', path), await get(path)]
    expect([path, head.status, head.body]).toEqual([path, 200, undefined])
    for (const name of ['content-type', 'content-length', 'etag', 'content-location']) {
      expect([path, name, head.headers.get(name)]).toEqual([path, name, full.headers.get(name)])
    }
  }
  expect((await scim('HEAD', '/Users/nobody')).status).toBe(404)
  expect((await scim('HEAD', '/.search')).status).toBe(405)
})

test('If-None-Match names versions in a list, or any', async () => {
  const path = `/Users/${ids['cyd']}`
  const version = (await get(path)).headers.get('etag') ?? ''
  for (const known of [version, `"x", ${version}`, '*', version.replace('W/', '')]) {
    const answer = await get(path, { 'if-none-match': known })
    expect([known, answer.status, answer.body, answer.headers.get('etag')]).toEqual([known, 304, undefined, version])
    expect(answer.headers.get('content-location')).toBe(`${connection.scimBaseUrl}${path}`)
  }
  expect((await get(path, { 'if-none-match': '"x", W/"y"' })).status).toBe(200)
})

test('the answer is of the type that is asked for', async () => {
  const typeOf = async (accept: string): Promise<string | null> =>
    (await get('/Users', { accept })).headers.get('content-type')
  expect(await typeOf('application/json;q=0.9, */*;q=0.1')).toBe('application/json; charset=utf-8')
  expect(await typeOf('text/html')).toBe('application/scim+json; charset=utf-8')
})

describe('a group of 5,000', () => {
  const size = 5_000
  let path = ''
  const membersOf = (body: Told): string[] => body.members.map(({ value }: Told) => value)

  beforeAll(async () => {
    path = `/Groups/${(await create('/Groups', group('Large'))).id}`
    await world.query(
      `INSERT INTO gateway.membership (connection, group_id, member_id, kind)
       SELECT $1, $2::uuid, 'parked-' || n, NULL FROM generate_series(1, ${size - 1}) AS n UNION ALL SELECT $1, $2::uuid, $3, 'User'`,
      [connection.id, path.split('/')[2], ids['ada']],
    )
  })

  test('is answered whole, member by member once', async () => {
    const { status, headers, body } = await get(path)
    expect([status, headers.get('content-length'), headers.get('etag')]).toEqual([200, null, body.meta.version])
    expect(new Set(membersOf(body)).size).toBe(size)
    expect(body.members).toContainEqual({
      value: ids['ada'],
      type: 'User',
      $ref: `${connection.scimBaseUrl}/Users/${ids['ada']}`,
    })
    const [record] = await eventually(
      () => world.audit({ connection: connection.id, operation: 'groups.read' }),
      (found) => found.some(({ path: asked }) => asked.endsWith(path)),
    )
    expect(record).toMatchObject({ outcome: 'accepted', status: 200, code: null })
  })

  test('shows of its members what was asked for', async () => {
    const { body } = await get(`${path}?attributes=members.value`)
    expect(Object.keys(body)).toEqual(['schemas', 'id', 'members'])
    expect(body.members).toHaveLength(size)
    expect(Object.keys(body.members[0])).toEqual(['value'])
    expect((await get(`${path}?excludedAttributes=members`)).body).not.toHaveProperty('members')
    expect((await scim('HEAD', path)).status).toBe(200)
    const written = await scim(
      'PATCH',
      `${path}?attributes=members`,
      patch({ op: 'replace', path: 'externalId', value: 'x' }),
    )
    expect(written.body.members).toHaveLength(size)
  })

  test('whoever goes away in the middle leaves the others their connections', async () => {
    const { hostname, port, pathname } = new URL(connection.scimBaseUrl)
    const headers = { authorization: `Bearer ${connection.key}`, 'user-agent': 'gone' }
    await allOf(
      Array.from({ length: 40 }),
      async () => {
        const outgoing = httpRequest({ agent: false, hostname, port, path: `${pathname}${path}`, headers })
        const [incoming] = await once(outgoing.end(), 'response')
        incoming.on('error', () => undefined)
        outgoing.on('error', () => undefined)
        incoming.destroy()
      },
      4,
    )
    expect((await get(path)).body.members).toHaveLength(size)
    const idle = await eventually(
      () =>
        world.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
        ),
      (rows) => rows.length === 0,
    )
    expect(idle).toEqual([])
    await eventually(
      () => world.audit({ connection: connection.id, operation: 'groups.read' }),
      (found) => found.filter(({ userAgent }) => userAgent === 'gone').length === 40,
    )
  })
})
