import fc from 'fast-check'
import { Diagnosis } from './diagnosis.ts'
import { ScimError } from './error.ts'
import { parseJson } from './json.ts'
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

test('a canonical value is stored as the schema spells it, any other as it came', () => {
  expect(
    stored({
      emails: [
        { value: 'A@X.example', type: 'WORK' },
        { value: 'b', type: 'Billing' },
      ],
    }),
  ).toEqual({
    emails: [
      { value: 'A@X.example', type: 'work' },
      { value: 'b', type: 'Billing' },
    ],
  })
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

test('point 26: a password is checked, and nothing is kept of it', () => {
  expect(JSON.stringify(read({ password: 's3cret' }))).not.toContain('s3cret')
  expect(read({ password: null, PASSWORD: 7 }).resource).toEqual(read({}).resource)
  expect(refusal({ password: { value: 'shown?' } }).detail).not.toContain('shown?')
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

test('an integer has neither fraction nor exponent, and numbers keep all their digits', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [attribute('level', 'integer', 'l'), attribute('weight', 'decimal', 'w')],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const text = (badge: string, dialect = standard) => {
    const body = parseJson(`{"userName":"ada","${schema.id}":${badge}}`)
    return JSON.stringify(readResource(wide, body, new Diagnosis(dialect)).resource[schema.id])
  }
  for (const number of [
    '9223372036854775807',
    '-9223372036854775808',
    '18446744073709551615',
    '9007199254740993',
    '0',
  ]) {
    expect(text(`{"level":${number}}`)).toBe(`{"level":${number}}`)
    expect(text(`{"level":"${number}"}`, entraWithoutFlag)).toBe(`{"level":${number}}`)
    expect(() => text(`{"level":"${number}"}`)).toThrow('"level" takes a number')
  }
  for (const number of ['1.5', '1.0', '1e2', '10E-1', '"1.0"', '"0x10"', '""', 'true', `1${'0'.repeat(1000)}`]) {
    expect(() => text(`{"level":${number}}`, entraWithoutFlag)).toThrow('"level"')
  }
  for (const [sent, kept] of [
    ['0.1', '0.1'],
    ['-0', '0'],
    ['1.50', '1.5'],
    ['1e2', '100'],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['1e400', `1${'0'.repeat(400)}`],
    ['25e-8', '0.00000025'],
  ]) {
    expect(text(`{"weight":${sent}}`)).toBe(`{"weight":${kept}}`)
  }
  expect(() => text('{"weight":1e1000}')).toThrow('"weight"')
  const { resource } = readResource(
    User,
    parseJson('{"userName":"ada","externalId":12345678901234567890,"title":1.10}'),
  )
  expect(resource).toMatchObject({ externalId: '12345678901234567890', title: '1.10' })
  const { members } = readResource(Group, parseJson('{"displayName":"g","members":[9007199254740993]}'))
  expect(members).toEqual(['9007199254740993'])
})

test('dates are kept as they were written, and brought into the form of xsd:dateTime where they have another', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [attribute('since', 'dateTime', 's')],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const since = (text: string) => {
    const found = new Diagnosis()
    const { resource } = readResource(wide, { userName: 'ada', [schema.id]: { since: text } }, found)
    return { resource, deviations: found.deviations }
  }
  for (const text of [
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00.123456789012+14:00',
    '2024-02-29T24:00:00.0-05:30',
    '0001-01-01T00:00:00Z',
  ]) {
    expect(since(text)).toMatchObject({
      resource: { [schema.id]: { since: text } },
      deviations: [{ code: 'missing-schema' }, { code: 'missing-schema' }],
    })
  }
  for (const [text, kept] of [
    ['2026-01-31', '2026-01-31T00:00:00Z'],
    ['2026-01-31t12:00z', '2026-01-31T12:00:00Z'],
    ['2026-01-31T12:00:00,250+0100', '2026-01-31T11:00:00.25Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
  ] as const) {
    const { resource, deviations } = since(text)
    expect(resource[schema.id]).toEqual({ since: kept })
    expect(deviations.map(({ code }) => code)).toContain('date-time-form')
  }
  for (const text of [
    '',
    'yesterday',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T25:00:00Z',
    '2026-01-31T24:00:01Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:61Z',
    '2026-01-31T12:00:00+14:01',
    '2026-01-31T12:00:00+99:99',
    '0000-12-31T23:00:00-05:00',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:00:00-05:00',
    '12026-01-31T12:00:00Z',
  ]) {
    expect(() => since(text)).toThrow('"since"')
  }
})

test('binary is Base64 of either alphabet, with or without its padding, and is kept as it was written', () => {
  const certificate = (value: string) => stored({ x509Certificates: [{ value }] })
  for (const value of ['', 'AA==', 'AA', 'AAA=', 'AAA', 'AAAA', '+/+/', '-_-_', 'AAAA\r\nAA==']) {
    expect(certificate(value)).toEqual({ x509Certificates: [{ value }] })
  }
  for (const value of ['A', 'AAAAA', 'A===', 'AAA==', 'AAAA=', '+_AA', 'A=AA', 'AA==AA==', 'é', 'AA\u0000']) {
    expect(() => certificate(value)).toThrow('"value"')
  }
})

test('text is kept as it was written: normal forms, astral characters, white space, nothing, very much', () => {
  for (const title of [
    'e\u0301',
    '\u00e9',
    '\u212b',
    '\u{1f469}\u200d\u{1f4bb}',
    '\ufdfa',
    ' \t\n ',
    '',
    'x'.repeat(100_000),
    '\ufeffx',
    '\u202e',
  ]) {
    expect(stored({ title })).toEqual({ title })
  }
  for (const profileUrl of ['https://x.example/ada?b=c#d', '../Users/1', 'Users/1', 'urn:x:y', '//x']) {
    expect(stored({ profileUrl })).toEqual({ profileUrl })
  }
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
