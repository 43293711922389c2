import fc from 'fast-check'
import { Diagnosis } from './diagnosis.ts'
import { ScimError } from './error.ts'
import { standard } from './quirks/dialect.ts'
import { entra } from './quirks/entra.ts'
import { dialects } from './quirks/identity-providers.ts'
import { onelogin } from './quirks/onelogin.ts'
import { readResource } from './resource.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { resourceTypes } from './schema/resource-types.ts'

const { User, Group } = resourceTypes
const core = 'urn:ietf:params:scim:schemas:core:2.0:User'
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

const [entraWithoutFlag] = entra.dialects
const [oneLogin] = onelogin.dialects

const read = (attributes: object, dialect = standard) => {
  const found = new Diagnosis(dialect)
  const body = { schemas: [core], userName: 'ada', ...attributes }
  return { ...readResource(User, body, found), deviations: found.deviations }
}
const stored = (attributes: object, dialect = standard) => {
  const { schemas: _schemas, userName: _userName, ...rest } = read(attributes, dialect).resource
  return rest
}
const codes = (attributes: object, dialect = standard) =>
  read(attributes, dialect).deviations.map(({ code, pointer }) => `${code} ${pointer}`)
const refusal = (attributes: object, dialect = standard) => {
  try {
    read(attributes, dialect)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

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

test('decision 7: "True" and "true" are booleans', () => {
  expect(stored({ active: 'False', roles: [{ value: 'r', primary: 'True' }] })).toEqual({
    active: false,
    roles: [{ value: 'r', primary: true }],
  })
  expect(codes({ active: 'true' })).toEqual(['boolean-as-string /active'])
  expect(refusal({ active: 'yes' }).detail).toContain('"active"')
})

test('decision 7: other booleans may be strings for callers alone whose dialect has it so', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [attribute('lost', 'boolean', 'l')],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const body = { schemas: [core, schema.id], userName: 'ada', [schema.id]: { lost: 'True' } }
  expect(() => readResource(wide, body)).toThrow('"lost"')
  expect(() => readResource(wide, body, new Diagnosis(oneLogin))).toThrow('"lost"')
  const found = new Diagnosis(entraWithoutFlag)
  expect(readResource(wide, body, found).resource[schema.id]).toEqual({ lost: true })
  expect(found.deviations).toMatchObject([{ code: 'boolean-as-string', pointer: `/${schema.id}/lost` }])
})

test('decision 12: two primary elements are refused, or the last keeps the mark for callers whose dialect has it so', () => {
  const emails = [
    { value: 'a', primary: true },
    { value: 'b', primary: 'true' },
    { value: 'c', primary: false },
  ]
  expect(refusal({ emails })).toMatchObject({ status: 400, scimType: 'invalidValue' })
  expect(refusal({ emails }, oneLogin)).toMatchObject({ status: 400, scimType: 'invalidValue' })
  expect(stored({ emails }, entraWithoutFlag)).toEqual({
    emails: [
      { value: 'a', primary: false },
      { value: 'b', primary: true },
      { value: 'c', primary: false },
    ],
  })
  expect(codes({ emails }, entraWithoutFlag)).toContain('several-primaries /emails')
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

test('point 17: a manager that is a string, an object or an array of one means its value', () => {
  for (const manager of ['m', { value: 'm' }, [{ value: 'm', $ref: null }]]) {
    expect(stored({ [enterprise]: { manager } })).toEqual({ [enterprise]: { manager: { value: 'm' } } })
  }
})

test('a managerId means the value of a manager for callers alone whose dialect has it so', () => {
  const manager = { managerId: 'm', displayName: 'A B' }
  expect(stored({ [enterprise]: { manager } }, oneLogin)).toEqual({ [enterprise]: { manager: { value: 'm' } } })
  expect(stored({ [enterprise]: { manager } })).toEqual({})
  expect(stored({ [enterprise]: { manager: { value: 'm', managerId: 'other' } } }, oneLogin)).toEqual({
    [enterprise]: { manager: { value: 'm' } },
  })
})

test('point 18: roles that are JSON in a string are parsed', () => {
  const inner = JSON.stringify({ id: '1', value: 'Admin', displayName: 'Administrator' })
  for (const roles of [[{ value: inner }], [inner], inner]) {
    expect(stored({ roles })).toEqual({ roles: [{ value: 'Admin' }] })
    expect(stored({ roles }, entraWithoutFlag)).toEqual({ roles: [{ value: 'Admin', display: 'Administrator' }] })
  }
  expect(stored({ roles: [{ value: '{not json' }] })).toEqual({ roles: [{ value: '{not json' }] })
  expect(stored({ title: '{"value":"x"}' })).toEqual({ title: '{"value":"x"}' })
})

test('point 20: null, [], {} and absent are the same', () => {
  const nothing = {
    title: null,
    emails: [],
    phoneNumbers: null,
    name: {},
    ims: [null],
    addresses: [{}],
    roles: [{ value: null }],
  }
  expect(stored(nothing)).toEqual({})
  expect(codes(nothing)).toEqual([])
})

test('point 21: the case of userName is kept', () => {
  expect(readResource(User, { userName: 'Ada@Example.com' }).resource['userName']).toBe('Ada@Example.com')
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

test('point 26: the password comes apart and is not in the resource', () => {
  const { resource, password } = read({ password: 's3cret' })
  expect(password).toBe('s3cret')
  expect(JSON.stringify(resource)).not.toContain('s3cret')
  expect(read({ password: null }).password).toBeUndefined()
})

test('point 29: one (type, value) pair is stored once', () => {
  const emails = [
    { value: 'A', type: 'work' },
    { value: 'a', type: 'Work', primary: true },
    { value: 'a', type: 'home' },
  ]
  expect(stored({ emails })).toEqual({
    emails: [
      { value: 'A', type: 'work', primary: true },
      { value: 'a', type: 'home' },
    ],
  })
  expect(codes({ emails })).toEqual(['duplicate-value /emails'])
})

test('one value where an array belongs is an array of one for callers alone whose dialect has it so', () => {
  const emails = { value: 'a' }
  expect(refusal({ emails }).detail).toContain('"emails" takes an array')
  expect(refusal({ emails }, entraWithoutFlag).scimType).toBe('invalidValue')
  expect(stored({ emails }, oneLogin)).toEqual({ emails: [{ value: 'a' }] })
  expect(read({ emails }, oneLogin).deviations).toMatchObject([
    { code: 'single-as-many', pointer: '/emails', quirk: 'onelogin-one-for-many', setting: expect.any(String) },
  ])
})

test('a value of the wrong kind is refused by its attribute, and not shown', () => {
  const cases: [object, string][] = [
    [{ title: { secret: 'shown?' } }, 'title'],
    [{ title: ['shown?'] }, 'title'],
    [{ title: 7 }, 'title'],
    [{ title: ['shown?', 'shown?'] }, 'title'],
    [{ emails: ['shown?'] }, 'emails'],
    [{ name: 'shown?' }, 'name'],
    [{ name: { givenName: ['shown?', 'x'] } }, 'givenName'],
    [{ active: 'shown?' }, 'active'],
    [{ x509Certificates: [{ value: 'shown? no' }] }, 'value'],
    [{ title: 'shown?\u0000' }, 'title'],
    [{ title: 'shown?\ud800' }, 'title'],
    [
      {
        emails: Array(501)
          .fill(0)
          .map((_, index) => ({ value: `shown?${index}` })),
      },
      'emails',
    ],
  ]
  for (const [attributes, name] of cases) {
    const { scimType, detail } = refusal(attributes)
    expect(scimType).toBe('invalidValue')
    expect(detail).toContain(`"${name}"`)
    expect(detail).not.toContain('shown?')
  }
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
    members: [{ value: '1' }, { value: '2', type: 'Group', display: 'G' }, { value: '3', type: 'User' }],
  })
  const { resource, members: none } = readResource(Group, { displayName: 'g', members: null })
  expect([resource['members'], none]).toEqual([undefined, []])
  expect(readResource(Group, { displayName: 'g' }).members).toBeUndefined()
  expect(readResource(Group, { displayName: 'g', members: '1' }).members).toEqual([{ value: '1' }])
  const one = { displayName: 'g', members: { value: '1' } }
  expect(() => readResource(Group, one)).toThrow('"members" takes an array')
  expect(readResource(Group, one, new Diagnosis(oneLogin)).members).toEqual([{ value: '1' }])
  expect(() => readResource(Group, { displayName: 'g', members: [{ display: 'x' }] })).toThrow('"value"')
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
  expect(readResource(wide, body).resource[schema.id]).toEqual({ level: 7, since: '2026-01-31', doors: ['a', 'b'] })
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
