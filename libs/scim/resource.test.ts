import fc from 'fast-check'
import { ScimError } from './error.ts'
import { readResource } from './resource.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { resourceTypes } from './schema/resource-types.ts'

const { User, Group } = resourceTypes
const core = 'urn:ietf:params:scim:schemas:core:2.0:User'
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

const read = (attributes: object) => readResource(User, { schemas: [core], userName: 'ada', ...attributes })
const stored = (attributes: object) => {
  const { schemas: _schemas, userName: _userName, ...rest } = read(attributes).resource
  return rest
}
const codes = (attributes: object) => read(attributes).deviations.map(({ code, pointer }) => `${code} ${pointer}`)
const refusal = (attributes: object) => {
  try {
    read(attributes)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('where the resource is a part of the body, every place is one of the whole body', () => {
  const body = { userName: 'ada', titel: 'x', emails: { value: 'a@x.y' } }
  const { deviations } = readResource(User, body, '/Operations/3/data')
  expect(deviations.map(({ pointer }) => pointer)).toEqual([
    '/Operations/3/data/titel',
    '/Operations/3/data/emails',
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

test('decision 7: "True" and "true" are booleans', () => {
  expect(stored({ active: 'False', roles: [{ value: 'r', primary: 'True' }] })).toEqual({
    active: false,
    roles: [{ value: 'r', primary: true }],
  })
  expect(codes({ active: 'true' })).toEqual(['boolean-as-string /active'])
  expect(refusal({ active: 'yes' }).detail).toContain('"active"')
})

test('decision 12: two primary elements are refused', () => {
  expect(
    refusal({
      emails: [
        { value: 'a', primary: true },
        { value: 'b', primary: 'true' },
      ],
    }),
  ).toMatchObject({
    status: 400,
    scimType: 'invalidValue',
  })
})

test('point 11: schemas names the core schema and each extension in use, whatever the body said', () => {
  expect(read({ schemas: [core, enterprise] }).resource.schemas).toEqual([core])
  expect(read({ [enterprise]: { department: 'd' } }).resource.schemas).toEqual([core, enterprise])
  expect(read({ [enterprise]: { department: null } }).resource).toEqual({ schemas: [core], userName: 'ada' })
  expect(codes({ [enterprise]: { department: 'd' } })).toEqual(['missing-schema /schemas'])
})

test('point 16: keys that are paths are expanded', () => {
  expect(stored({ 'name.givenName': 'A', 'name.familyName': 'B', [`${enterprise}:department`]: 'd' })).toEqual({
    name: { givenName: 'A', familyName: 'B' },
    [enterprise]: { department: 'd' },
  })
  expect(stored({ 'emails.value': 'x' })).toEqual({})
})

test('point 17: a manager that is a string, an object, an array of one or has a managerId means its value', () => {
  for (const manager of ['m', { value: 'm' }, [{ value: 'm', $ref: null }], { managerId: 'm', displayName: 'A B' }]) {
    expect(stored({ [enterprise]: { manager } })).toEqual({ [enterprise]: { manager: { value: 'm' } } })
  }
  expect(stored({ [enterprise]: { manager: { value: 'm', managerId: 'other' } } })).toEqual({
    [enterprise]: { manager: { value: 'm' } },
  })
})

test('point 18: roles that are JSON in a string are parsed, and their displayName is display', () => {
  const inner = JSON.stringify({ id: '1', value: 'Admin', displayName: 'Administrator' })
  for (const roles of [[{ value: inner }], [inner], inner]) {
    expect(stored({ roles })).toEqual({ roles: [{ value: 'Admin', display: 'Administrator' }] })
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

test('an object where an array belongs is an array of one, bare values are its value', () => {
  expect(stored({ emails: { value: 'a' } })).toEqual({ emails: [{ value: 'a' }] })
  expect(stored({ emails: ['a', { value: 'b' }] })).toEqual({ emails: [{ value: 'a' }, { value: 'b' }] })
  expect(stored({ title: 7 })).toEqual({ title: '7' })
})

test('a value of the wrong kind is refused by its attribute, and not shown', () => {
  const cases: [object, string][] = [
    [{ title: { secret: 'shown?' } }, 'title'],
    [{ title: ['shown?', 'shown?'] }, 'title'],
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
          .map((_, index) => `shown?${index}`),
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

test("a Group's members come apart: ids, objects and one object; each once", () => {
  const members = ['1', { value: '2', type: 'group', display: 'G' }, { $ref: 'https://x/scim/v2/c/Users/3' }, '1', null]
  expect(readResource(Group, { displayName: 'g', members })).toMatchObject({
    resource: { schemas: [Group.schema.id], displayName: 'g' },
    members: [{ value: '1' }, { value: '2', type: 'Group', display: 'G' }, { value: '3', type: 'User' }],
  })
  const { resource, members: none } = readResource(Group, { displayName: 'g', members: null })
  expect([resource['members'], none]).toEqual([undefined, []])
  expect(readResource(Group, { displayName: 'g' }).members).toBeUndefined()
  expect(readResource(Group, { displayName: 'g', members: { value: '1' } }).members).toEqual([{ value: '1' }])
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
  const body = { userName: 'ada', [schema.id]: { level: '7', since: '2026-01-31', doors: ['a', 'A', 'b'] } }
  expect(readResource(wide, body).resource[schema.id]).toEqual({ level: 7, since: '2026-01-31', doors: ['a', 'b'] })
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { since: '2026-01-31' } })).toThrow('"level"')
  expect(() => readResource(wide, { userName: 'ada', [schema.id]: { level: 1.5 } })).toThrow('"level"')
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
    fc.property(body, fc.constantFrom<('User' | 'Group')[]>('User', 'Group'), (attributes, name) => {
      const type = resourceTypes[name]
      try {
        const { resource } = readResource(type, attributes)
        const again = readResource(type, resource)
        expect(again.resource).toEqual(resource)
        expect(again.deviations).toEqual([])
      } catch (error) {
        expect(error).toBeInstanceOf(ScimError)
      }
    }),
    { numRuns: 2000 },
  )
})
