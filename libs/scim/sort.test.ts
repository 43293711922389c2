import { compareSorted, parseSort, resolveSort, sortKeyOf } from './sort.ts'
import type { JsonObject } from './json.ts'
import { resourceTypes } from './schema/resource-types.ts'

const { User, Group } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** The ids of users in the order of a query. */
function sorted(query: { sortBy: string; sortOrder?: string }, users: readonly JsonObject[]): unknown[] {
  const sort = parseSort(query)
  if (sort === undefined) throw new Error('not sorted')
  const [target] = resolveSort([User], sort)
  const keyOf = target === undefined ? () => undefined : sortKeyOf(target)
  return users
    .map((user) => ({ key: keyOf(user), id: String(user['id']) }))
    .sort((one, other) => compareSorted(one, other, sort))
    .map(({ id }) => id)
}

const users: JsonObject[] = [
  { id: '1', userName: 'bob', active: true, emails: [{ value: 'z@x.com' }, { value: 'a@x.com', primary: true }] },
  { id: '2', userName: 'Ada', title: '', emails: [{ value: 'M@x.com', type: 'work' }, { value: 'a@x.com' }] },
  { id: '3', userName: 'ärger', active: false, externalId: 'b', [enterprise]: { department: 'Sales' } },
  { id: '4', userName: 'Zed', title: 'x', externalId: 'B', meta: { created: '2026-01-31T12:00:00Z' } },
  { id: '5', userName: 'zed2', title: 'X', meta: { created: '2026-01-31T12:00:00.5+01:00' } },
]

test.each([
  ['userName', undefined, ['2', '1', '4', '5', '3']],
  ['USERNAME', 'Descending', ['3', '5', '4', '1', '2']],
  // Point 38: no value comes last ascending, and first descending; ties are in the order of ids.
  ['title', 'ascending', ['2', '4', '5', '1', '3']],
  ['title', 'descending', ['3', '1', '5', '4', '2']],
  ['externalId', 'ascending', ['4', '3', '1', '2', '5']],
  ['active', 'ascending', ['3', '1', '2', '4', '5']],
  ['emails', 'ascending', ['1', '2', '3', '4', '5']],
  ['emails.value', 'descending', ['5', '4', '3', '2', '1']],
  ['emails.type', 'ascending', ['2', '1', '3', '4', '5']],
  ['meta.created', 'ascending', ['5', '4', '1', '2', '3']],
  [`${enterprise}:department`, 'ascending', ['3', '1', '2', '4', '5']],
  ['unheardOf', 'descending', ['5', '4', '3', '2', '1']],
] as const)('sortBy=%s, %s', (sortBy, sortOrder, expected) => {
  expect(sorted({ sortBy, ...(sortOrder === undefined ? {} : { sortOrder }) }, users)).toEqual(expected)
})

test('without sortBy nothing is sorted', () => {
  expect(parseSort({})).toBeUndefined()
  expect(parseSort({ sortBy: '', sortOrder: 'sideways' })).toBeUndefined()
})

test.each([
  [{ sortBy: 'userName', sortOrder: 'up' }, 'invalidValue'],
  [{ sortBy: 'userName', sortOrder: 1 }, 'invalidValue'],
  [{ sortBy: 'user name' }, 'invalidPath'],
  [{ sortBy: 'emails[type eq "work"].value' }, 'invalidPath'],
  [{ sortBy: ['userName'] }, 'invalidPath'],
])('%j is refused as %s', (query, scimType) => {
  expect(() => parseSort(query)).toThrow(expect.objectContaining({ status: 400, scimType }))
})

test('a complex attribute without a value of its own is refused, naming what to do', () => {
  expect(() => resolveSort([User], { by: 'name', descending: false })).toThrow(
    expect.objectContaining({ scimType: 'invalidPath', detail: expect.stringContaining('name.familyName') }),
  )
})

test('of several resource types each is sorted by its own attribute of that name', () => {
  const [user, group] = resolveSort([User, Group], { by: 'userName', descending: false })
  expect(user?.path).toEqual(['userName'])
  expect(group).toBeUndefined()
  expect(resolveSort([User, Group], { by: 'displayName', descending: false }).map((target) => target?.path)).toEqual([
    ['displayName'],
    ['displayName'],
  ])
})
