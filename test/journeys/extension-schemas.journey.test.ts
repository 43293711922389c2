import { eventually, group, patch, enterWorld, user } from '../world.ts'
import type { Answer, Connection, Scim, Told, World } from '../world.ts'

let world: World
let connection: Connection
let scim: Scim
const urn = 'urn:acme:params:scim:schemas:extension:work:2.0:User'
const core = 'urn:ietf:params:scim:schemas:core:2.0:User'

const document = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
  id: urn,
  name: 'Work',
  description: 'What we know of work.',
  attributes: [
    { name: 'nick', description: 'What colleagues say.' },
    { name: 'code', caseExact: true, mutability: 'immutable' },
    { name: 'remote', type: 'boolean' },
    { name: 'hours', type: 'decimal' },
    { name: 'level', type: 'integer' },
    { name: 'since', type: 'dateTime' },
    { name: 'photo', type: 'binary' },
    { name: 'wiki', type: 'reference', referenceTypes: ['external'] },
    { name: 'skills', multiValued: true },
    { name: 'grade', mutability: 'readOnly' },
    { name: 'pin', mutability: 'writeOnly' },
    { name: 'note', returned: 'never' },
    { name: 'history', returned: 'request' },
    { name: 'unit', returned: 'always' },
    {
      name: 'desk',
      type: 'complex',
      subAttributes: [{ name: 'floor', type: 'integer' }, { name: 'room' }, { name: 'lock', mutability: 'writeOnly' }],
    },
    {
      name: 'badges',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { name: 'value', caseExact: true, mutability: 'immutable', required: true },
        { name: 'type', canonicalValues: ['main', 'spare'] },
        { name: 'until', type: 'dateTime' },
        { name: 'doors', multiValued: true },
        { name: 'primary', type: 'boolean' },
      ],
    },
  ],
}

const work = {
  nick: 'Ada L.',
  code: 'A-1',
  remote: true,
  hours: 37.5,
  level: 7,
  since: '2026-01-31T12:00:00+01:00',
  photo: 'QUJD',
  wiki: 'https://wiki.example/Ada',
  skills: ['Logic', 'Looms'],
  unit: 'Analysis',
  desk: { floor: 3, room: 'C' },
  badges: [
    { value: 'B1', type: 'main', until: '2027-01-01T00:00:00Z', doors: ['North'], primary: true },
    { value: 'B2', type: 'spare' },
  ],
}

beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('other')
  scim = world.scim(connection)
  await add(connection, document)
})
afterAll(() => world.stop())

const schemas = (of: Connection, id?: string): string =>
  `/connections/${of.id}/schemas${id === undefined ? '' : `/${encodeURIComponent(id)}`}`

/** Added, and known to the gateway. */
async function add(to: Connection, schema: { id: string }, query = ''): Promise<void> {
  expect(await world.admin('POST', schemas(to) + query, schema)).toMatchObject({ status: 201, body: { inUse: false } })
  await eventually(
    () => world.scim(to)('GET', `/Schemas/${schema.id}`),
    ({ status }) => status === 200,
  )
}

async function made(path: string, body: object): Promise<Told> {
  const answer = await scim('POST', path, body)
  expect(answer).toMatchObject({ status: 201 })
  return answer.body
}

const extended = (userName: string, block: object): object => user(userName, { schemas: [core, urn], [urn]: block })
const withOnly = (...attributes: object[]) => ({ ...document, attributes })
const op = (kind: string, path: string, value?: unknown) => ({ op: kind, path: `${urn}:${path}`, value })

describe('discovery', () => {
  test('names the schema with all that was said of it, and what was not', async () => {
    const found = await scim('GET', `/Schemas/${urn.toUpperCase()}`)
    expect(found).toMatchObject({ status: 200, body: { id: urn, name: 'Work', description: 'What we know of work.' } })
    expect(found.body.meta).toEqual({ resourceType: 'Schema', location: `${connection.scimBaseUrl}/Schemas/${urn}` })
    expect(found.body.attributes.map(({ name }: Told) => name)).toEqual(document.attributes.map(({ name }) => name))
    expect(found.body.attributes[1]).toEqual({
      name: 'code',
      type: 'string',
      description: '',
      multiValued: false,
      required: false,
      caseExact: true,
      mutability: 'immutable',
      returned: 'default',
      uniqueness: 'none',
    })
    expect((await scim('GET', '/Schemas')).body.Resources.map(({ id }: Told) => id)).toContain(urn)
    const type = await scim('GET', '/ResourceTypes/User')
    expect(type.body.schemaExtensions.at(-1)).toEqual({ schema: urn, required: false })
  })

  test('of another connection knows nothing of it, and each has its own attributes of one name', async () => {
    const other = await world.connection('other')
    const ask = world.scim(other)
    expect(await ask('GET', `/Schemas/${urn}`)).toMatchObject({ status: 404 })
    const ignored = await ask('POST', '/Users', extended('stranger', { level: 'high' }))
    expect(ignored).toMatchObject({ status: 201, body: { schemas: [core] } })
    expect(ignored.body).not.toHaveProperty([urn])
    await add(other, withOnly({ name: 'level' }))
    expect(await ask('POST', '/Users', extended('neighbour', { level: 'high', remote: true }))).toMatchObject({
      status: 201,
      body: { [urn]: { level: 'high' } },
    })
    expect(await scim('POST', '/Users', extended('neighbour', { level: 'high' }))).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    })
  })
})

describe('values', () => {
  test('of every type are kept and answered as they were sent', async () => {
    const { id, ...body } = await made('/Users', extended('typed', work))
    expect(body).toMatchObject({ schemas: [core, urn], [urn]: work })
    expect((await scim('GET', `/Users/${id}`)).body[urn]).toEqual(work)
    const put = await scim('PUT', `/Users/${id}`, { ...body, id })
    expect(put).toMatchObject({ status: 200, body: { [urn]: work, meta: { version: body.meta.version } } })
  })

  test.each([
    [{ remote: 'maybe' }],
    [{ hours: 'many' }],
    [{ level: 1.5 }],
    [{ since: 'yesterday' }],
    [{ photo: '***' }],
    [{ nick: ['a', 'b'] }],
    [{ desk: 'C' }],
    [{ desk: { floor: 'third' } }],
    [{ badges: [{ type: 'main' }] }],
    [
      {
        badges: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      },
    ],
    [{ pin: { a: 1 } }],
  ])('that do not fit are refused: %j', async (block) => {
    const refused = await scim('POST', '/Users', extended('unfit', block))
    expect(refused).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  })

  test('that nobody may set or see are not set and not shown, whatever is asked', async () => {
    const secret = {
      nick: 'x',
      grade: 'A',
      pin: '4711',
      note: 'Hush',
      history: 'Long',
      unit: 'U',
      desk: { room: 'C', lock: '99' },
    }
    const shown = { nick: 'x', unit: 'U', desk: { room: 'C' } }
    const created = await made('/Users', extended('secretive', secret))
    const { id } = created
    // What is returned on request is shown to who has just sent it (RFC 7643 section 7).
    const sent = { ...shown, history: 'Long' }
    expect(created[urn]).toEqual(sent)
    expect((await scim('PUT', `/Users/${id}`, extended('secretive', secret))).body[urn]).toEqual(sent)
    const answers: Answer[] = [
      await scim('GET', `/Users/${id}`),
      await scim('PATCH', `/Users/${id}`, patch(op('add', 'pin', '4712'), op('replace', 'note', 'Hush hush'))),
    ]
    for (const { body } of answers) expect(body[urn]).toEqual(shown)
    const listed = await scim('GET', `/Users?filter=${encodeURIComponent('userName eq "secretive"')}`)
    expect(listed.body.Resources[0][urn]).toEqual(shown)
    const everything = ['grade', 'pin', 'note', 'history', 'desk.lock'].map((name) => `${urn}:${name}`).join()
    expect((await scim('GET', `/Users/${id}?attributes=${everything}`)).body[urn]).toEqual({
      history: 'Long',
      unit: 'U',
    })

    const dry = await scim('PATCH', `/Users/${id}`, patch(op('replace', 'note', 'Sesame')), {
      'Latchkey-Dry-Run': 'true',
    })
    expect(dry).toMatchObject({ status: 200 })
    const told = JSON.stringify(dry.body)
    expect(told).toContain(`${urn}:note`)
    expect(told).not.toContain('Sesame')
    expect(told).not.toContain('Hush')

    // It can be looked for all the same (RFC 7643 section 7), and what is writeOnly is nowhere.
    const found = async (filter: string): Promise<number> =>
      (await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)).body.totalResults
    expect(await found(`${urn}:note eq "hush HUSH"`)).toBe(1)
    expect(await found(`${urn}:pin pr or ${urn}:grade pr or ${urn}:desk.lock pr`)).toBe(0)
    const [stored] = await world.query('SELECT document::text AS text FROM gateway.scim_user WHERE id = $1', [id])
    for (const lost of ['4711', '4712', '"grade"', '"lock"']) expect(stored.text).not.toContain(lost)

    const [changed] = (await world.events(connection.id)).filter(
      (event) => event.subject === id && event.name === 'user.changed',
    )
    expect(changed?.payload).toMatchObject({ changed: [`${urn}:note`], changes: [] })
  })

  test('that are immutable stand once they are set', async () => {
    const { id } = await made('/Users', extended('fixed', { nick: 'x' }))
    expect(await scim('PATCH', `/Users/${id}`, patch(op('add', 'code', 'C-1')))).toMatchObject({ status: 200 })
    for (const refused of [
      await scim('PATCH', `/Users/${id}`, patch(op('replace', 'code', 'C-2'))),
      await scim('PATCH', `/Users/${id}`, patch(op('remove', 'code'))),
      await scim('PATCH', `/Users/${id}`, patch({ op: 'remove', path: urn })),
      await scim('PUT', `/Users/${id}`, extended('fixed', { code: 'c-1' })),
    ]) {
      expect(refused).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
    }
    expect(await scim('PUT', `/Users/${id}`, extended('fixed', { nick: 'y' }))).toMatchObject({
      status: 200,
      body: { [urn]: { nick: 'y', code: 'C-1' } },
    })
    expect(await scim('PATCH', `/Users/${id}`, patch(op('replace', 'grade', 'B')))).toMatchObject({
      status: 400,
      body: { scimType: 'mutability' },
    })
  })
})

describe('PATCH by URN', () => {
  test('sets, adds to and takes away values of every type, and moves the version only when something changes', async () => {
    const { id } = await made('/Users', user('patched'))
    const after = async (...operations: object[]): Promise<Told> => {
      const answer = await scim('PATCH', `/Users/${id}`, patch(...operations))
      expect(answer).toMatchObject({ status: 200 })
      return answer.body
    }
    const first = await after(
      op('add', 'nick', 'Ada'),
      op('add', 'remote', true),
      op('add', 'hours', 1.5),
      op('add', 'LEVEL', 4),
      op('add', 'since', '2026-01-01T00:00:00Z'),
      op('add', 'photo', 'QUJD'),
      op('add', 'wiki', 'https://wiki.example'),
      op('add', 'skills', ['Logic']),
      op('add', 'skills', ['Looms', 'logic']),
      op('add', 'desk.floor', 2),
      op('add', 'badges', [{ value: 'B1', type: 'main', doors: ['North'] }]),
      op('add', 'badges[type eq "spare"].value', 'B2'),
    )
    expect(first.schemas).toEqual([core, urn])
    expect(first[urn]).toEqual({
      nick: 'Ada',
      remote: true,
      hours: 1.5,
      level: 4,
      since: '2026-01-01T00:00:00Z',
      photo: 'QUJD',
      wiki: 'https://wiki.example',
      skills: ['Logic', 'Looms'],
      desk: { floor: 2 },
      badges: [
        { value: 'B1', type: 'main', doors: ['North'] },
        { type: 'spare', value: 'B2' },
      ],
    })
    const same = await after(op('add', 'skills', ['LOOMS']), op('replace', 'level', 4), {
      op: 'add',
      path: urn,
      value: { nick: 'Ada' },
    })
    expect(same.meta).toEqual(first.meta)

    const second = await after(
      op('replace', 'badges[value eq "B1"].doors', ['South']),
      op('add', 'badges[value eq "B1"].primary', true),
      op('remove', 'skills[value eq "logic"]'),
      op('replace', 'desk', { room: 'D' }),
      op('remove', 'badges[type eq "spare"]'),
      op('remove', 'remote'),
      { op: 'replace', value: { [`${urn}:hours`]: 8, [urn]: { nick: 'L.' } } },
    )
    expect(second.meta.version).not.toBe(first.meta.version)
    expect(second[urn]).toMatchObject({
      nick: 'L.',
      hours: 8,
      skills: ['Looms'],
      desk: { floor: 2, room: 'D' },
      badges: [{ value: 'B1', type: 'main', doors: ['South'], primary: true }],
    })
    expect(second[urn]).not.toHaveProperty('remote')
    const events = (await world.events(connection.id)).filter(({ subject }) => subject === id)
    expect(events.map(({ name }) => name)).toEqual(['user.provisioned', 'user.changed', 'user.changed'])
    expect(events.at(-1)?.payload.changed.toSorted()).toEqual(
      ['badges', 'desk', 'hours', 'nick', 'remote', 'skills'].map((name) => `${urn}:${name}`),
    )

    const refused = await scim('PATCH', `/Users/${id}`, patch(op('replace', 'badges[value eq "B1"].value', 'B9')))
    expect(refused).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
    const stale = await scim('PATCH', `/Users/${id}`, patch(op('add', 'nick', 'N')), { 'If-Match': first.meta.version })
    expect(stale).toMatchObject({ status: 412 })
    const emptied = await after({ op: 'remove', path: urn })
    expect(emptied.schemas).toEqual([core])
    expect(emptied).not.toHaveProperty([urn])
  })
})

describe('projection and filters', () => {
  test('name the schema, an attribute of it, or a part', async () => {
    const { id } = await made('/Users', extended('projected', work))
    const shown = async (query: string): Promise<Told> => (await scim('GET', `/Users/${id}?${query}`)).body
    const { unit, ...besides } = work
    expect((await shown(`attributes=${urn}`))[urn]).toEqual(work)
    expect(await shown(`attributes=${urn}:NICK`)).toEqual({ schemas: [core, urn], id, [urn]: { nick: 'Ada L.', unit } })
    expect((await shown(`attributes=${urn}:desk.floor,userName`))[urn]).toEqual({ desk: { floor: 3 }, unit })
    expect((await shown('attributes=userName'))[urn]).toEqual({ unit })
    expect((await shown(`excludedAttributes=${urn}`))[urn]).toEqual({ unit })
    const { nick: _, desk: __, ...rest } = besides
    expect((await shown(`excludedAttributes=${urn}:nick,${urn}:desk.room`))[urn]).toEqual({
      ...rest,
      desk: { floor: 3 },
      unit,
    })
  })

  test('find users by values of every type', async () => {
    const { id } = await made('/Users', extended('sought', { ...work, code: 'Sought', level: 4242 }))
    for (const filter of [
      'nick eq "ADA l."',
      'code eq "Sought"',
      'remote eq true',
      'hours gt 37.4',
      'level ge 4242',
      'since eq "2026-01-31T11:00:00Z"',
      'photo eq "QUJD"',
      'wiki sw "https://wiki"',
      'skills eq "logic"',
      'desk.floor lt 4',
      'badges[type eq "main" and doors eq "north"]',
      'badges.until gt "2026-12-31T23:59:59Z"',
      'badges pr',
    ]) {
      const query = encodeURIComponent(`${urn}:${filter} and ${urn}:level eq 4242`)
      const { body } = await scim('GET', `/Users?filter=${query}&attributes=id`)
      expect([filter, body.Resources.map((one: Told) => one.id)]).toEqual([filter, [id]])
    }
    const none = encodeURIComponent(`${urn}:code eq "sought" or ${urn}:unheard eq "x"`)
    expect((await scim('GET', `/Users?filter=${none}`)).body.totalResults).toBe(0)
    expect(await scim('GET', `/Users?filter=${encodeURIComponent(`${urn}:remote gt true`)}`)).toMatchObject({
      status: 400,
      body: { scimType: 'invalidFilter' },
    })
  })
})

describe('a group', () => {
  test('has extensions of its own beside its members', async () => {
    const teams = 'urn:acme:params:scim:schemas:extension:team:2.0:Group'
    await add(connection, { ...withOnly({ name: 'cost', type: 'integer' }), id: teams }, '?resourceType=Group')
    const { id: member } = await made('/Users', user('in.team'))
    const { id } = await made('/Groups', { ...group('Team', [member]), [teams]: { cost: 5 } })
    const patched = await scim('PATCH', `/Groups/${id}`, patch({ op: 'replace', path: `${teams}:cost`, value: 6 }))
    expect(patched).toMatchObject({ status: 200, body: { [teams]: { cost: 6 }, members: [{ value: member }] } })
    const { body } = await scim('GET', `/Groups?filter=${encodeURIComponent(`${teams}:cost eq 6`)}`)
    expect(body.Resources.map((one: Told) => one.id)).toEqual([id])
    expect((await scim('POST', '/Users', user('no.team', { [teams]: { cost: 5 } }))).body).not.toHaveProperty([teams])
  })
})

test('a required schema is demanded of what is new or replaced, and not of what was there before', async () => {
  const strict = await world.connection('other')
  const ask = world.scim(strict)
  const old = await ask('POST', '/Users', user('before'))
  await add(strict, withOnly({ name: 'code', required: true }, { name: 'nick' }), '?required=true')
  expect((await ask('GET', '/ResourceTypes/User')).body.schemaExtensions.at(-1)).toEqual({
    schema: urn,
    required: true,
  })
  for (const body of [
    user('new'),
    extended('new', {}),
    extended('new', { nick: 'x' }),
    extended('new', { code: ' ' }),
  ]) {
    expect(await ask('POST', '/Users', body)).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  }
  const { id } = old.body
  const path = `/Users/${id}`
  expect(await ask('PATCH', path, patch({ op: 'replace', path: 'active', value: false }))).toMatchObject({
    status: 200,
  })
  expect(await ask('PUT', path, user('before'))).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  expect(await ask('PATCH', path, patch(op('add', 'nick', 'x')))).toMatchObject({ status: 400 })
  expect(await ask('PUT', path, extended('before', { code: 'x' }))).toMatchObject({ status: 200 })
  for (const operation of [{ op: 'remove', path: urn }, op('remove', 'code')]) {
    expect(await ask('PATCH', path, patch(operation))).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
  }
})

test('a schema is changed freely until a value of it is stored, and then only widened, which a gateway hears of', async () => {
  const changing = await world.connection('other')
  const ask = world.scim(changing)
  const one = withOnly({ name: 'level', type: 'string' })
  await add(changing, one)
  expect(await ask('POST', '/Users', user('without'))).toMatchObject({ status: 201 })
  const numbers = withOnly({ name: 'level', type: 'integer' })
  expect(await world.admin('PUT', schemas(changing, urn), numbers)).toMatchObject({ status: 200 })
  await eventually(
    () => ask('GET', `/Schemas/${urn}`),
    ({ body }) => body.attributes[0].type === 'integer',
  )
  expect(await world.admin('DELETE', schemas(changing, urn))).toMatchObject({ status: 204 })
  await eventually(
    () => ask('GET', `/Schemas/${urn}`),
    ({ status }) => status === 404,
  )
  await add(changing, numbers)
  expect(await ask('POST', '/Users', extended('with', { level: 1 }))).toMatchObject({ status: 201 })

  const refused = await world.admin('PUT', schemas(changing, urn), one)
  expect(refused).toMatchObject({ status: 409, body: { errors: [{ pointer: '#/attributes/0/type' }] } })
  expect(await world.admin('DELETE', schemas(changing, urn))).toMatchObject({ status: 409 })
  expect((await world.admin('GET', schemas(changing, urn))).body.inUse).toBe(true)
  const wider = { ...numbers, attributes: [...numbers.attributes, { name: 'nick' }] }
  expect(await world.admin('PUT', schemas(changing, urn), wider)).toMatchObject({ status: 200 })
  await eventually(
    () => ask('POST', '/Users', extended(`wider ${Math.random()}`, { nick: 'x' })),
    ({ body }) => body[urn]?.nick === 'x',
  )
  const trail = await eventually(
    () => world.audit({ connection: changing.id, operation: 'schemas.update' }),
    (records) => records.length === 3,
  )
  expect(trail.map(({ outcome, subject }) => [outcome, subject?.id])).toEqual([
    ['accepted', urn],
    ['refused', changing.id],
    ['accepted', urn],
  ])
})
