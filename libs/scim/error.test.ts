import { ScimError, errorCodes, errorKinds, errors, renderError } from './error.ts'

const all: ScimError[] = [
  errors.invalidFilter('d'),
  errors.invalidPath('d'),
  errors.invalidSyntax('d'),
  errors.invalidValue('d'),
  errors.mutability('d'),
  errors.noTarget('d'),
  errors.tooMany('d'),
  errors.invalidCount('d'),
  errors.invalidCursor(),
  errors.expiredCursor(60),
  errors.movedCursor(),
  errors.uniqueness('d'),
  errors.ambiguous('userName'),
  errors.notFound('User', '7'),
  errors.unknownEndpoint('/x'),
  errors.methodNotAllowed(['GET', 'POST']),
  errors.incompleteBody(),
  errors.preconditionFailed('If-Match'),
  errors.payloadTooLarge(1048576),
  errors.tooManyOperations(1000),
  errors.unsupportedMediaType('text/plain'),
  errors.unsupportedContentEncoding('gzip'),
  errors.unsupportedTransferCoding('gzip, chunked'),
  errors.brokenReference('/Operations/0'),
  errors.brokenCircle(['/Operations/0']),
  errors.tooManyRequests(3),
  errors.unreadable(400, 'd'),
  errors.internal(),
  errors.notImplemented('d'),
  errors.unavailable(5),
]

test('point 43: every error is a SCIM Error with its status as a string and a detail', () => {
  for (const error of all) {
    const body = renderError(error)
    expect(body).toMatchObject({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(error.status),
      detail: error.detail,
    })
    expect(body.detail).not.toBe('')
    expect('scimType' in body).toBe(error.scimType !== undefined)
  }
})

test('every error has a code of its own, and every code in the list is that of an error', () => {
  expect(all.map(({ code }) => code).toSorted()).toEqual(errorCodes.toSorted())
  expect(new Set(errorCodes).size).toBe(errorCodes.length)
  expect(all.length).toBe(Object.keys(errors).length)
})

test('point 44: 401 carries WWW-Authenticate, 405 Allow, 429 and 503 Retry-After', () => {
  expect(errorKinds.unauthorized('missing-key', 'd').headers).toHaveProperty('WWW-Authenticate')
  expect(errors.methodNotAllowed(['GET', 'POST']).headers).toEqual({ Allow: 'GET, POST' })
  expect(errors.tooManyRequests(3).headers).toEqual({ 'Retry-After': '3' })
  expect(errors.unavailable(5).headers).toEqual({ 'Retry-After': '5' })
})

test('an id and an address that may name a person are not shown back, nor is a bulkId', () => {
  const id = '01890a5d-ac96-774b-bcce-b302099a8057'
  expect(errors.notFound('User', id).detail).toContain(`the id "${id}"`)
  expect(errors.unknownEndpoint('/Robots').detail).toContain('at "/Robots"')
  expect(errors.unknownEndpoint('/users/ada/x').detail).toContain('at "/users/?/?"')
  for (const { detail } of [
    errors.notFound('User', 'ada@example.com'),
    errors.unknownEndpoint('/ada@example.com'),
    errors.unknownEndpoint('/1/ada'),
    errors.unknownEndpoint('/Users/ada/groups'),
  ]) {
    expect(detail).not.toMatch(/ada|example/)
    expect(detail).not.toContain('undefined')
    expect(detail).not.toContain('"/?')
  }
})

test('what a client wrote is shown back short and without control characters', () => {
  const { detail } = errors.unsupportedMediaType(`a\u0000"${'x'.repeat(500)}`)
  expect(detail.length).toBeLessThan(250)
  expect(detail).toContain('"a??xxx')
})
