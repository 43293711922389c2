import { errors, renderError } from '../error.ts'
import { renderBulk } from './response.ts'

test('a response holds the result of each operation, its status a string, and the Error of those that failed', () => {
  const location = 'https://example.com/v2/Users/1'
  const error = renderError(errors.preconditionFailed('If-Match'))
  const text = renderBulk([
    { method: 'POST', bulkId: 'q', version: 'W/"1"', location, status: 201 },
    { method: 'PUT', location, status: 412, response: JSON.stringify(error) },
    { status: 400, response: '{}' },
  ])
  expect(JSON.parse(text)).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'],
    Operations: [
      { method: 'POST', bulkId: 'q', version: 'W/"1"', location, status: '201' },
      { method: 'PUT', location, status: '412', response: error },
      { status: '400', response: {} },
    ],
  })
})
