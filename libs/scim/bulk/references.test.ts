import type { JsonValue } from '../json.ts'
import { replaceInAddress, replaceReferences } from './references.ts'

const put = (bulkId: string): string => `<${bulkId}>`
const replaced = (value: JsonValue): JsonValue => replaceReferences(value, put)

test('a reference is replaced wherever it stands in the data', () => {
  expect(
    replaced({
      members: [{ type: 'User', value: 'bulkId:qwerty' }, 'bulkid:other one', { value: 'id', display: 'x' }],
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { value: 'bulkId:boss' } },
      manager: 'BULKID:a/b',
      active: true,
      count: 3,
      title: null,
    }),
  ).toEqual({
    members: [{ type: 'User', value: '<qwerty>' }, '<other one>', { value: 'id', display: 'x' }],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { value: '<boss>' } },
    manager: '<a/b>',
    active: true,
    count: 3,
    title: null,
  })
})

test('what only speaks of a bulkId is no reference', () => {
  const value = { title: 'see bulkId:x', bulkId: 'x', note: 'bulkId:', url: 'https://example.com/bulkId:x' }
  expect(replaced(value)).toBe(value)
})

test('a $ref may end in one', () => {
  expect(replaced({ $ref: 'https://example.com/v2/Users/bulkId:q' })).toEqual({
    $ref: 'https://example.com/v2/Users/<q>',
  })
  expect(replaced({ $REF: '../Groups/bulkId:q' })).toEqual({ $REF: '../Groups/<q>' })
})

test('the filter in the path of a PATCH may compare with one, quoted or not', () => {
  const path = (text: string): unknown => replaced({ Operations: [{ op: 'remove', Path: text }] }) as never
  const at = (text: string): unknown => ({ Operations: [{ op: 'remove', Path: text }] })
  expect(path('members[value eq "bulkId:qwerty"]')).toEqual(at('members[value eq "<qwerty>"]'))
  expect(path('members[value eq "bulkId:a" or value eq "b\\"]" or value eq "bulkId:c d"].display')).toEqual(
    at('members[value eq "<a>" or value eq "b\\"]" or value eq "<c d>"].display'),
  )
  expect(path('members[value eq bulkId:qwerty]')).toEqual(at('members[value eq <qwerty>]'))
  expect(path('members[value eq "say \\"bulkId:x\\""]')).toEqual(at('members[value eq "say \\"bulkId:x\\""]'))
  expect(path('members[value eq "bulkId:\\"x"]')).toEqual(at('members[value eq "<\\"x>"]'))
  expect(path('members[value eq "bulkId:x')).toEqual(at('members[value eq "bulkId:x'))
})

test('a long path without an end is searched once', () => {
  const path = `"bulkId:x${'\\"'.repeat(400_000)}`
  expect(replaced({ path })).toEqual({ path })
})

test('the address of an operation may hold one in the place of the id', () => {
  expect(replaceInAddress('/Users/bulkId:x', put)).toBe('/Users/<x>')
  expect(replaceInAddress('/Groups/BulkId:a/b', put)).toBe('/Groups/<a/b>')
  expect(replaceInAddress('/Users/1', put)).toBe('/Users/1')
  expect(replaceInAddress('/Users', put)).toBe('/Users')
})

test('keys that objects inherit are data like any other', () => {
  const value = JSON.parse('{"__proto__": {"value": "bulkId:x"}, "constructor": "bulkId:y"}') as JsonValue
  expect(JSON.stringify(replaced(value))).toBe('{"__proto__":{"value":"<x>"},"constructor":"<y>"}')
})
