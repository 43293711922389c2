import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { attribute } from '../schema/attribute.ts'
import { defineResourceType } from '../schema/resource-type.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { matches } from './matches.ts'
import { parseFilter } from './parse.ts'
import { resolveFilter, resolveFilters } from './resolve.ts'

const { User, Group } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const ada: JsonObject = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterprise],
  id: 'aB1',
  externalId: 'Ext1',
  userName: 'Ada@Example.com',
  title: '',
  active: true,
  name: { givenName: 'Ada', familyName: 'M\u00fcller' },
  nickName: null,
  emails: [
    { type: 'work', value: 'ada@work.example', primary: true },
    { type: 'home', value: 'ada@home.example' },
  ],
  addresses: [],
  x509Certificates: [{ value: 'AbC=' }],
  [enterprise]: { department: 'Engines', manager: { value: 'm1' } },
  meta: { created: '2026-01-31T12:00:00.000Z', lastModified: '2026-01-31T12:00:00.123Z' },
}

const holds = (filter: string) => matches(User, parseFilter(filter), ada)
const refusal = (filter: string) => {
  try {
    resolveFilter(User, parseFilter(filter))
  } catch (error) {
    if (error instanceof ScimError) return error.scimType
    throw error
  }
  return 'accepted'
}

function expectEach(cases: Record<string, boolean>): void {
  expect(Object.fromEntries(Object.keys(cases).map((filter) => [filter, holds(filter)]))).toEqual(cases)
}

test('point 30: operators, attribute names and URNs are caseless', () => {
  expectEach({
    'USERNAME EQ "ada@example.com"': true,
    'urn:IETF:params:scim:schemas:core:2.0:user:username Sw "ADA"': true,
    [`${enterprise.toUpperCase()}:department eq "engines"`]: true,
    'active eq true or title pr and title pr': true,
    '(active eq true or title pr) and title pr': false,
  })
})

test('point 31: a value path must match one element, terms on sub-attributes need not', () => {
  expectEach({
    'emails[type eq "work" and value co "home"]': false,
    'emails[type eq "home" and value co "home"]': true,
    'emails.type eq "work" and emails.value co "home"': true,
    'not (emails[type eq "other"])': true,
    'emails[not (type eq "work")]': true,
    'emails[type eq "work" or value[x pr]]': true,
  })
})

test('point 32: pr is false for an empty string, null, nothing and an empty complex; an undefined attribute is no error', () => {
  expectEach({
    'title pr': false,
    'nickName pr': false,
    'addresses pr': false,
    'phoneNumbers pr': false,
    'name pr': true,
    'name.middleName pr': false,
    'emails pr': true,
    'emails.primary pr': true,
    'manager pr': true,
    'favouriteColour pr': false,
    'favouriteColour eq "x"': false,
    'favouriteColour ne "x"': true,
    'urn:no:such:schema:thing eq 1': false,
    'favouriteColour[a eq 1]': false,
    'favouriteColour eq null': true,
    'not (favouriteColour pr)': true,
    'nickName eq null': true,
    'userName eq null': false,
    'userName ne null': true,
    'displayName ne "x"': true,
  })
  expect(matches(User, parseFilter('name pr'), { name: { givenName: '' } })).toBe(false)
  expect(matches(User, parseFilter('emails pr'), { emails: [{}] })).toBe(false)
})

test('point 33: booleans and binaries have no order', () => {
  for (const operator of ['gt', 'ge', 'lt', 'le']) {
    expect(refusal(`active ${operator} true`)).toBe('invalidFilter')
    expect(refusal(`x509Certificates ${operator} "AA=="`)).toBe('invalidFilter')
  }
})

test("a value that cannot be of the attribute's type is refused", () => {
  for (const filter of [
    'active eq "maybe"',
    'active co "tr"',
    'meta.created gt "yesterday"',
    'meta.created sw "2026"',
    'userName gt null',
    'emails[primary eq 7]',
  ]) {
    expect(refusal(filter)).toBe('invalidFilter')
  }
})

test('point 33: dateTimes compare as instants, at any offset and fraction', () => {
  expectEach({
    'meta.created eq "2026-01-31T12:00:00Z"': true,
    'meta.created eq "2026-01-31T13:00:00+01:00"': true,
    'meta.created eq 2026-01-31T06:30:00.0-05:30': true,
    'meta.lastModified gt "2026-01-31T12:00:00.1229999Z"': true,
    'meta.lastModified ge "2026-01-31T12:00:00.1230001Z"': false,
    'meta.lastModified lt "2026-02-01"': true,
    'meta.lastModified eq "2026-01-31T12:00:00.123000Z"': true,
  })
  expect(refusal('meta.created gt "2026-02-30T00:00:00Z"')).toBe('invalidFilter')
})

test('point 34: string comparison follows caseExact, beyond ASCII too', () => {
  expectEach({
    'userName eq "ADA@EXAMPLE.COM"': true,
    'name.familyName eq "M\u00dcLLER"': true,
    'name.familyName ew "mu\u0308ller"': true,
    'externalId eq "Ext1"': true,
    'externalId eq "ext1"': false,
    'externalId sw "ext"': false,
    'id eq "AB1"': false,
    'userName gt "ACA"': true,
    'x509Certificates eq "abc="': false,
    'x509Certificates eq "AbC="': true,
  })
})

test('point 35: a bare complex attribute means its value, and schemas can be compared', () => {
  expectEach({
    'emails eq "ada@home.example"': true,
    'emails co "WORK"': true,
    'manager eq "m1"': true,
    [`schemas eq "${enterprise}"`]: true,
    'schemas eq "urn:other"': false,
    'name eq "x"': false,
  })
})

test('decision 9: a quoted boolean equals the boolean', () => {
  expectEach({
    'active eq "True"': true,
    'active eq "false"': false,
    'active ne False': true,
    'emails[primary eq "true" and type eq "work"]': true,
  })
})

test('numbers compare as numbers, and a number stands for its text on a text attribute', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [attribute('level', 'integer', 'l')],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const resource = { externalId: '42', [schema.id]: { level: 9 } }
  expect(matches(wide, parseFilter('level lt 10 and level gt "8.5"'), resource)).toBe(true)
  expect(matches(wide, parseFilter('externalId eq 42'), resource)).toBe(true)
  expect(() => resolveFilter(wide, parseFilter('level eq "many"'))).toThrow(ScimError)
})

test('a resolved comparison tells the attribute, where it is stored, and the value in its type', () => {
  expect(resolveFilter(User, parseFilter('manager eq 7'))).toMatchObject({
    kind: 'compare',
    target: {
      attribute: { name: 'value', type: 'string' },
      path: [enterprise, 'manager', 'value'],
      multiValued: false,
    },
    value: '7',
  })
  expect(resolveFilter(User, parseFilter('EMAILS.Value eq "x"'))).toMatchObject({
    target: { path: ['emails', 'value'], multiValued: true, parent: { name: 'emails' } },
  })
  expect(resolveFilter(Group, parseFilter('members[VALUE eq "x"]'))).toMatchObject({
    kind: 'valuePath',
    target: { path: ['members'], multiValued: true },
    filter: { kind: 'compare', target: { path: ['value'], multiValued: false } },
  })
  expect(resolveFilter(User, parseFilter('meta.created gt "2026-01-31T13:00:00+01:00"'))).toMatchObject({
    value: '2026-01-31T12:00:00.000000000Z',
  })
  expect(resolveFilter(User, parseFilter('title eq null'))).toMatchObject({ kind: 'not', term: { kind: 'present' } })
  expect(resolveFilter(User, parseFilter('nothing pr'))).toEqual({ kind: 'constant', holds: false })
})

test('no name reaches an inherited property of the document', () => {
  expectEach({ 'constructor pr': false, 'emails.constructor pr': false })
})

test('brackets after an attribute of one simple value are told, and after one of many or of parts they are not', () => {
  const told = (filter: string) => {
    const found = new Diagnosis()
    resolveFilters([User, Group], parseFilter(filter), found)
    return found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)
  }
  expect(told('userName[value eq "x"] or title[value pr]')).toEqual(['filtered-single-value ?filter'])
  expect(told('emails[value eq "x"] and name[givenName pr]')).toEqual([])
})

test('of a filter on several types only what none of them defines is told, and once', () => {
  const told = (filter: string, types = [User, Group]) => {
    const found = new Diagnosis()
    const resolved = resolveFilters(types, parseFilter(filter), found)
    return { resolved, told: found.deviations.map(({ code, cause }) => `${code} ${/"(.+?)"/.exec(cause)?.[1]}`) }
  }
  expect(told('userName eq "x"')).toEqual({
    resolved: [expect.objectContaining({ kind: 'compare' }), { kind: 'constant', holds: false }],
    told: [],
  })
  expect(told('members[type eq "User"] or displayName pr or emails[value pr]').told).toEqual([])
  expect(told('colour eq "x" or userName pr').told).toEqual(['unknown-filter-attribute colour'])
  expect(told('emails[colour eq "x"] or members[shade pr]').told).toEqual([
    'unknown-filter-attribute colour',
    'unknown-filter-attribute shade',
  ])
  expect(told('userName eq "x"', [Group]).told).toEqual(['unknown-filter-attribute userName'])
})
