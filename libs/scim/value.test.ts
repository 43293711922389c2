import { Diagnosis } from './diagnosis.ts'
import { parseJson } from './json.ts'
import { standard } from './quirks/dialect.ts'
import { readResource } from './resource.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { codes, core, entraWithoutFlag, Group, oneLogin, refusal, stored, User } from './test/read-user.ts'

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
