import { group, patch, type Told, user, userSchema } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

/** RFC 7644 sections 1.3, 2, 3.1, 3.8 and 3.11 to 3.14: HTTP, versions, errors. */
shareOneConnection()

const message = (name: string): string => `urn:ietf:params:scim:api:messages:2.0:${name}`

interface Spoken {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  readonly text: string
}

/** A request with these headers alone, besides the key; the answer as the bytes that came. */
async function speak(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Spoken> {
  const answer = await fetch(`${connection.scimBaseUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${connection.key}`, ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const bytes = new Uint8Array(await answer.arrayBuffer())
  return {
    status: answer.status,
    headers: answer.headers,
    bytes,
    text: new TextDecoder('utf-8', { fatal: true }).decode(bytes),
  }
}

describe('the base URL', () => {
  test('is a plain address without a query, and takes a query or a slash that somebody appends', async () => {
    const url = new URL(connection.scimBaseUrl)
    expect({ search: url.search, hash: url.hash, user: url.username }).toEqual({ search: '', hash: '', user: '' })
    expect(connection.scimBaseUrl).not.toMatch(/\/$/)
    expect((await scim('GET', '/Users?aadOptscim062020&unheard=of')).status).toBe(200)
    const slashed = world.scim({ ...connection, scimBaseUrl: `${connection.scimBaseUrl}/` })
    expect((await slashed('GET', '/Users')).status).toBe(200)
  })

  test('names version 2, and another version is refused', async () => {
    expect(connection.scimBaseUrl).toMatch(/\/v2\//)
    for (const version of ['v1', 'v3', 'v2.1']) {
      const elsewhere = world.scim({
        ...connection,
        scimBaseUrl: connection.scimBaseUrl.replace('/v2/', `/${version}/`),
      })
      const { status, body } = await elsewhere('GET', '/Users')
      expect([403, 404]).toContain(status)
      expect(body).toMatchObject({ schemas: [message('Error')], status: String(status) })
    }
  })
})

describe('who may ask', () => {
  test('whoever presents no key, or a wrong one, is told the scheme, and nothing else', async () => {
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer wrong']) {
      for (const path of ['/Users', '/Schemas', '/unheard-of']) {
        const answer = await fetch(`${connection.scimBaseUrl}${path}`, {
          headers: authorization === undefined ? {} : { authorization },
        })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer\b/)
        expect(await answer.json()).toMatchObject({ schemas: [message('Error')], status: '401' })
      }
    }
  })

  test('how to authenticate is told without a key, and alike of a connection that is not there', async () => {
    const tellOf = async (base: string, headers = {}): Promise<Told> => {
      const answer = await fetch(`${base}/ServiceProviderConfig`, { headers })
      return { status: answer.status, text: (await answer.text()).replaceAll(base, 'BASE') }
    }
    const told = await tellOf(connection.scimBaseUrl)
    expect(told.status).toBe(200)
    expect(JSON.parse(told.text).authenticationSchemes).toMatchObject([
      { type: 'oauthbearertoken' },
      { type: 'oauth2' },
    ])
    expect(await tellOf(`${world.gatewayUrl}/scim/v2/nosuchconnection`)).toEqual(told)
    expect(await tellOf(connection.scimBaseUrl, { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 })
  })

  test('a key reaches the resources of its connection, and no others', async () => {
    const { id } = await create('/Users', user('ours'))
    const other = await world.connection('other', { tenant: connection.tenant })
    const theirs = world.scim(other)
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', user('ours')],
      ['PATCH', patch({ op: 'add', path: 'title', value: 'x' })],
      ['DELETE', undefined],
    ] as const) {
      expect(await theirs(method, `/Users/${id}`, body)).toMatchObject({ status: 404 })
    }
    expect((await theirs('GET', '/Users')).body.totalResults).toBe(0)
    const atOurs = world.scim({ scimBaseUrl: connection.scimBaseUrl, key: other.key })
    expect(await atOurs('GET', `/Users/${id}`)).toMatchObject({ status: 403, body: { status: '403' } })
    expect((await scim('GET', `/Users/${id}`)).status).toBe(200)
  })
})

describe('JSON', () => {
  test('is taken and answered as UTF-8', async () => {
    const nickName = 'Zoë 李 \u{1F511} \u202Eright to left'
    const body = new TextEncoder().encode(JSON.stringify(user('utf8', { nickName })))
    const { status, headers, bytes } = await speak('POST', '/Users', body, { 'content-type': 'application/scim+json' })
    expect(status).toBe(201)
    expect(headers.get('content-type')).toMatch(/^application\/scim\+json(; ?charset=utf-8)?$/i)
    expect(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).nickName).toBe(nickName)
    const latin1 = Uint8Array.from(Buffer.from(JSON.stringify(user('latin1', { nickName: 'Zoë' })), 'latin1'))
    expect((await speak('POST', '/Users', latin1, { 'content-type': 'application/scim+json' })).status).toBe(400)
  })

  test.each([
    ['nothing', {}, 'application/scim+json'],
    ['application/scim+json', { accept: 'application/scim+json' }, 'application/scim+json'],
    ['application/json', { accept: 'application/json' }, 'application/json'],
    ['anything', { accept: '*/*' }, 'application/scim+json'],
    ['several', { accept: 'application/scim+json, application/json;q=0.9' }, 'application/scim+json'],
  ])('is answered as the media type that Accept asks for: %s', async (_what, headers, type) => {
    for (const path of ['/Users', '/ServiceProviderConfig', '/Users/none', '/unheard-of']) {
      expect((await speak('GET', path, undefined, headers)).headers.get('content-type')).toMatch(
        new RegExp(`^${type.replace('+', '\\+')}(;|$)`),
      )
    }
  })

  test.each([
    'application/scim+json',
    'application/json',
    'application/scim+json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset=us-ascii',
    'application/scim+json; charset="iso-8859-1"',
  ])('is taken as %s', async (type) => {
    const body = JSON.stringify(user(`sent as ${type}`))
    expect((await speak('POST', '/Users', body, { 'content-type': type })).status).toBe(201)
  })

  test('keeps the case and the characters of a value', async () => {
    const title = 'MiXed "quoted" \\ / \t \u00e9 e\u0301 \u{1F600} <&>'
    const { id } = await create('/Users', user('Kept.Case@Example.COM', { title, externalId: 'AbC-ß' }))
    expect((await scim('GET', `/Users/${id}`)).body).toMatchObject({
      userName: 'Kept.Case@Example.COM',
      title,
      externalId: 'AbC-ß',
    })
  })
})

describe('errors', () => {
  interface Asked {
    readonly what: string
    readonly method?: string
    readonly path: string
    readonly body?: unknown
    readonly status: number
    readonly scimType?: string
  }
  const asked: readonly Asked[] = [
    {
      what: 'broken JSON',
      method: 'POST',
      path: '/Users',
      body: '{"schemas":',
      status: 400,
      scimType: 'invalidSyntax',
    },
    {
      what: 'a body that is no object',
      method: 'POST',
      path: '/Users',
      body: [],
      status: 400,
      scimType: 'invalidSyntax',
    },
    {
      what: 'a value of the wrong type',
      method: 'POST',
      path: '/Users',
      body: user('wrong', { name: 'text' }),
      status: 400,
      scimType: 'invalidValue',
    },
    {
      what: 'a missing required value',
      method: 'POST',
      path: '/Groups',
      body: {},
      status: 400,
      scimType: 'invalidValue',
    },
    { what: 'a broken filter', path: '/Users?filter=userName eq', status: 400, scimType: 'invalidFilter' },
    { what: 'an unknown operator', path: '/Users?filter=userName regex "x"', status: 400, scimType: 'invalidFilter' },
    { what: 'an unknown resource', path: '/Users/none', status: 404 },
    { what: 'an unknown address', path: '/unheard-of', status: 404 },
    { what: 'a write to an unknown address', method: 'POST', path: '/unheard-of', body: {}, status: 404 },
    { what: 'a method that is not taken', method: 'PUT', path: '/Groups', body: group('x'), status: 405 },
    { what: 'a method that a resource does not take', method: 'POST', path: '/Users/none', body: {}, status: 405 },
    { what: 'who is authenticated', path: '/Me', status: 501 },
    { what: 'a write of who is authenticated', method: 'PATCH', path: '/Me', body: {}, status: 501 },
  ]
  test.each(asked.map((one) => [one.what, one] as const))(
    '%s is told as JSON in the body, with its status as a string',
    async (_what, { method = 'GET', path, body, status, scimType }) => {
      const answer = await scim(method, path, body)
      expect(answer).toMatchObject({
        status,
        body: { schemas: [message('Error')], status: String(status), detail: expect.stringMatching(/\S{3}/) },
      })
      expect(answer.body.scimType).toBe(scimType)
      expect(answer.headers.get('content-type')).toMatch(/^application\/scim\+json/)
      if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET/)
    },
  )
})

describe('messages', () => {
  test('name schemas of the messages’ own prefix, which /Schemas does not show', async () => {
    const told = [
      (await scim('GET', '/Users')).body,
      (await scim('GET', '/Schemas')).body,
      (await scim('GET', '/Users/none')).body,
    ]
    for (const { schemas } of told) expect(schemas).toEqual([expect.stringMatching(/^urn:ietf:params:scim:api:/)])
    const { Resources } = (await scim('GET', '/Schemas')).body
    for (const { id } of Resources) expect(id).not.toMatch(/^urn:ietf:params:scim:api:/)
    for (const name of ['ListResponse', 'Error', 'PatchOp', 'SearchRequest', 'BulkRequest']) {
      expect((await scim('GET', `/Schemas/${message(name)}`)).status).toBe(404)
    }
  })

  test('that are sent must name what they are', async () => {
    const { id } = await create('/Users', user('named message'))
    const operations = [{ op: 'add', path: 'title', value: 'x' }]
    for (const schemas of [undefined, [], [userSchema], [message('SearchRequest')]]) {
      expect(await scim('PATCH', `/Users/${id}`, { schemas, Operations: operations })).toMatchObject({ status: 400 })
    }
  })
})

describe('versions', () => {
  const change = (title: string): object => patch({ op: 'replace', path: 'title', value: title })
  const versionOf = ({ headers }: { headers: Headers }): string => String(headers.get('etag'))

  test('are weak entity-tags in ETag and in meta, which change when the resource does', async () => {
    const created = await scim('POST', '/Users', user('versioned'))
    const path = `/Users/${created.body.id}`
    const changed = await scim('PATCH', path, change('first'))
    const same = await scim('PATCH', path, change('first'))
    for (const answer of [created, changed, same, await scim('GET', path)]) {
      expect(versionOf(answer)).toMatch(/^W\/"[^"]+"$/)
      expect(answer.body.meta.version).toBe(versionOf(answer))
    }
    expect(versionOf(changed)).not.toBe(versionOf(created))
    expect(versionOf(same)).toBe(versionOf(changed))
    for (const one of (await scim('GET', '/Users?filter=userName eq "versioned"')).body.Resources) {
      expect(one.meta.version).toBe(versionOf(changed))
    }
  })

  test('let a read answer 304 without a body when nothing has changed', async () => {
    const created = await scim('POST', '/Users', user('unread'))
    const path = `/Users/${created.body.id}`
    for (const known of [versionOf(created), `"x", ${versionOf(created)}`, '*', versionOf(created).replace('W/', '')]) {
      const answer = await scim('GET', `${path}?attributes=displayName`, undefined, { 'if-none-match': known })
      expect(answer).toMatchObject({ status: 304, body: undefined })
      expect(versionOf(answer)).toBe(versionOf(created))
    }
    await scim('PATCH', path, change('new'))
    const answer = await scim('GET', path, undefined, { 'if-none-match': versionOf(created) })
    expect(answer).toMatchObject({ status: 200, body: { title: 'new' } })
  })

  test('let a write be refused as 412 when the resource has changed, and change nothing', async () => {
    const created = await scim('POST', '/Users', user('guarded'))
    const path = `/Users/${created.body.id}`
    const changed = await scim('PATCH', path, change('first'), { 'if-match': versionOf(created) })
    expect(changed.status).toBe(200)
    const stale = { 'if-match': versionOf(created) }
    for (const answer of [
      await scim('PATCH', path, change('second'), stale),
      await scim('PUT', path, user('guarded'), stale),
      await scim('DELETE', path, undefined, stale),
      await scim('GET', path, undefined, stale),
    ]) {
      expect(answer).toMatchObject({ status: 412, body: { schemas: [message('Error')], status: '412' } })
    }
    expect((await scim('GET', path)).body).toEqual(changed.body)
    expect((await scim('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(204)
  })
})

test('HEAD answers what GET does, without a body', async () => {
  const { id } = await create('/Users', user('headed'))
  for (const path of [`/Users/${id}`, '/Users', '/ServiceProviderConfig', '/Users/none']) {
    const get = await speak('GET', path)
    const head = await speak('HEAD', path)
    expect({ path, status: head.status, text: head.text }).toEqual({ path, status: get.status, text: '' })
    for (const name of ['content-type', 'etag', 'content-location'])
      expect(head.headers.get(name)).toBe(get.headers.get(name))
  }
})

test('an attribute is named in any letter case, with or without the URN of its schema', async () => {
  const { id } = await create('/Users', { SCHEMAS: [userSchema], USERNAME: 'notation', NAME: { GIVENNAME: 'A' } })
  const read = async (query: string): Promise<Told> => (await scim('GET', `/Users/${id}?${query}`)).body
  for (const name of ['userName', 'USERNAME', `${userSchema}:userName`, `${userSchema.toUpperCase()}:USERNAME`]) {
    expect(await read(`attributes=${name}`)).toEqual({ schemas: [userSchema], id, userName: 'notation' })
    expect(await read(`excludedAttributes=${name}`)).not.toHaveProperty('userName')
  }
  expect(await read(`attributes=${userSchema}:name.givenName`)).toEqual({
    schemas: [userSchema],
    id,
    name: { givenName: 'A' },
  })
  const { body } = await scim(
    'PATCH',
    `/Users/${id}`,
    patch({ op: 'REPLACE', path: `${userSchema.toLowerCase()}:NAME.givenname`, value: 'B' }),
  )
  expect(body.name).toEqual({ givenName: 'B' })
})
