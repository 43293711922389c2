import { Diagnosis } from './diagnosis.ts'
import { isScimMediaType, namesAnotherCharset, responseMediaType } from './media-type.ts'
import { parseSearch, readSearch } from './search.ts'
import { namesVersion, renderVersion } from './version.ts'

test('point 42: both content types are taken, with any parameter, and a charset other than UTF-8 is seen', () => {
  for (const type of [
    'application/scim+json',
    'application/json;version=2',
    'Application/SCIM+JSON; charset=utf-8',
    'application/json;x=1;Charset="UTF-8"',
  ]) {
    expect([isScimMediaType(type), namesAnotherCharset(type)]).toEqual([true, false])
  }
  for (const type of ['application/scim+json; charset=iso-8859-1', 'application/json;charset="us-ascii"']) {
    expect([isScimMediaType(type), namesAnotherCharset(type)]).toEqual([true, true])
  }
  for (const type of [undefined, '', 'text/plain', 'application/jsonx']) {
    expect(isScimMediaType(type)).toBe(false)
  }
})

test.each([
  [undefined, 'application/scim+json'],
  ['', 'application/scim+json'],
  ['*/*', 'application/scim+json'],
  ['application/*', 'application/scim+json'],
  ['application/json', 'application/json'],
  ['Application/JSON; charset=utf-8', 'application/json'],
  ['application/json, */*;q=0.1', 'application/json'],
  ['application/json, text/plain, */*', 'application/json'],
  ['application/scim+json, application/json', 'application/scim+json'],
  ['application/json, application/scim+json', 'application/scim+json'],
  ['application/json;q=0.9, application/scim+json;q=0.8', 'application/json'],
  ['application/scim+json;q=0.5, application/*;q=0.7', 'application/json'],
  ['application/scim+json;q=0, */*', 'application/json'],
  ['application/json;q=0.5, */*', 'application/scim+json'],
  ['application/json;q=0', 'application/scim+json'],
  ['text/html, image/gif, *; q=.2, */*; q=.2', 'application/scim+json'],
  ['text/html', 'application/scim+json'],
] as const)('decision 13: the answer to Accept %j is %s', (accept, expected) => {
  expect(responseMediaType(accept)).toBe(expected)
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
  expect(parseSearch({ schemas, sortBy: 'title', sortOrder: 'descending', cursor: '' })).toEqual({
    sortBy: 'title',
    sortOrder: 'descending',
    cursor: '',
  })
  expect(parseSearch({ SCHEMAS: schemas[0]?.toUpperCase(), Filter: 'title pr', startindex: 2 })).toEqual({
    filter: 'title pr',
    startIndex: 2,
  })
  expect(() => parseSearch({ schemas, filter: 'title pr', FILTER: 'id pr' })).toThrow(
    expect.objectContaining({ scimType: 'invalidSyntax' }),
  )
  expect(() => parseSearch({ filter: 'title pr' })).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  expect(() => parseSearch({ schemas, filter: 7 })).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }))
})

test('a search request that sends a number or a list of names as a string is told', () => {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest']
  const found = new Diagnosis()
  parseSearch({ schemas, count: '5', startIndex: '1', attributes: 'id', sortBy: 'title' }, found)
  expect(found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'single-as-many /attributes',
    'number-as-string /startIndex',
    'number-as-string /count',
  ])
})

test('point 46: a query gives what a list is asked for, and its other parameters are ignored', () => {
  const query = new URLSearchParams(
    'aadOptscim062020&filter=a+pr&cursor&attributes=id,userName&attributes=emails&count=5&count=6&Filter=x',
  )
  expect(readSearch(query)).toEqual({ filter: 'a pr', cursor: '', attributes: 'id,userName,emails', count: '5' })
})
