import { parseFilter, resolveFilter, resourceTypes } from '#libs/scim/index'
import { listStatements } from './list-sql.ts'

const { User } = resourceTypes
const id = '018f3c1e-0000-7000-8000-000000000001'

test.each([
  ['userName eq "ada"', true],
  ['emails.value eq "ada@example.com"', true],
  [`id eq "${id}"`, true],
  [`groups.value eq "${id}"`, false],
  ['title eq "Engineer"', false],
  [undefined, false],
])('%s is found at once only where no number of records makes it slow: %s', (filter, isLookup) => {
  const statements = listStatements('c1', {
    baseUrl: 'http://127.0.0.1:8080/scim/v2/c1',
    of: [
      {
        type: User,
        filter: filter === undefined ? undefined : resolveFilter(User, parseFilter(filter)),
        sortedBy: undefined,
      },
    ],
    descending: false,
    page: { method: 'index', startIndex: 1, count: 100 },
  })
  expect(statements.isLookup).toBe(isLookup)
})
