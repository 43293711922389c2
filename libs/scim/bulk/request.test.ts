import { Diagnosis } from '../diagnosis.ts'
import { bulkRequestSchema, maximumBulkOperations, parseBulk } from './request.ts'
import type { BulkOperation } from './request.ts'

const schemas = [bulkRequestSchema]
const post = (bulkId: string, data: object = { userName: bulkId }) => ({ method: 'POST', path: '/Users', bulkId, data })
const read = (...operations: unknown[]): readonly BulkOperation[] =>
  parseBulk({ schemas, Operations: operations }).operations

test('the example of RFC 7644 section 3.7.3 is read as it stands there', () => {
  const { operations, failOnErrors } = parseBulk({
    schemas,
    failOnErrors: 1,
    Operations: [
      { method: 'POST', path: '/Users', bulkId: 'qwerty', data: { schemas: [], userName: 'Alice' } },
      { method: 'PUT', path: '/Users/b7c1', version: 'W/"3694e05e9dff591"', data: { userName: 'Bob' } },
      { method: 'PATCH', path: '/Users/5d8d', version: 'W/"edac"', data: [{ op: 'remove', path: 'nickName' }] },
      { method: 'DELETE', path: '/Users/e902', version: 'W/"0ee8"' },
    ],
  })
  expect(failOnErrors).toBe(1)
  expect(operations.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined, undefined])
  expect(operations).toMatchObject([
    { index: 0, pointer: '/Operations/0', method: 'POST', path: '/Users', bulkId: 'qwerty', references: [] },
    { method: 'PUT', path: '/Users/b7c1', version: 'W/"3694e05e9dff591"', data: { userName: 'Bob' } },
    { method: 'PATCH', data: [{ op: 'remove', path: 'nickName' }] },
    { pointer: '/Operations/3', method: 'DELETE', version: 'W/"0ee8"' },
  ])
})

test('keys and methods are taken in any letter case, and what came otherwise is told of', () => {
  const found = new Diagnosis()
  const request = parseBulk(
    {
      SCHEMAS: bulkRequestSchema.toUpperCase(),
      FailOnErrors: '2',
      operations: [{ Method: 'post', PATH: 'Users/', BULKID: 7, Data: { userName: 'ada' } }],
    },
    found,
  )
  expect(request).toMatchObject({
    failOnErrors: 2,
    operations: [{ method: 'POST', path: '/Users', bulkId: '7', data: { userName: 'ada' } }],
  })
  expect(found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'number-as-string /failOnErrors',
    'scalar-as-text /Operations/0/bulkId',
    'method-letter-case /Operations/0/method',
  ])
})

test('a path may be percent-encoded, lack its slash, or carry a query, which is left out', () => {
  const [encoded, bare, queried] = read(
    { method: 'DELETE', path: '/Users/bulkId%3Ax' },
    { method: 'DELETE', path: 'Groups/a%2' },
    { method: 'DELETE', path: '/Users/1?attributes=id' },
  )
  expect(encoded).toMatchObject({ path: '/Users/bulkId:x' })
  expect(bare).toMatchObject({ path: '/Groups/a%2' })
  expect(queried).toMatchObject({ path: '/Users/1' })
})

test('what is no bulk request is refused as a whole', () => {
  const refusal = (body: unknown): unknown => {
    try {
      return parseBulk(body)
    } catch (error) {
      return error
    }
  }
  for (const body of [
    undefined,
    [],
    {},
    { schemas: ['x'], Operations: [] },
    { schemas },
    { schemas, Operations: {} },
  ]) {
    expect(refusal(body)).toMatchObject({ status: 400, scimType: 'invalidSyntax' })
  }
  for (const failOnErrors of [0, -1, 1.5, 'many', '', true, {}]) {
    expect(refusal({ schemas, Operations: [], failOnErrors })).toMatchObject({ status: 400, scimType: 'invalidValue' })
  }
})

test('no operations change nothing, and are a deviation', () => {
  const found = new Diagnosis()
  expect(parseBulk({ schemas, Operations: [], failOnErrors: null }, found)).toEqual({
    operations: [],
    failOnErrors: Infinity,
  })
  expect(found.deviations).toMatchObject([{ code: 'empty-operations' }])
})

test('more operations than maxOperations are 413, and the limit is named', () => {
  const operations = Array.from({ length: maximumBulkOperations + 1 }, (_, index) => post(`b${index}`))
  expect(read(...operations.slice(1))).toHaveLength(maximumBulkOperations)
  expect(() => read(...operations)).toThrow(
    expect.objectContaining({ status: 413, detail: expect.stringContaining('maxOperations (1000)') }),
  )
})

test('what is wrong with an operation is a fault of that one alone', () => {
  const operations = read(
    'x',
    { path: '/Users' },
    { method: 'GET', path: '/Users' },
    { method: 'PUT', data: {} },
    { method: 'POST', path: '/Users', data: {} },
    { method: 'PATCH', path: '/Users/1' },
    { method: 'PUT', path: '/Users/1', data: null },
    { method: 'POST', path: '/Bulk', bulkId: 'b', data: { schemas } },
    { method: 7, path: ['/Users'], bulkId: {} },
    post('fine'),
  )
  expect(operations.map(({ fault }) => fault?.status)).toEqual([...Array.from({ length: 9 }, () => 400), undefined])
  expect(operations.map(({ fault }) => fault?.detail)).toEqual([
    expect.stringContaining('/Operations/0 is not an object'),
    expect.stringContaining('/Operations/1 has no "method"'),
    expect.stringContaining('/Operations/2 has a method that is none here. Use POST, PUT'),
    expect.stringContaining('/Operations/3 has no "path"'),
    expect.stringContaining('/Operations/4 has no "bulkId"'),
    expect.stringContaining('/Operations/5 has no "data"'),
    expect.stringContaining('/Operations/6 has no "data"'),
    expect.stringContaining('/Operations/7 is a bulk request in a bulk request'),
    expect.stringContaining('/Operations/8 has a method that is none here'),
    undefined,
  ])
})

test('a field that stands twice, spelt differently, is a fault of that operation alone', () => {
  const [sound, twice, other] = read(
    post('a'),
    { method: 'DELETE', path: '/Users/1', Path: '/Users/2', bulkId: 'b' },
    { method: 'PATCH', Method: 'DELETE', path: '/Users/1', data: {} },
  )
  expect(sound?.fault).toBeUndefined()
  const fault = { status: 400, scimType: 'invalidSyntax', detail: expect.stringContaining('twice') }
  expect(twice).toMatchObject({ method: 'DELETE', bulkId: 'b', fault })
  expect(twice).not.toHaveProperty('path')
  expect(other).toMatchObject({ path: '/Users/1', fault })
  expect(other).not.toHaveProperty('method')
})

test('a method of HTTP that no bulk operation can have is known for the result; what is none is not repeated', () => {
  const [known, none] = read({ method: 'get', path: '/Users/1' }, { method: 'ada@example.com', path: '/Users/1' })
  expect(known).toMatchObject({ method: 'GET', fault: { status: 400 } })
  expect(none).toMatchObject({ fault: { status: 400 } })
  expect(none).not.toHaveProperty('method')
})

test('two POSTs of one bulkId are both refused; other methods may repeat it', () => {
  const operations = read(
    post('twice'),
    { method: 'DELETE', path: '/Users/1', bulkId: 'other' },
    { method: 'DELETE', path: '/Users/2', bulkId: 'other' },
    post('other'),
    post('twice'),
  )
  expect(operations.map(({ fault }) => fault?.code)).toEqual([
    'invalid-value',
    undefined,
    undefined,
    undefined,
    'invalid-value',
  ])
})

test('a bulkId, which may be the name of a person, is in no fault: operations are named by their place', () => {
  const name = 'ada@example.com'
  const details = (...operations: unknown[]) => read(...operations).map(({ fault }) => fault?.detail)
  const twice = details(post(name), post('b'), post(name))
  expect(twice).toEqual([
    expect.stringContaining('/Operations/0 has the same "bulkId" as the one at /Operations/2'),
    undefined,
    expect.stringContaining('/Operations/2 has the same "bulkId" as the one at /Operations/0'),
  ])
  const unknown = details({ method: 'DELETE', path: `/Users/bulkId:${name}` }, { method: name, path: '/Users' })
  expect(unknown).toEqual([expect.stringContaining('/Operations/0 refers'), expect.stringContaining('/Operations/1')])
  expect(JSON.stringify([twice, unknown])).not.toContain('ada')
})

test('a reference to what no POST of the request creates is a fault', () => {
  const [sound, faulty] = read(
    post('a', { manager: { value: 'bulkId:b' } }),
    { method: 'PATCH', path: '/Users/bulkId:z', data: {} },
    post('b'),
  )
  expect(sound).toMatchObject({ references: ['b'] })
  expect(sound?.fault).toBeUndefined()
  expect(faulty?.fault).toMatchObject({
    status: 400,
    detail: expect.stringContaining('/Operations/1 refers to a bulkId'),
  })
})
