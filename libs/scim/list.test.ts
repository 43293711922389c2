import { parsePaging, renderAll, renderList } from './list.ts'

test('point 36: startIndex below 1 is 1, a negative count is 0, count 0 asks for totals only', () => {
  expect(parsePaging({ startIndex: '0', count: '-5' }, 200)).toEqual({ method: 'index', startIndex: 1, count: 0 })
  expect(parsePaging({ startIndex: '-7', count: '0' }, 200)).toEqual({ method: 'index', startIndex: 1, count: 0 })
  expect(parsePaging({ startIndex: '101', count: '100' }, 200)).toEqual({
    method: 'index',
    startIndex: 101,
    count: 100,
  })
})

test('count is the maximum when it is absent or larger, however large the numbers are', () => {
  expect(parsePaging({}, 200)).toEqual({ method: 'index', startIndex: 1, count: 200 })
  expect(parsePaging({ count: '1000000', startIndex: '9'.repeat(400) }, 200)).toEqual({
    method: 'index',
    startIndex: 2_147_483_647,
    count: 200,
  })
})

test('a count that is no whole number is refused', () => {
  for (const count of ['abc', '1.5', '1e3', {}, { toString: 1 }, true]) {
    expect(() => parsePaging({ count }, 200)).toThrow(expect.objectContaining({ scimType: 'invalidValue' }))
    expect(() => parsePaging({ count, cursor: '' }, 200)).toThrow(expect.objectContaining({ scimType: 'invalidCount' }))
  }
})

test('a cursor, be it empty, asks for paging by cursor, and startIndex is then ignored', () => {
  expect(parsePaging({ cursor: '', startIndex: '7' }, 200)).toEqual({ method: 'cursor', cursor: '', count: 200 })
  expect(parsePaging({ cursor: 'abc', count: '500' }, 200)).toEqual({ method: 'cursor', cursor: 'abc', count: 200 })
  expect(parsePaging({ cursor: 'abc', count: -1 }, 200)).toEqual({ method: 'cursor', cursor: 'abc', count: 0 })
  expect(parsePaging({ cursor: null }, 200)).toMatchObject({ method: 'index' })
  expect(() => parsePaging({ cursor: 7 }, 200)).toThrow(expect.objectContaining({ scimType: 'invalidCursor' }))
})

test('a page by cursor tells where the next begins, and no startIndex', () => {
  expect(JSON.parse(renderList({ totalResults: 7, nextCursor: 'n', resources: ['{"id":"1"}'] }))).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: 7,
    itemsPerPage: 1,
    nextCursor: 'n',
    Resources: [{ id: '1' }],
  })
  expect(JSON.parse(renderList({ nextCursor: undefined, resources: [] }))).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    itemsPerPage: 0,
    Resources: [],
  })
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
