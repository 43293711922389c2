import fc from 'fast-check'
import { Diagnosis } from './diagnosis.ts'
import { ScimError } from './error.ts'
import { standard } from './quirks/dialect.ts'
import { dialects } from './quirks/identity-providers.ts'
import { readResource } from './resource.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { codes, core, enterprise, Group, oneLogin, read, refusal, stored, User } from './test/read-user.ts'

test('where the resource is a part of the body, every place is one of the whole body', () => {
  const found = new Diagnosis(standard, '/Operations/3/data')
  readResource(User, { userName: 'ada', titel: 'x', emails: [{ value: 'a@x.y', note: 'x' }] }, found)
  expect(found.deviations.map(({ pointer }) => pointer)).toEqual([
    '/Operations/3/data/titel',
    '/Operations/3/data/emails/0/note',
    '/Operations/3/data/schemas',
  ])
})

test('names are stored as the schema writes them, whatever letter case they came in', () => {
  const body = { USERNAME: 'ada', Name: { GIVENNAME: 'Ada' }, [enterprise.toUpperCase()]: { Department: 'd' } }
  expect(readResource(User, body).resource).toEqual({
    schemas: [core, enterprise],
    userName: 'ada',
    name: { givenName: 'Ada' },
    [enterprise]: { department: 'd' },
  })
})

test('an attribute that comes twice in different letter case is refused', () => {
  expect(refusal({ USERNAME: 'eve' })).toMatchObject({ scimType: 'invalidSyntax' })
  expect(() => readResource(Group, { displayName: 'g', members: ['1'], Members: ['2'] })).toThrow(ScimError)
})

test('decision 3: readOnly attributes that are echoed are ignored and reported, never refused', () => {
  const echoed = { id: '1', meta: { version: 'x' }, groups: [{ value: 'g' }], manager: null }
  expect(stored(echoed)).toEqual({})
  expect(codes({ id: '1', groups: [] })).toEqual(['read-only-attribute /id', 'read-only-attribute /groups'])
  expect(codes({ id: null })).toEqual([])
})

test('decision 4: unknown attributes and unknown schema URNs are ignored and reported', () => {
  const unknown = {
    favouriteColour: 'red',
    emails: [{ value: 'a', colour: 'red' }],
    'urn:example:X': { a: 1 },
    department: 'd',
  }
  expect(stored(unknown)).toEqual({ emails: [{ value: 'a' }] })
  expect(codes({ ...unknown, schemas: [core, 'urn:example:X'] })).toEqual([
    'unknown-schema /schemas/1',
    'unknown-attribute /favouriteColour',
    'unknown-attribute /emails/0/colour',
    'unknown-schema /urn:example:X',
    'unknown-attribute /department',
  ])
})

test('schemas may come in any order, twice, as a text or with unknown ones, and is told of', () => {
  const attributes = { [enterprise]: { department: 'd' } }
  expect(read({ ...attributes, schemas: [enterprise, core] }).deviations).toEqual([])
  expect(codes({ ...attributes, schemas: [enterprise, core, core.toUpperCase()] })).toEqual([
    'repeated-schema /schemas/2',
  ])
  expect(codes({ schemas: core })).toEqual(['single-as-many /schemas'])
  expect(codes({ schemas: [Group.schema.id, 7] })).toEqual([
    'unknown-schema /schemas/0',
    'unknown-schema /schemas/1',
    'missing-schema /schemas',
  ])
  expect(codes({ schemas: null })).toEqual([
    'single-as-many /schemas',
    'unknown-schema /schemas/0',
    'missing-schema /schemas',
  ])
  for (const schemas of [[enterprise, core], core, [], null, [Group.schema.id]]) {
    expect(read({ ...attributes, schemas }).resource.schemas).toEqual([core, enterprise])
  }
})

test('point 11: schemas names the core schema and each extension in use, whatever the body said', () => {
  expect(read({ schemas: [core, enterprise] }).resource.schemas).toEqual([core])
  expect(read({ [enterprise]: { department: 'd' } }).resource.schemas).toEqual([core, enterprise])
  expect(read({ [enterprise]: { department: null } }).resource).toEqual({ schemas: [core], userName: 'ada' })
  expect(codes({ [enterprise]: { department: 'd' } })).toEqual(['missing-schema /schemas'])
})

test('keys that are paths are unknown in a body: only a PATCH may have them', () => {
  const paths = { 'name.givenName': 'A', 'emails.value': 'x', [`${enterprise}:department`]: 'd' }
  expect(stored({ ...paths, [enterprise]: { 'manager.value': 'm' } })).toEqual({})
  expect(codes(paths)).toEqual([
    'unknown-attribute /name.givenName',
    'unknown-attribute /emails.value',
    `unknown-schema /${enterprise}:department`,
  ])
})

test('a missing required attribute is refused by name', () => {
  for (const userName of [undefined, null, '', ' ']) {
    expect(refusal({ userName })).toMatchObject({
      scimType: 'invalidValue',
      detail: expect.stringContaining('"userName"'),
    })
  }
  expect(() => readResource(Group, {})).toThrow('"displayName"')
})

test('point 26: a password is checked, and nothing is kept of it', () => {
  expect(JSON.stringify(read({ password: 's3cret' }))).not.toContain('s3cret')
  expect(read({ password: null, PASSWORD: 7 }).resource).toEqual(read({}).resource)
  expect(refusal({ password: { value: 'shown?' } }).detail).not.toContain('shown?')
})

test('a body that is no object is refused', () => {
  for (const body of [null, [], 'x', 7, undefined]) {
    expect(() => readResource(User, body)).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  }
})

test("a Group's members come apart: ids and objects; each once", () => {
  const members = ['1', { value: '2', type: 'group', display: 'G' }, { $ref: 'https://x/scim/v2/c/Users/3' }, '1', null]
  expect(readResource(Group, { displayName: 'g', members })).toMatchObject({
    resource: { schemas: [Group.schema.id], displayName: 'g' },
    members: ['1', '2', '3'],
  })
  const { resource, members: none } = readResource(Group, { displayName: 'g', members: null })
  expect([resource['members'], none]).toEqual([undefined, []])
  expect(readResource(Group, { displayName: 'g' }).members).toBeUndefined()
  expect(readResource(Group, { displayName: 'g', members: '1' }).members).toEqual(['1'])
  const one = { displayName: 'g', members: { value: '1' } }
  expect(() => readResource(Group, one)).toThrow('"members" takes an array')
  expect(readResource(Group, one, new Diagnosis(oneLogin)).members).toEqual(['1'])
  expect(() => readResource(Group, { displayName: 'g', members: [{ display: 'x' }] })).toThrow('"value"')
})

test('a required extension and a required sub-attribute are missed', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [
      attribute('card', 'complex', 'c', {
        subAttributes: [attribute('number', 'string', 'n', { required: true }), attribute('color', 'string', 'c')],
      }),
      attribute('keys', 'complex', 'k', {
        multiValued: true,
        subAttributes: [attribute('value', 'string', 'v', { required: true }), attribute('door', 'string', 'd')],
      }),
    ],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: true }] })
  const readBadge = (badge: unknown) => readResource(wide, { userName: 'ada', [schema.id]: badge }).resource[schema.id]
  for (const nothing of [undefined, null, {}, { card: {} }]) expect(() => readBadge(nothing)).toThrow(schema.id)
  expect(() => readBadge({ card: { color: 'red' } })).toThrow('"card.number"')
  expect(() => readBadge({ keys: [{ value: '1' }, { door: 'd' }] })).toThrow('"keys.value"')
  expect(readBadge({ card: { number: '1' } })).toEqual({ card: { number: '1' } })
})

test("an operator's extension is read by its types", () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [
      attribute('level', 'integer', 'l', { required: true }),
      attribute('since', 'dateTime', 's'),
      attribute('doors', 'string', 'd', { multiValued: true }),
    ],
  }
  const wide = defineResourceType({ ...User, extensions: [...User.extensions, { schema, required: false }] })
  const body = { userName: 'ada', [schema.id]: { level: 7, since: '2026-01-31', doors: ['a', 'A', 'b'] } }
  expect(readResource(wide, body).resource[schema.id]).toEqual({
    level: 7,
    since: '2026-01-31T00:00:00Z',
    doors: ['a', 'b'],
  })
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { since: '2026-01-31' } })).toThrow('"level"')
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { level: 1.5 } })).toThrow('"level"')
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { level: '7' } })).toThrow('"level"')
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { level: 1, since: 'x' } })).toThrow('"since"')
})

test('what was read is read again as it is, and no body makes it throw anything but a SCIM error', () => {
  const key = fc.constantFrom(
    'userName',
    'name',
    'givenName',
    'emails',
    'value',
    'type',
    'primary',
    'roles',
    'active',
    'schemas',
    'members',
    'displayName',
    'manager',
    enterprise,
    'id',
    '__proto__',
    'toString',
    'a.b',
    'name.givenName',
    'password',
  )
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      fc.constantFrom(null, true, 'true', 'x', '{"value":"v"}', 7, ''),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(key, tie('json'), { maxKeys: 5 }),
    ),
  }))
  const body = fc.oneof(
    json,
    fc.dictionary(key, json).map((attributes) => ({ ...attributes, userName: 'u', displayName: 'd' })),
  )
  fc.assert(
    fc.property(body, fc.constantFrom(User, Group), fc.constantFrom(...dialects), (attributes, type, dialect) => {
      try {
        const { resource } = readResource(type, attributes, new Diagnosis(dialect))
        const found = new Diagnosis()
        expect(readResource(type, resource, found).resource).toEqual(resource)
        expect(found.deviations).toEqual([])
      } catch (error) {
        expect(error).toBeInstanceOf(ScimError)
      }
    }),
    { numRuns: 2000 },
  )
})
