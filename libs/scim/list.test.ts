import { ScimError } from './error.ts'
import { parsePaging, renderAll, renderList } from './list.ts'

test('point 36: startIndex below 1 is 1, a negative count is 0, count 0 asks for totals only', () => {
  expect(parsePaging({ startIndex: '0', count: '-5' }, 200)).toEqual({ startIndex: 1, count: 0 })
  expect(parsePaging({ startIndex: '-7', count: '0' }, 200)).toEqual({ startIndex: 1, count: 0 })
  expect(parsePaging({ startIndex: '101', count: '100' }, 200)).toEqual({ startIndex: 101, count: 100 })
})

test('count is the maximum when it is absent or larger, however large the numbers are', () => {
  expect(parsePaging({}, 200)).toEqual({ startIndex: 1, count: 200 })
  expect(parsePaging({ count: '1000000', startIndex: '9'.repeat(400) }, 200)).toEqual({
    startIndex: 2_147_483_647,
    count: 200,
  })
})

test('a count that is no whole number is refused', () => {
  for (const count of ['abc', '1.5', '1e3', {}, { toString: 1 }, true]) {
    expect(() => parsePaging({ count }, 200)).toThrow(ScimError)
  }
})

test('point 37: totalResults counts all matches, itemsPerPage what was returned, and no match is an empty list', () => {
  expect(JSON.parse(renderList({ totalResults: 7, startIndex: 3, resources: ['{"id":"1"}', '{"id":"2"}'] }))).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: 7,
    startIndex: 3,
    itemsPerPage: 2,
    Resources: [{ id: '1' }, { id: '2' }],
  })
  expect(JSON.parse(renderList({ totalResults: 0, startIndex: 1, resources: [] }))).toMatchObject({
    totalResults: 0,
    itemsPerPage: 0,
    Resources: [],
  })
  expect(JSON.parse(renderAll([{ id: 'User' }]))).toMatchObject({ totalResults: 1, Resources: [{ id: 'User' }] })
})
