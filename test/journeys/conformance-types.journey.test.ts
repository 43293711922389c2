import {
  type Answer,
  type Connection,
  eventually,
  patch,
  type Scim,
  enterWorld,
  type Told,
  user,
  userSchema,
  type World,
} from '../world.ts'

/** RFC 7643 sections 2.2, 2.3, 3.3, 6 and 7: every data type and every characteristic, in a schema of the operator's own. */
const urn = 'urn:example:params:scim:schemas:extension:conformance:1.0:User'

const attributes = [
  { name: 'level', type: 'integer' },
  { name: 'ratio', type: 'decimal' },
  { name: 'remote', type: 'boolean' },
  { name: 'since', type: 'dateTime' },
  { name: 'key', type: 'binary' },
  { name: 'page', type: 'reference', referenceTypes: ['external'] },
  {
    name: 'place',
    type: 'complex',
    subAttributes: [
      { name: 'street', type: 'string' },
      { name: 'floor', type: 'integer' },
      { name: 'desks', type: 'string', multiValued: true },
    ],
  },
  {
    name: 'badges',
    type: 'complex',
    multiValued: true,
    subAttributes: [
      { name: 'value', type: 'string' },
      { name: 'type', type: 'string' },
      { name: 'primary', type: 'boolean' },
      { name: 'number', type: 'integer' },
    ],
  },
  { name: 'labels', type: 'string', multiValued: true },
  { name: 'exact', type: 'string', caseExact: true },
  { name: 'loose', type: 'string' },
  { name: 'birth', type: 'string', mutability: 'immutable' },
  { name: 'pin', type: 'string', mutability: 'writeOnly', returned: 'never' },
  { name: 'seal', type: 'string', mutability: 'readOnly' },
  { name: 'shown', type: 'string', returned: 'always' },
  { name: 'hidden', type: 'string', returned: 'never' },
  { name: 'asked', type: 'string', returned: 'request' },
]

let world: World
let connection: Connection
let scim: Scim
let made = 0

beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('other')
  scim = world.scim(connection)
  await addSchema(connection, { id: urn, name: 'Conformance', description: 'Every type', attributes })
  await known(scim, urn)
})
afterAll(() => world.stop())

async function addSchema({ id }: Connection, schema: object, required = false): Promise<Answer> {
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Schema']
  return world.admin('POST', `/connections/${id}/schemas?required=${required}`, { schemas, ...schema })
}

const known = (ask: Scim, schema: string): Promise<Answer> =>
  eventually(
    () => ask('GET', `/Schemas/${schema}`),
    ({ status }) => status === 200,
  )

const person = (own: object): object => ({ ...user(`types.${++made}`, { [urn]: own }), schemas: [userSchema, urn] })
const post = (own: object): Promise<Answer> => scim('POST', '/Users', person(own))
const read = async ({ id }: { id: string }, query = ''): Promise<Told> =>
  (await scim('GET', `/Users/${id}${query}`)).body
const found = async (filter: string): Promise<number> =>
  (await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)).body.totalResults

async function create(own: object): Promise<Told> {
  const answer = await post(own)
  expect(answer).toMatchObject({ status: 201 })
  return answer.body
}

describe('data types', () => {
  test.each([
    ['integer', { level: 42 }],
    ['integer of 0', { level: 0 }],
    ['negative integer', { level: -7 }],
    ['decimal', { ratio: 1.5 }],
    ['boolean', { remote: true }],
    ['boolean of false', { remote: false }],
    ['dateTime', { since: '2008-01-23T04:56:22Z' }],
    ['dateTime with an offset and a fraction', { since: '2011-05-13T04:42:34.123+02:00' }],
    ['binary', { key: 'AAECAwQF+/8=' }],
    ['reference', { page: 'https://example.com/a?b=c#d' }],
    ['relative reference', { page: 'Users/2819c223-7f76-453a-919d-413861904646' }],
    ['reference that is a URN', { page: 'urn:example:a:b' }],
    ['complex', { place: { street: 'Main', floor: 3, desks: ['a', 'b'] } }],
    ['multi-valued string', { labels: ['one', 'two', 'Three'] }],
    ['multi-valued complex', { badges: [{ value: 'a', type: 'x', primary: true, number: 1 }, { value: 'b' }] }],
  ])('%s: what is sent is what is read', async (_what, own) => {
    const body = await create(own)
    expect(body[urn]).toEqual(own)
    expect([...body.schemas].sort()).toEqual([userSchema, urn].sort())
    expect((await read(body))[urn]).toEqual(own)
    const again = await scim('PUT', `/Users/${body.id}`, body)
    expect(again).toMatchObject({ status: 200, body: { [urn]: own, meta: body.meta } })
  })

  test('an integer of 64 bits keeps every digit, without fraction or exponent', async () => {
    for (const digits of ['9223372036854775807', '-9223372036854775808', '9007199254740993']) {
      const { id } = await create({ level: 1 })
      const headers = { authorization: `Bearer ${connection.key}`, 'content-type': 'application/scim+json' }
      const address = `${connection.scimBaseUrl}/Users/${id}`
      const operations = `[{"op":"replace","path":"${urn}:level","value":${digits}}]`
      const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":${operations}}`
      for (const answer of [
        await fetch(address, { method: 'PATCH', headers, body }),
        await fetch(address, { headers }),
      ]) {
        expect(await answer.text()).toMatch(new RegExp(`"level":\\s*${digits}[,}]`))
      }
    }
  })

  test('a date without a time, or in another form, is returned as the dateTime that it means', async () => {
    for (const [since, means] of [
      ['2008-01-23', '2008-01-23T00:00:00Z'],
      ['2008-01-23 04:56', undefined],
      ['2008-01-23T04:56Z', '2008-01-23T04:56:00Z'],
      ['2008-01-23t04:56:22z', '2008-01-23T04:56:22Z'],
    ]) {
      const answer = await post({ since })
      if (means === undefined) expect(answer).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
      else expect(answer).toMatchObject({ status: 201, body: { [urn]: { since: means } } })
    }
  })

  test.each([
    ['a fraction as integer', { level: 7.5 }],
    ['text as integer', { level: 'seven' }],
    ['a list as integer', { level: [7, 8] }],
    ['text as decimal', { ratio: 'much' }],
    ['a number as boolean', { remote: 1 }],
    ['a time without a date', { since: '04:56:22Z' }],
    ['a day that is none', { since: '2008-13-40T04:56:22Z' }],
    ['text as dateTime', { since: 'yesterday' }],
    ['a number as dateTime', { since: 1201064182 }],
    ['text as binary', { key: 'not base64!' }],
    ['text as complex', { place: 'Main' }],
    ['an object as string', { loose: { value: 'x' } }],
    [
      'two primary values',
      {
        badges: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      },
    ],
  ])('%s is refused', async (_what, own) => {
    expect(await post(own)).toMatchObject({ status: 400, body: { scimType: 'invalidValue', status: '400' } })
    const { id } = await create({ loose: 'x' })
    const [[name, value] = []] = Object.entries(own)
    for (const body of [
      patch({ op: 'replace', path: `${urn}:${name}`, value }),
      patch({ op: 'add', value: { [urn]: own } }),
    ]) {
      expect(await scim('PATCH', `/Users/${id}`, body)).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      })
    }
    expect((await read({ id }))[urn]).toEqual({ loose: 'x' })
  })

  test('order booleans and binary values nowhere, numbers by size and times by instant', async () => {
    const { id } = await create({
      level: 10,
      ratio: 2.5,
      since: '2020-01-01T00:00:00+01:00',
      key: 'AAEC',
      remote: true,
    })
    const mine = (filter: string): Promise<number> => found(`id eq "${id}" and ${filter}`)
    expect(await mine(`${urn}:level gt 9`)).toBe(1)
    expect(await mine(`${urn}:level lt 9`)).toBe(0)
    expect(await mine(`${urn}:ratio ge 2.5`)).toBe(1)
    expect(await mine(`${urn}:since eq "2019-12-31T23:00:00Z"`)).toBe(1)
    expect(await mine(`${urn}:since lt "2019-12-31T23:30:00Z"`)).toBe(1)
    expect(await mine(`${urn}:remote eq true`)).toBe(1)
    for (const filter of [`${urn}:remote gt true`, `${urn}:key le "AAEC"`]) {
      expect(await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)).toMatchObject({
        status: 400,
        body: { scimType: 'invalidFilter' },
      })
    }
  })
})

describe('mutability', () => {
  const refused = { status: 400, body: { scimType: 'mutability' } }

  test('immutable is taken when there is no value yet, and refused when there is another', async () => {
    const body = await create({ birth: 'there' })
    const path = `/Users/${body.id}`
    const put = (birth: string): Promise<Answer> => scim('PUT', path, { ...body, [urn]: { birth, loose: birth } })
    expect(await put('there')).toMatchObject({ status: 200, body: { [urn]: { birth: 'there', loose: 'there' } } })
    expect(await put('elsewhere')).toMatchObject(refused)
    for (const operation of [
      { op: 'replace', path: `${urn}:birth`, value: 'elsewhere' },
      { op: 'add', path: `${urn}:birth`, value: 'elsewhere' },
      { op: 'add', value: { [urn]: { birth: 'elsewhere' } } },
      { op: 'remove', path: `${urn}:birth` },
    ]) {
      expect({ operation, ...(await scim('PATCH', path, patch(operation))) }).toMatchObject({ operation, ...refused })
    }
    expect((await read(body))[urn]).toEqual({ birth: 'there', loose: 'there' })
    const later = await create({ loose: 'x' })
    const added = patch({ op: 'add', path: `${urn}:birth`, value: 'now' })
    expect(await scim('PATCH', `/Users/${later.id}`, added)).toMatchObject({
      status: 200,
      body: { [urn]: { birth: 'now' } },
    })
  })

  test('writeOnly is taken and never returned', async () => {
    const body = await create({ pin: '0000', loose: 'x' })
    const path = `/Users/${body.id}`
    const answers = [
      body,
      await read(body),
      await read(body, `?attributes=${urn}:pin`),
      (await scim('PUT', path, { ...body, [urn]: { pin: '1111', loose: 'x' } })).body,
      (await scim('PATCH', path, patch({ op: 'replace', path: `${urn}:pin`, value: '2222' }))).body,
    ]
    for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(/"pin"|0000|1111|2222/)
  })

  test('readOnly is passed over when a resource is sent, and refused when it is named', async () => {
    const body = await create({ seal: 'mine', loose: 'x' })
    expect(body[urn]).toEqual({ loose: 'x' })
    const put = await scim('PUT', `/Users/${body.id}`, { ...body, [urn]: { seal: 'mine', loose: 'y' } })
    expect(put).toMatchObject({ status: 200 })
    expect(put.body[urn]).toEqual({ loose: 'y' })
    for (const op of ['add', 'replace', 'remove'] as const) {
      const value = op === 'remove' ? {} : { value: 'mine' }
      expect(await scim('PATCH', `/Users/${body.id}`, patch({ op, path: `${urn}:seal`, ...value }))).toMatchObject(
        refused,
      )
    }
  })
})

describe('returned', () => {
  test('always is shown whatever is asked for, and never is not', async () => {
    const body = await create({ shown: 'S', hidden: 'H', loose: 'L' })
    expect(body[urn]).toEqual({ shown: 'S', loose: 'L' })
    for (const query of ['?attributes=userName', `?excludedAttributes=${urn}:shown`, `?excludedAttributes=${urn}`]) {
      expect((await read(body, query))[urn]).toMatchObject({ shown: 'S' })
    }
    expect((await read(body, '?attributes=userName'))[urn]).toEqual({ shown: 'S' })
    for (const query of ['', `?attributes=${urn}:hidden`, `?attributes=${urn}`]) {
      expect(JSON.stringify(await read(body, query))).not.toMatch(/hidden/)
    }
  })

  test('request is shown where it is asked for, and in the answer to a write that sent it', async () => {
    const body = await create({ asked: 'A', loose: 'L' })
    expect(body[urn]).toEqual({ asked: 'A', loose: 'L' })
    expect((await read(body))[urn]).toEqual({ loose: 'L' })
    expect((await read(body, `?attributes=${urn}:asked`))[urn]).toMatchObject({ asked: 'A' })
    const changed = await scim('PATCH', `/Users/${body.id}`, patch({ op: 'replace', path: `${urn}:loose`, value: 'M' }))
    expect(changed.body[urn]).toEqual({ loose: 'M' })
  })
})

test('caseExact: compared in its case, and kept in it; others are compared in any case', async () => {
  const { id } = await create({ exact: 'MiXed', loose: 'MiXed' })
  const mine = (filter: string): Promise<number> => found(`id eq "${id}" and ${filter}`)
  expect(await mine(`${urn}:exact eq "MiXed"`)).toBe(1)
  expect(await mine(`${urn}:exact eq "mixed"`)).toBe(0)
  expect(await mine(`${urn}:exact co "IX"`)).toBe(0)
  expect(await mine(`${urn}:loose eq "mIXED"`)).toBe(1)
  expect(await mine(`${urn}:loose sw "MIX"`)).toBe(1)
  expect((await read({ id }))[urn]).toEqual({ exact: 'MiXed', loose: 'MiXed' })
})

test('schemas names the extension exactly while a resource has values of it', async () => {
  const bare = (await scim('POST', '/Users', user('types.bare'))).body
  expect(bare.schemas).toEqual([userSchema])
  const added = await scim(
    'PATCH',
    `/Users/${bare.id}`,
    patch({ op: 'add', path: `${urn}:place.street`, value: 'Main' }),
  )
  expect(added.body).toMatchObject({ [urn]: { place: { street: 'Main' } } })
  expect([...added.body.schemas].sort()).toEqual([userSchema, urn].sort())
  const removed = await scim('PATCH', `/Users/${bare.id}`, patch({ op: 'remove', path: `${urn}:place` }))
  expect(removed.body.schemas).toEqual([userSchema])
  expect(removed.body).not.toHaveProperty([urn])
})

test('the schema is discovered as it was added, and belongs to its connection alone', async () => {
  const { body } = await known(scim, urn)
  expect(body.attributes.map(({ name, type }: Told) => [name, type])).toEqual(
    attributes.map(({ name, type }) => [name, type]),
  )
  const [userType] = (await scim('GET', '/ResourceTypes')).body.Resources
  expect(userType.schemaExtensions).toContainEqual({ schema: urn, required: false })
  const elsewhere = world.scim(await world.connection('other'))
  expect((await elsewhere('GET', `/Schemas/${urn}`)).status).toBe(404)
})

test('a required extension, and what is required in it, must be there', async () => {
  const other = await world.connection('other')
  const ask = world.scim(other)
  const required = `${urn.slice(0, -':User'.length)}:required`
  const schema = {
    id: required,
    name: 'Required',
    description: 'Required',
    attributes: [{ name: 'site', type: 'string', required: true }],
  }
  expect(await addSchema(other, schema, true)).toMatchObject({ status: 201 })
  await known(ask, required)
  const schemas = [userSchema, required]
  for (const own of [{}, { [required]: {} }, { [required]: { site: '' } }]) {
    expect(await ask('POST', '/Users', { ...user('required.none', own), schemas })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    })
  }
  const answer = await ask('POST', '/Users', { ...user('required.there', { [required]: { site: 'here' } }), schemas })
  expect(answer).toMatchObject({ status: 201, body: { [required]: { site: 'here' } } })
  expect(await ask('PUT', `/Users/${answer.body.id}`, user('required.there'))).toMatchObject({ status: 400 })
  for (const path of [`${required}:site`, required]) {
    expect(await ask('PATCH', `/Users/${answer.body.id}`, patch({ op: 'remove', path }))).toMatchObject({
      status: 400,
      body: { scimType: 'mutability' },
    })
  }
})

test.each([
  ['an attribute name that is none', [{ name: '1st', type: 'string' }]],
  ['an attribute name with a space', [{ name: 'first name', type: 'string' }]],
  ['an unknown type', [{ name: 'colour', type: 'rgb' }]],
  ['a complex attribute without sub-attributes', [{ name: 'empty', type: 'complex' }]],
  [
    'a complex attribute within another',
    [
      {
        name: 'outer',
        type: 'complex',
        subAttributes: [{ name: 'inner', type: 'complex', subAttributes: [{ name: 'x', type: 'string' }] }],
      },
    ],
  ],
  [
    'two attributes of one name',
    [
      { name: 'twice', type: 'string' },
      { name: 'TWICE', type: 'string' },
    ],
  ],
  ['an unknown mutability', [{ name: 'odd', type: 'string', mutability: 'sometimes' }]],
])('a schema with %s is not taken', async (_what, broken) => {
  const id = 'urn:example:params:scim:schemas:extension:broken:1.0:User'
  const { status } = await addSchema(connection, { id, name: 'Broken', description: 'Broken', attributes: broken })
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect((await scim('GET', `/Schemas/${id}`)).status).toBe(404)
})
