import type { JsonObject } from '../json.ts'
import { standard } from '../quirks/dialect.ts'
import type { Resource } from '../resource.ts'
import { attribute } from '../schema/attribute.ts'
import { defineResourceType } from '../schema/resource-type.ts'
import { applyPatch } from './apply.ts'
import { parsePatch } from './operation.ts'
import { ada, core, message, patch, patched, refused, User } from '../test/patched-user.ts'

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
