import { enterpriseSchema, group, groupSchema, type Told, user, userSchema } from '../world.ts'
import { connection, create, scim, shareOneConnection } from './one-connection.ts'

/** RFC 7643 sections 5 to 7 and RFC 7644 section 4: what a client can find out before it sends anybody. */
shareOneConnection()

const core = (name: string): string => `urn:ietf:params:scim:schemas:core:2.0:${name}`
const read = async (path: string): Promise<Told> => {
  const { status, body } = await scim('GET', path)
  expect({ path, status }).toEqual({ path, status: 200 })
  return body
}

describe('/ServiceProviderConfig', () => {
  test('says what is supported, with every attribute that is required of it', async () => {
    const config = await read('/ServiceProviderConfig')
    expect(config).toMatchObject({
      schemas: [core('ServiceProviderConfig')],
      patch: { supported: true },
      bulk: { supported: expect.any(Boolean), maxOperations: expect.any(Number), maxPayloadSize: expect.any(Number) },
      filter: { supported: true, maxResults: expect.any(Number) },
      changePassword: { supported: expect.any(Boolean) },
      sort: { supported: expect.any(Boolean) },
      etag: { supported: true },
      meta: { resourceType: 'ServiceProviderConfig', location: `${connection.scimBaseUrl}/ServiceProviderConfig` },
    })
    expect(config.authenticationSchemes.length).toBeGreaterThan(0)
    for (const scheme of config.authenticationSchemes) {
      expect(['oauth', 'oauth2', 'oauthbearertoken', 'httpbasic', 'httpdigest']).toContain(scheme.type)
      expect(scheme).toMatchObject({ name: expect.stringMatching(/\S/), description: expect.stringMatching(/\S/) })
    }
  })

  test('tells the largest page there is', async () => {
    const { maxResults } = (await read('/ServiceProviderConfig')).filter
    expect(maxResults).toBeGreaterThan(0)
    expect((await read(`/Users?count=${maxResults + 1}`)).itemsPerPage).toBeLessThanOrEqual(maxResults)
  })
})

describe('/ResourceTypes', () => {
  test('lists each type with its name, endpoint and schemas, which /Schemas has under the same URIs', async () => {
    const { schemas, totalResults, Resources } = await read('/ResourceTypes')
    expect(schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:ListResponse'])
    expect(totalResults).toBe(Resources.length)
    expect(Resources.map(({ name }: Told) => name)).toEqual(['User', 'Group'])
    for (const type of Resources) {
      expect(type).toMatchObject({
        schemas: [core('ResourceType')],
        id: type.name,
        description: expect.stringMatching(/\S/),
        endpoint: `/${type.name}s`,
        meta: { resourceType: 'ResourceType', location: `${connection.scimBaseUrl}/ResourceTypes/${type.name}` },
      })
      expect(await read(`/ResourceTypes/${type.name}`)).toEqual(type)
      expect((await read(type.endpoint)).schemas).toBeDefined()
      for (const { schema, required } of type.schemaExtensions ?? []) {
        expect(typeof required).toBe('boolean')
        expect((await read(`/Schemas/${schema}`)).id).toBe(schema)
      }
      expect((await read(`/Schemas/${type.schema}`)).id).toBe(type.schema)
    }
    expect(await scim('GET', '/ResourceTypes/Robot')).toMatchObject({ status: 404, body: { status: '404' } })
  })

  test('name in meta.resourceType what a resource is', async () => {
    expect((await create('/Users', user('typed'))).meta.resourceType).toBe('User')
    expect((await create('/Groups', group('typed'))).meta.resourceType).toBe('Group')
  })
})

describe('/Schemas', () => {
  const types = ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex']

  test('lists every schema in use, each with its URI and name, and each to be had alone', async () => {
    const { schemas, totalResults, Resources } = await read('/Schemas')
    expect(schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:ListResponse'])
    expect(totalResults).toBe(Resources.length)
    expect(Resources.map(({ id }: Told) => id)).toEqual(
      expect.arrayContaining([userSchema, groupSchema, enterpriseSchema]),
    )
    for (const schema of Resources) {
      expect(schema).toMatchObject({
        schemas: [core('Schema')],
        id: expect.stringMatching(/^urn:/),
        name: expect.stringMatching(/\S/),
        description: expect.stringMatching(/\S/),
        meta: { resourceType: 'Schema', location: `${connection.scimBaseUrl}/Schemas/${schema.id}` },
      })
      expect(await read(`/Schemas/${schema.id}`)).toEqual(schema)
    }
  })

  test('give every attribute its characteristics, in the words of the RFC', async () => {
    for (const attribute of await attributes()) {
      expect(attribute).toMatchObject({
        name: expect.stringMatching(/^(\$ref|[A-Za-z][-$_0-9A-Za-z]*)$/),
        description: expect.stringMatching(/\S/),
        multiValued: expect.any(Boolean),
        required: expect.any(Boolean),
      })
      expect(types).toContain(attribute.type)
      expect(['readOnly', 'readWrite', 'immutable', 'writeOnly']).toContain(attribute.mutability)
      expect(['always', 'never', 'default', 'request']).toContain(attribute.returned)
      if (attribute.type === 'complex') expect(attribute.subAttributes.length).toBeGreaterThan(0)
      else {
        expect(typeof attribute.caseExact).toBe('boolean')
        expect(['none', 'server', 'global']).toContain(attribute.uniqueness)
        expect(attribute).not.toHaveProperty('subAttributes')
      }
      if (attribute.type === 'reference') expect(attribute.referenceTypes.length).toBeGreaterThan(0)
    }
  })

  test('hold no complex attribute within another, and sub-attributes of many values with the meanings of the RFC', async () => {
    for (const { type, subAttributes, multiValued } of await attributes()) {
      for (const sub of subAttributes ?? []) {
        expect(type).toBe('complex')
        expect(sub.type).not.toBe('complex')
        if (!multiValued) continue
        const meant = { type: 'string', primary: 'boolean', display: 'string', $ref: 'reference' }[String(sub.name)]
        if (meant !== undefined) expect(sub.type).toBe(meant)
      }
    }
  })

  test('say what the RFC says of userName, password, groups and members', async () => {
    const known = async (urn: string): Promise<Record<string, Told>> =>
      Object.fromEntries((await read(`/Schemas/${urn}`)).attributes.map((one: Told) => [one.name, one]))
    const { userName, password, groups } = await known(userSchema)
    expect(userName).toMatchObject({ required: true, caseExact: false, uniqueness: 'server' })
    expect(password).toMatchObject({ mutability: 'writeOnly', returned: 'never' })
    expect(groups).toMatchObject({ mutability: 'readOnly', multiValued: true })
    const { displayName, members } = await known(groupSchema)
    expect(displayName).toMatchObject({ required: true })
    expect(members.subAttributes.find(({ name }: Told) => name === 'value').mutability).toBe('immutable')
  })

  test('need not list what every resource has: id, externalId and meta', async () => {
    for (const made of [
      await create('/Users', user('common', { externalId: 'c' })),
      await create('/Groups', { ...group('common'), externalId: 'c' }),
    ]) {
      expect(made).toMatchObject({
        id: expect.any(String),
        externalId: 'c',
        meta: { resourceType: expect.any(String) },
      })
    }
  })

  async function attributes(): Promise<Told[]> {
    const { Resources } = await read('/Schemas')
    const top = Resources.flatMap((schema: Told) => schema.attributes)
    return [...top, ...top.flatMap((one: Told) => one.subAttributes ?? [])]
  }
})

test('what is discovered ignores sorting and paging, refuses a filter, and is not written', async () => {
  for (const path of ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas']) {
    const whole = await read(path)
    for (const query of ['startIndex=2&count=1', 'count=0', 'sortBy=id&sortOrder=descending']) {
      expect(await read(`${path}?${query}`)).toEqual(whole)
    }
    expect(await scim('GET', `${path}?filter=id pr`)).toMatchObject({ status: 403, body: { status: '403' } })
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await scim(method, path, method === 'DELETE' ? undefined : {})
      expect(answer).toMatchObject({ status: 405, body: { status: '405' } })
      expect(answer.headers.get('allow')).toMatch(/\bGET\b/)
    }
  }
})
