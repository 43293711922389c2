import { isScimMediaType, responseMediaType } from './media-type.ts'
import { parseSearch } from './search.ts'
import { namesVersion, renderVersion } from './version.ts'

test('point 42: both content types are taken, with any parameter but a charset that is not UTF-8', () => {
  for (const type of [
    'application/scim+json',
    'application/json;version=2',
    'Application/SCIM+JSON; charset=utf-8',
    'application/json;x=1;Charset="UTF-8"',
  ]) {
    expect(isScimMediaType(type)).toBe(true)
  }
  for (const type of [
    undefined,
    '',
    'text/plain',
    'application/jsonx',
    'application/scim+json; charset=iso-8859-1',
    'application/json;charset="utf-16"',
  ]) {
    expect(isScimMediaType(type)).toBe(false)
  }
})

test('decision 13: the answer is application/scim+json unless application/json alone was asked for', () => {
  expect(responseMediaType(undefined)).toBe('application/scim+json')
  expect(responseMediaType('*/*')).toBe('application/scim+json')
  expect(responseMediaType('application/json')).toBe('application/json')
  expect(responseMediaType('application/json, */*;q=0.1')).toBe('application/json')
  expect(responseMediaType('application/scim+json, application/json')).toBe('application/scim+json')
  expect(responseMediaType('application/json;q=0')).toBe('application/scim+json')
})

test('point 45: versions compare weakly', () => {
  const version = renderVersion(3)
  expect(version).toBe('W/"3"')
  for (const header of ['*', 'W/"3"', '"3"', '"1", W/"3"', '3']) expect(namesVersion(header, version)).toBe(true)
  for (const header of ['', 'W/"33"', '"1","2"']) expect(namesVersion(header, version)).toBe(false)
})

test('point 40: a search request gives its filter, names and paging', () => {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest']
  expect(
    parseSearch({ schemas, filter: 'title pr', attributes: ['id'], count: 5, other: 1, startIndex: null }),
  ).toEqual({
    filter: 'title pr',
    attributes: ['id'],
    count: 5,
  })
  expect(() => parseSearch({ filter: 'title pr' })).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  expect(() => parseSearch({ schemas, filter: 7 })).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }))
})
