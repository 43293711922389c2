import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { standard } from '../quirks/dialect.ts'
import { entra } from '../quirks/entra.ts'
import { onelogin } from '../quirks/onelogin.ts'
import type { Resource } from '../resource.ts'
import { attribute } from '../schema/attribute.ts'
import { defineResourceType } from '../schema/resource-type.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { applyPatch } from './apply.ts'
import { maximumOperations, parsePatch, patchSchema } from './operation.ts'

const { User } = resourceTypes
const core = User.schema.id
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const work = { type: 'work', value: 'ada@work.example', primary: true }
const home = { type: 'home', value: 'ada@home.example' }
const ada: Resource = {
  schemas: [core],
  userName: 'ada',
  active: true,
  title: 'Countess',
  name: { givenName: 'Ada', familyName: 'L' },
  emails: [work, home],
}

const message = (operations: readonly unknown[]) => ({ schemas: [patchSchema], Operations: operations })

function patch(operations: readonly object[], dialect = standard, resource = ada) {
  const found = new Diagnosis(dialect)
  const patched = applyPatch(User, resource, parsePatch(message(operations), found), found)
  const changed = patched.changes.map(({ attribute: name }) => name)
  return { resource: patched.resource, changed, deviations: found.deviations }
}

function refusal(operations: readonly object[], dialect = standard, resource = ada): ScimError {
  try {
    patch(operations, dialect, resource)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const refused = (...operations: object[]) => refusal(operations).scimType
const patched = (...operations: object[]) => patch(operations).resource
const codes = (...operations: object[]) => patch(operations).deviations.map(({ code }) => code)

test('point 1: add and replace without a path merge, and never replace the whole', () => {
  for (const op of ['add', 'replace']) {
    expect(patched({ op, value: { title: 'Dr.', name: { givenName: 'Augusta' } } })).toEqual({
      ...ada,
      title: 'Dr.',
      name: { givenName: 'Augusta', familyName: 'L' },
    })
  }
  expect(patched({ op: 'add', value: { emails: [{ value: 'x' }] } })['emails']).toEqual([work, home, { value: 'x' }])
  expect(patched({ op: 'replace', value: { emails: [{ value: 'x' }] } })['emails']).toEqual([{ value: 'x' }])
  expect(refused({ op: 'add', value: 'x' })).toBe('invalidValue')
})

test('point 2: remove without a path is noTarget', () => {
  expect(refused({ op: 'remove' })).toBe('noTarget')
  expect(refused({ op: 'remove', value: { title: 'x' } })).toBe('noTarget')
})

test('point 3: remove on a multi-valued attribute removes all its values', () => {
  expect(patched({ op: 'remove', path: 'emails' })).not.toHaveProperty('emails')
  expect(patched({ op: 'remove', path: 'emails[type eq "home"]' })['emails']).toEqual([work])
  expect(patched({ op: 'remove', path: 'emails[value pr]' })).not.toHaveProperty('emails')
})

test('point 4: removing or emptying a required attribute is refused, and changing a readOnly one', () => {
  expect(refused({ op: 'remove', path: 'userName' })).toBe('mutability')
  expect(refused({ op: 'replace', path: 'userName', value: null })).toBe('invalidValue')
  for (const path of ['id', 'meta', 'meta.created', 'groups', 'groups[value eq "x"]', 'manager.displayName']) {
    expect(refused({ op: 'remove', path })).toBe('mutability')
    expect(refused({ op: 'replace', path, value: 'x' })).toBe('mutability')
  }
})

test('decision 3: readOnly attributes echoed in a value without a path are ignored', () => {
  const { resource, deviations } = patch([{ op: 'replace', value: { id: '1', meta: {}, schemas: [], title: 'T' } }])
  expect(resource).toEqual({ ...ada, title: 'T' })
  expect(deviations.map(({ pointer }) => pointer)).toEqual(['/Operations/0/value/id', '/Operations/0/value/meta'])
})

test('decision 4: unknown attributes and extensions are ignored and reported', () => {
  const operations = [
    { op: 'add', path: 'favouriteColour', value: 'red' },
    { op: 'add', path: 'urn:example:2.0:X:colour', value: 'red' },
    { op: 'add', path: 'name.colour', value: 'red' },
    { op: 'add', path: 'emails[type eq "work"].colour', value: 'red' },
    { op: 'remove', path: 'favouriteColour[a eq 1].b' },
    { op: 'add', value: { 'no path at all': 1, colour: 1 } },
  ]
  const { changed, deviations } = patch(operations)
  expect(changed).toEqual([])
  expect(deviations.map(({ code }) => code)).toEqual(Array(7).fill('unknown-attribute'))
})

test('point 5: replace of an attribute without a value acts as add', () => {
  expect(patched({ op: 'replace', path: 'nickName', value: 'A' })['nickName']).toBe('A')
  expect(patched({ op: 'replace', path: 'phoneNumbers', value: [{ value: '1' }] })['phoneNumbers']).toEqual([
    { value: '1' },
  ])
  expect(patched({ op: 'replace', path: 'phoneNumbers.value', value: '1' })['phoneNumbers']).toEqual([{ value: '1' }])
})

test('point 6: replace of a complex attribute leaves unnamed sub-attributes alone', () => {
  expect(patched({ op: 'replace', path: 'name', value: { givenName: 'B' } })['name']).toEqual({
    givenName: 'B',
    familyName: 'L',
  })
  expect(patched({ op: 'replace', path: 'emails[type eq "work"]', value: { value: 'b' } })['emails']).toEqual([
    { ...work, value: 'b' },
    home,
  ])
  expect(patched({ op: 'replace', path: 'name.givenName', value: 'B' })['name']).toEqual({
    givenName: 'B',
    familyName: 'L',
  })
  expect(patched({ op: 'remove', path: 'name.givenName' })['name']).toEqual({ familyName: 'L' })
})

test('point 7: a replace on a value path hits every element that matches', () => {
  expect(patched({ op: 'replace', path: 'emails[value co "example"].display', value: 'D' })['emails']).toEqual([
    { ...work, display: 'D' },
    { ...home, display: 'D' },
  ])
  expect(patched({ op: 'remove', path: 'emails.type' })['emails']).toEqual([
    { value: work.value, primary: true },
    { value: home.value },
  ])
})

test('point 8: adding what is there and removing what is not changes nothing', () => {
  const same = [
    { op: 'add', path: 'emails', value: [home, { ...work, value: 'ADA@work.example' }] },
    { op: 'add', path: 'title', value: 'Countess' },
    { op: 'replace', path: 'emails', value: [home, work] },
    { op: 'remove', path: 'nickName' },
    { op: 'remove', path: 'emails[type eq "other"]' },
    { op: 'remove', path: 'emails', value: [{ value: 'nobody' }] },
    { op: 'remove', path: `${enterprise}:manager` },
    { op: 'add', path: 'nickName', value: null },
    { op: 'add', path: 'emails', value: [] },
    { op: 'replace', path: 'active', value: 'True' },
  ]
  for (const operation of same) expect(patch([operation]).changed).toEqual([])
})

test('addresses that differ in case alone are two: neither is merged into the other, nor removed with it', () => {
  const [upper, lower] = [{ value: 'http://a.example/B' }, { value: 'http://a.example/b' }]
  expect(patch([{ op: 'add', path: 'photos', value: [upper, lower] }])).toMatchObject({
    resource: { photos: [upper, lower] },
    deviations: [],
  })
  const both = { ...ada, photos: [upper, lower] }
  expect(patch([{ op: 'add', path: 'photos', value: [lower] }], standard, both).changed).toEqual([])
  for (const operation of [
    { op: 'remove', path: `photos[value eq "${upper.value}"]` },
    { op: 'remove', path: 'photos', value: [upper] },
  ]) {
    expect(patch([operation], standard, both).resource['photos']).toEqual([lower])
  }
})

test('active is left as it is by null and [], and that is told; only a removal that names it leaves it without a value', () => {
  for (const active of [true, false]) {
    const user = { ...ada, active }
    for (const value of [null, []]) {
      for (const op of ['add', 'replace', 'remove']) {
        for (const path of ['active', 'ACTIVE', `${core}:active`]) {
          const { resource, changed, deviations } = patch([{ op, path, value }], standard, user)
          expect([resource, changed]).toEqual([user, []])
          expect(deviations).toMatchObject([{ code: 'active-kept', pointer: '/Operations/0/path' }])
        }
        if (op === 'remove') continue
        for (const sent of [{ active: value }, { [core]: { active: value } }, { [`${core}:Active`]: value }]) {
          const { resource, deviations } = patch([{ op, value: sent }], standard, user)
          expect(resource).toEqual(user)
          expect(deviations.map(({ code }) => code)).toContain('active-kept')
        }
      }
    }
    expect(patch([{ op: 'remove', path: 'active' }], standard, user).resource).not.toHaveProperty('active')
  }
  const both = [
    { op: 'add', path: 'active', value: false },
    { op: 'replace', value: { active: null } },
  ]
  expect(patched(...both)['active']).toBe(false)
})

test('point 9: a newly primary element takes the mark from the others', () => {
  const marked = [
    { ...work, primary: false },
    { ...home, primary: true },
  ]
  expect(patched({ op: 'replace', path: 'emails[type eq "home"].primary', value: true })['emails']).toEqual(marked)
  expect(patched({ op: 'add', path: 'emails', value: [{ ...home, primary: true }] })['emails']).toEqual(marked)
  expect(patched({ op: 'add', path: 'emails[type eq "home"]', value: { primary: 'True' } })['emails']).toEqual(marked)
  expect(refused({ op: 'replace', path: 'emails.primary', value: true })).toBe('invalidValue')
})

test('decision 12: a value with two primary elements is refused', () => {
  const value = [
    { value: 'a', primary: true },
    { value: 'b', primary: true },
  ]
  expect(refused({ op: 'add', path: 'emails', value })).toBe('invalidValue')
})

test('decision 12: of a caller known for it, the last primary element keeps the mark', () => {
  const value = [
    { value: 'a', primary: true },
    { value: 'b', primary: true },
  ]
  const after = patch([{ op: 'add', path: 'emails', value }], entra.dialects[0])
  expect(after.resource['emails']).toEqual([
    { ...work, primary: false },
    home,
    { value: 'a', primary: false },
    value[1],
  ])
  expect(after.deviations.map(({ code }) => code)).toEqual(['several-primaries'])
  const all = patch([{ op: 'replace', path: 'emails.primary', value: true }], entra.dialects[0])
  expect(all.resource['emails']).toEqual([
    { ...work, primary: false },
    { ...home, primary: true },
  ])
})

test('point 10: each operation sees what the one before left', () => {
  const { resource, changed } = patch([
    { op: 'add', path: 'phoneNumbers', value: [{ type: 'work', value: '1' }] },
    { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '2' },
    { op: 'replace', path: 'title', value: 'x' },
    { op: 'replace', path: 'title', value: 'Countess' },
  ])
  expect(resource['phoneNumbers']).toEqual([{ type: 'work', value: '2' }])
  expect(changed).toEqual(['phoneNumbers'])
})

test('point 10: when an operation fails the resource is as it was', () => {
  const before = structuredClone(ada)
  refusal([
    { op: 'replace', path: 'name.givenName', value: 'X' },
    { op: 'remove', path: 'userName' },
  ])
  expect(ada).toEqual(before)
})

test('point 11: a path with a URN adds the URN to schemas, and the last attribute removed takes it away', () => {
  const { resource, changed } = patch([{ op: 'add', path: `${enterprise}:department`, value: 'd' }])
  expect(resource).toEqual({ ...ada, schemas: [core, enterprise], [enterprise]: { department: 'd' } })
  expect(changed).toEqual([`${enterprise}:department`])
  for (const path of [`${enterprise}:department`, enterprise]) {
    expect(patch([{ op: 'remove', path }], standard, resource).resource).toEqual(ada)
  }
  expect(patched({ op: 'replace', path: `${core}:name.givenName`, value: 'B' })['name']).toMatchObject({
    givenName: 'B',
  })
  expect(patched({ op: 'replace', path: `${core}:emails[type eq "home"].value`, value: 'b' })['emails']).toEqual([
    work,
    { ...home, value: 'b' },
  ])
})

test('an extension can be set whole, by path and without', () => {
  const value = { department: 'd', displayName: 'no', manager: 'm' }
  for (const operation of [
    { op: 'replace', path: enterprise, value },
    { op: 'add', value: { [enterprise]: value } },
  ]) {
    expect(patched(operation)[enterprise]).toEqual({ department: 'd', manager: { value: 'm' } })
  }
  expect(refused({ op: 'add', path: enterprise, value: 'x' })).toBe('invalidValue')
})

test('point 12: op is taken in any letter case, an unknown one is refused', () => {
  expect(patched({ op: 'REPLACE', path: 'title', value: 'x' })['title']).toBe('x')
  for (const op of ['move', '', undefined, 7]) expect(refused({ op, path: 'title', value: 'x' })).toBe('invalidSyntax')
})

test('point 12: schemas holds PatchOp, which is tolerated when missing inside bulk', () => {
  const body = { Operations: [{ op: 'remove', path: 'title' }] }
  expect(() => parsePatch(body)).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  const found = new Diagnosis()
  expect(parsePatch(body, found, { insideBulk: true })).toHaveLength(1)
  expect(found.deviations).toMatchObject([{ code: 'missing-schema', pointer: '/schemas' }])
  expect(() => parsePatch({ ...body, schemas: [core] })).toThrow(ScimError)
})

test('inside bulk the operations may come as a bare array, and every place is one of the whole body', () => {
  const place = '/Operations/3/data'
  const operation = { op: 'add', path: 'titel', value: 'x' }
  const found = new Diagnosis(standard, place)
  const bare = parsePatch([operation], found, { insideBulk: true })
  expect(bare.map(({ pointer }) => pointer)).toEqual([`${place}/0`])
  applyPatch(User, ada, parsePatch({ operations: [operation] }, found, { insideBulk: true }), found.attempt())
  expect(found.deviations.map(({ pointer }) => pointer)).toEqual([`${place}/schemas`, `${place}/Operations/0/path`])
  expect(() => parsePatch({ operations: [{ op: 'move' }] }, found, { insideBulk: true })).toThrow(
    expect.objectContaining({ detail: expect.stringContaining(`${place}/Operations/0`) }),
  )
})

test('decision 8: no operations succeed, change nothing and are marked', () => {
  const found = new Diagnosis()
  const operations = parsePatch(message([]), found)
  expect(applyPatch(User, ada, operations)).toEqual({ resource: ada, changes: [] })
  expect(found.deviations).toMatchObject([{ code: 'empty-operations', pointer: '/Operations' }])
})

test('a body that is no PATCH, an operation without a value and too many operations are refused', () => {
  for (const body of [null, [], 'x', message([]).schemas, { schemas: [patchSchema] }, message([7])]) {
    expect(() => parsePatch(body)).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  }
  expect(refused({ op: 'add', path: 'title' })).toBe('invalidValue')
  expect(refused(...Array(maximumOperations + 1).fill({ op: 'remove', path: 'title' }))).toBe('tooMany')
})

test('a deviation points to where it stands in the body', () => {
  const { deviations } = patch([
    { op: 'ADD', path: 'roles', value: [{ value: 'a' }, { value: '{"value":"b"}' }] },
    { op: 'add', path: 'colour', value: 'red' },
    { op: 'add', path: 'phoneNumbers[type eq work].value', value: '7' },
    { op: 'add', value: { active: 'true', 'urn:x:a': 1 } },
  ])
  expect(deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'operation-letter-case /Operations/0/op',
    'unquoted-literal /Operations/2/path',
    'json-in-string /Operations/0/value/1',
    'unknown-attribute /Operations/1/path',
    'created-by-filter /Operations/2/path',
    'boolean-as-string /Operations/3/value/active',
    'unknown-attribute /Operations/3/value/urn:x:a',
  ])
})

test('a PATCH that would look at too many values is refused', () => {
  const emails = Array.from({ length: 400 }, (_, index) => ({ value: `${index}@example.com` }))
  const replace = { op: 'replace', path: 'emails[value eq "7@example.com"].display', value: 'D' }
  const { scimType } = refusal(Array(60).fill(replace), standard, { ...ada, emails })
  expect(scimType).toBe('tooMany')
  expect(patch(Array(40).fill(replace), standard, { ...ada, emails }).changed).toEqual(['emails'])
})

test('point 13: an immutable attribute can be added once, and not changed or removed', () => {
  const badge = attribute('badge', 'string', 'b', { mutability: 'immutable' })
  const schema = { id: 'urn:example:2.0:Badge', name: 'Badge', description: 'Badge', attributes: [badge] }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const apply = (resource: Resource, operation: object) =>
    applyPatch(wide, resource, parsePatch(message([operation]))).resource
  const first = apply(ada, { op: 'add', path: 'badge', value: '7' })
  expect(first[schema.id]).toEqual({ badge: '7' })
  expect(apply(first, { op: 'replace', path: 'badge', value: '7' })).toEqual(first)
  for (const operation of [
    { op: 'add', path: 'badge', value: '8' },
    { op: 'replace', value: { badge: '8' } },
    { op: 'remove', path: 'badge' },
  ]) {
    expect(() => apply(first, operation)).toThrow(expect.objectContaining({ scimType: 'mutability' }))
  }
})

test('point 13: what is immutable within a complex value or an element stays, whatever path leads to it', () => {
  const card = attribute('card', 'complex', 'c', {
    subAttributes: [attribute('number', 'string', 'n', { mutability: 'immutable' }), attribute('color', 'string', 'c')],
  })
  const keys = attribute('keys', 'complex', 'k', {
    multiValued: true,
    subAttributes: [
      attribute('value', 'string', 'v'),
      attribute('door', 'string', 'd', { mutability: 'immutable' }),
      attribute('note', 'string', 'n'),
    ],
  })
  const marks = attribute('marks', 'complex', 'm', {
    multiValued: true,
    mutability: 'immutable',
    subAttributes: [attribute('value', 'string', 'v'), attribute('note', 'string', 'n')],
  })
  const schema = { id: 'urn:example:2.0:Badge', name: 'Badge', description: 'Badge', attributes: [card, keys, marks] }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const apply = (...operations: object[]) =>
    applyPatch(wide, badged, parsePatch(message(operations))).resource[schema.id]
  const badge: JsonObject = {
    card: { number: '7', color: 'red' },
    keys: [{ value: 'k', door: 'd' }, { value: 'l' }],
    marks: [{ value: 'a' }, { value: 'b', note: 'n' }],
  }
  const badged: Resource = { ...ada, schemas: [core, schema.id], [schema.id]: badge }
  expect(apply({ op: 'replace', path: 'card', value: { color: 'blue', number: '7' } })).toEqual({
    ...badge,
    card: { number: '7', color: 'blue' },
  })
  expect(apply({ op: 'add', path: 'keys[value eq "l"].door', value: 'e' })).toMatchObject({
    keys: [
      { value: 'k', door: 'd' },
      { value: 'l', door: 'e' },
    ],
  })
  expect(apply({ op: 'remove', path: 'keys[value eq "k"]' })).toMatchObject({ keys: [{ value: 'l' }] })
  expect(apply({ op: 'add', path: 'marks', value: [{ value: 'b', note: 'n' }] })).toEqual(badge)
  for (const operation of [
    { op: 'replace', path: 'card', value: { number: '8' } },
    { op: 'replace', path: 'card', value: { number: null } },
    { op: 'replace', path: 'card.number', value: '8' },
    { op: 'remove', path: 'card.number' },
    { op: 'remove', path: 'card' },
    { op: 'replace', path: 'card', value: null },
    { op: 'replace', value: { [schema.id]: { card: { number: '8' } } } },
    { op: 'remove', path: schema.id },
    { op: 'replace', path: 'keys[value eq "k"].door', value: 'e' },
    { op: 'remove', path: 'keys[value eq "k"].door' },
    { op: 'remove', path: 'keys.door' },
    { op: 'replace', path: 'keys[value eq "k"]', value: { door: 'e' } },
    { op: 'replace', path: 'keys[value eq "k"]', value: { value: 'm', door: 'e' } },
    { op: 'add', path: 'keys', value: [{ value: 'k', door: 'e' }] },
    { op: 'replace', path: 'keys', value: [{ value: 'k', door: 'e' }] },
    { op: 'replace', path: 'marks', value: [{ value: 'a' }] },
    { op: 'add', path: 'marks', value: [{ value: 'c' }] },
    { op: 'remove', path: 'marks' },
    { op: 'remove', path: 'marks[value eq "a"]' },
    { op: 'replace', path: 'marks[value eq "a"].note', value: 'x' },
  ]) {
    expect(() => apply(operation)).toThrow(expect.objectContaining({ scimType: 'mutability' }))
  }
})

test('point 4: what is required is not taken away by a filter, a part or its extension', () => {
  const doors = attribute('doors', 'complex', 'd', {
    multiValued: true,
    required: true,
    subAttributes: [attribute('value', 'string', 'v', { required: true }), attribute('note', 'string', 'n')],
  })
  const schema = { id: 'urn:example:2.0:Badge', name: 'Badge', description: 'Badge', attributes: [doors] }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: true }] })
  const badged: Resource = { ...ada, schemas: [core, schema.id], [schema.id]: { doors: [{ value: 'a', note: 'n' }] } }
  const apply = (operation: object) => applyPatch(wide, badged, parsePatch(message([operation]))).resource[schema.id]
  for (const path of ['doors', 'doors[value eq "a"]', 'doors.value', 'doors[note pr].value', schema.id]) {
    expect(() => apply({ op: 'remove', path })).toThrow(expect.objectContaining({ scimType: 'mutability' }))
  }
  expect(() => apply({ op: 'add', path: 'doors', value: [{ note: 'n' }] })).toThrow('"doors.value"')
  expect(apply({ op: 'remove', path: 'doors.note' })).toEqual({ doors: [{ value: 'a' }] })
})

test('point 14: a malformed path is invalidPath, a bad filter in it invalidFilter', () => {
  for (const path of ['a b', '/title', 'name.a.b', 7, 'name[givenName eq "x"]', 'title[value eq "x"]']) {
    expect(refused({ op: 'replace', path, value: 'x' })).toBe('invalidPath')
  }
  for (const path of ['emails[', 'emails[type is "x"].value', 'emails[primary gt true].value']) {
    expect(refused({ op: 'replace', path, value: 'x' })).toBe('invalidFilter')
  }
})

test('point 16: keys without a path may be dotted, have a URN or a filter', () => {
  const value = { 'name.givenName': 'B', [`${enterprise}:employeeNumber`]: '7', 'emails[type eq "home"].value': 'b' }
  expect(patched({ op: 'replace', value })).toEqual({
    ...ada,
    schemas: [core, enterprise],
    name: { givenName: 'B', familyName: 'L' },
    emails: [work, { ...home, value: 'b' }],
    [enterprise]: { employeeNumber: '7' },
  })
  expect(codes({ op: 'replace', value })).toEqual(['flattened-key', 'flattened-key', 'flattened-key'])
})

test('point 17: a manager as a string, an object or an array of one, with and without its URN, means its value', () => {
  for (const path of ['manager', `${enterprise}:manager`, 'manager.value']) {
    for (const value of path === 'manager.value' ? ['m'] : ['m', { value: 'm' }, [{ value: 'm' }]]) {
      expect(patched({ op: 'Add', path, value })[enterprise]).toEqual({ manager: { value: 'm' } })
    }
  }
})

test('point 18: roles that are JSON in a string are parsed', () => {
  const value = [{ value: '{"id":"1","value":"Admin","displayName":"Administrator"}' }]
  expect(patched({ op: 'add', path: 'roles', value })['roles']).toEqual([{ value: 'Admin' }])
  const [entraWithoutFlag] = entra.dialects
  expect(patch([{ op: 'add', path: 'roles', value }], entraWithoutFlag).resource['roles']).toEqual([
    { value: 'Admin', display: 'Administrator' },
  ])
})

test('decision 5: a replace that matches nothing is noTarget, and creates the element for Entra when the filter is of eqs', () => {
  const operation = { op: 'replace', path: 'phoneNumbers[type eq "work" and primary eq "True"].value', value: '1' }
  expect(refused(operation)).toBe('noTarget')
  expect(patch([operation], entra.dialects[0]).resource['phoneNumbers']).toEqual([
    { type: 'work', primary: true, value: '1' },
  ])
  for (const path of [
    'emails[type eq "x" or type eq "y"].value',
    'emails[type sw "x"].value',
    'emails[not (type pr)].value',
    'emails[type eq "x" and type eq "y"].value',
  ]) {
    expect(refusal([{ op: 'replace', path, value: '1' }], entra.dialects[0]).scimType).toBe('noTarget')
    expect(refused({ op: 'add', path, value: '1' })).toBe('noTarget')
  }
})

test('decision 5: an add that matches nothing creates the element for every caller', () => {
  expect(patched({ op: 'add', path: 'emails[type eq "other"].value', value: 'o' })['emails']).toEqual([
    work,
    home,
    { type: 'other', value: 'o' },
  ])
  expect(patched({ op: 'add', path: 'roles[primary eq "True"]', value: { value: 'Admin' } })['roles']).toEqual([
    { primary: true, value: 'Admin' },
  ])
  expect(patched({ op: 'add', path: 'emails[type eq "work"].value', value: 'o' })['emails']).toEqual([
    { ...work, value: 'o' },
    home,
  ])
})

test('decision 6: a remove with a list removes only what it lists', () => {
  expect(patched({ op: 'Remove', path: 'emails', value: [{ value: 'ADA@home.example' }] })['emails']).toEqual([work])
  expect(patched({ op: 'Remove', path: 'emails', value: [{ value: home.value, type: 'work' }] })['emails']).toEqual([
    work,
    home,
  ])
  expect(patched({ op: 'remove', path: 'emails', value: home })['emails']).toEqual([work])
  expect(codes({ op: 'remove', path: 'emails', value: [home] })).toEqual(['value-on-remove'])
  expect(patched({ op: 'Remove', path: 'title', value: 'anything' })).not.toHaveProperty('title')
})

test('one value may be added without an array by every caller, and replace an array by those alone whose dialect has it so', () => {
  const value = { type: 'other', value: 'o' }
  expect(patched({ op: 'add', path: 'emails', value })['emails']).toEqual([work, home, value])
  expect(codes({ op: 'add', path: 'emails', value })).toEqual([])
  expect(refused({ op: 'replace', path: 'emails', value })).toBe('invalidValue')
  const replaced = patch([{ op: 'replace', path: 'emails', value }], onelogin.dialects[0])
  expect(replaced.resource['emails']).toEqual([value])
  expect(replaced.deviations).toMatchObject([{ code: 'single-as-many', pointer: '/Operations/0/value' }])
})

test('decision 7: booleans in strings are booleans', () => {
  expect(patched({ op: 'Replace', path: 'active', value: 'False' })['active']).toBe(false)
  expect(refused({ op: 'Replace', path: 'active', value: 'perhaps' })).toBe('invalidValue')
})

test('point 20: replacing by null or [] removes', () => {
  for (const [path, value] of [
    ['title', null],
    ['emails', []],
    ['emails', null],
    ['name', null],
    ['name', { givenName: null, familyName: null }],
  ] as const) {
    expect(patched({ op: 'replace', path, value })).not.toHaveProperty(path)
  }
  expect(patched({ op: 'replace', path: 'emails[type eq "home"]', value: null })['emails']).toEqual([work])
})

test('point 20: a sub-attribute that is null is taken away by a replace, and left alone by an add', () => {
  const value = { givenName: null, middleName: 'K' }
  expect(patched({ op: 'replace', path: 'name', value })['name']).toEqual({ middleName: 'K', familyName: 'L' })
  expect(patched({ op: 'replace', value: { name: value } })['name']).toEqual({ middleName: 'K', familyName: 'L' })
  expect(patched({ op: 'add', path: 'name', value })['name']).toEqual({ ...Object(ada['name']), middleName: 'K' })
  expect(patched({ op: 'replace', path: 'name.givenName', value: null })['name']).toEqual({ familyName: 'L' })
  expect(patched({ op: 'replace', path: 'name', value: {} })).toEqual(ada)
  const path = 'emails[type eq "work"]'
  expect(patched({ op: 'replace', path, value: { primary: null } })['emails']).toEqual([
    { type: 'work', value: work.value },
    home,
  ])
  expect(patched({ op: 'add', path, value: { primary: null } })).toEqual(ada)
  expect(patched({ op: 'replace', path, value: { type: null, value: null, primary: null } })['emails']).toEqual([home])
  expect(patched({ op: 'replace', path: `${path}.primary`, value: null })['emails']).toEqual([
    { type: 'work', value: work.value },
    home,
  ])
  expect(patched({ op: 'replace', path: 'emails', value: [{ value: 'x', type: null }] })['emails']).toEqual([
    { value: 'x' },
  ])
  const { resource } = patch([{ op: 'add', path: enterprise, value: { department: 'd', division: 'v' } }])
  expect(
    patch([{ op: 'replace', path: enterprise, value: { department: null } }], standard, resource).resource,
  ).toMatchObject({
    [enterprise]: { division: 'v' },
  })
})

test('point 26: a password is checked, and changes nothing', () => {
  for (const operation of [
    { op: 'replace', path: 'password', value: 's3cret' },
    { op: 'add', value: { password: 's3cret' } },
    { op: 'replace', path: 'password', value: null },
    { op: 'remove', path: 'password' },
  ]) {
    expect(patch([operation])).toEqual({ resource: ada, changed: [], deviations: [] })
  }
  expect(refused({ op: 'replace', path: 'password', value: { secret: 's3cret' } })).toBe('invalidValue')
})

test('point 17: a new manager does not keep the address of the one before', () => {
  const managed = patch([{ op: 'add', path: 'manager', value: { value: 'm1', $ref: 'Users/m1' } }]).resource
  const manager = (value: unknown, op = 'replace') =>
    patch([{ op, path: 'manager', value }], standard, managed).resource[enterprise]
  for (const op of ['add', 'replace']) {
    expect(manager('m2', op)).toEqual({ manager: { value: 'm2' } })
    expect(manager({ value: 'm2', $ref: 'Users/m2' }, op)).toEqual({ manager: { value: 'm2', $ref: 'Users/m2' } })
    expect(manager('m1', op)).toEqual({ manager: { value: 'm1', $ref: 'Users/m1' } })
  }
  expect(manager(null)).toBeUndefined()
})

test('an operation or a message that has a field twice, spelt differently, is refused', () => {
  expect(refused({ op: 'add', OP: 'remove', path: 'title', value: 'x' })).toBe('invalidSyntax')
  expect(() => parsePatch({ ...message([]), operations: [] })).toThrow(
    expect.objectContaining({ scimType: 'invalidSyntax' }),
  )
  expect(refused({ op: 'replace', path: 'name', value: { givenName: 'A', GIVENNAME: 'B' } })).toBe('invalidValue')
})

test('point 11: schemas follows from what a resource has; a PATCH of it is told of and changes nothing', () => {
  const { resource } = patch([{ op: 'add', path: `${enterprise}:department`, value: 'd' }])
  for (const operation of [
    { op: 'replace', path: 'schemas', value: [core] },
    { op: 'remove', path: `schemas[value eq "${enterprise}"]` },
  ]) {
    const after = patch([operation], standard, resource)
    expect(after.resource).toEqual(resource)
    expect(after.deviations).toMatchObject([{ code: 'read-only-attribute', pointer: '/Operations/0/path' }])
  }
  expect(refusal([{ op: 'remove', path: 'schemas' }]).scimType).toBe('mutability')
})

test('point 29: a change that makes two elements the same leaves one', () => {
  expect(
    patched({ op: 'replace', path: 'emails[type eq "home"]', value: { type: 'work', value: work.value } })['emails'],
  ).toEqual([work])
})

test('a refusal names its attribute and never shows the value', () => {
  const { detail } = refusal([{ op: 'replace', path: 'emails[value eq "eve@example.com"].value', value: 'x' }])
  expect(detail).toContain('"emails"')
  expect(detail).not.toContain('eve')
})

test('who sends no value is told of null only where it clears', () => {
  const clears = expect.stringContaining('null clears')
  expect(refusal([{ op: 'replace', path: 'title' }]).detail).toEqual(clears)
  expect(refusal([{ op: 'add', path: 'title' }]).detail).not.toEqual(clears)
  expect(patch([{ op: 'add', path: 'title', value: null }]).changed).toEqual([])
})

test('what a client wrote where "op" belongs is not shown back', () => {
  const { scimType, detail } = refusal([{ op: 'ada@example.com', path: 'title' }])
  expect({ scimType, detail }).toEqual({ scimType: 'invalidSyntax', detail: expect.not.stringContaining('ada') })
})
