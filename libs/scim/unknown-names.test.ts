import { Diagnosis } from './diagnosis.ts'
import { resourceTypes } from './schema/resource-types.ts'
import type { SearchRequest } from './search.ts'
import { reportUnknownNames } from './unknown-names.ts'

const { User, Group } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

function told(asked: SearchRequest, types = [User]): string[] {
  const found = new Diagnosis()
  reportUnknownNames(types, asked, found, (parameter) => `?${parameter}`)
  return found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)
}

test('a name to show, to leave out or to sort by that no schema defines is told, once for each', () => {
  expect(told({ attributes: 'userName,nick,emails.colour' })).toEqual([
    'unknown-requested-attribute ?attributes',
    'unknown-requested-attribute ?attributes',
  ])
  expect(told({ excludedAttributes: ['members'] })).toEqual(['unknown-requested-attribute ?excludedAttributes'])
  expect(told({ sortBy: ' nick ' })).toEqual(['unknown-sort-attribute ?sortBy'])
  expect(told({ attributes: 'emails[type eq "work"]' })).toEqual(['filter-in-attributes ?attributes'])
})

test('names that some schema of the resources listed defines are not, in whatever form they may come', () => {
  expect(told({ attributes: `ID, meta.created,${enterprise},${enterprise}:manager.value,schemas` })).toEqual([])
  expect(told({ attributes: '', sortBy: '', excludedAttributes: [] })).toEqual([])
  expect(told({ excludedAttributes: 'members', attributes: 'userName', sortBy: 'userName' }, [User, Group])).toEqual([])
})

test('what may be the name of a person is not repeated', () => {
  const found = new Diagnosis()
  reportUnknownNames([User], { attributes: 'ada@example.com', sortBy: 'Ada Lovelace' }, found, (name) => name)
  expect(found.deviations).toHaveLength(2)
  expect(JSON.stringify(found.deviations)).not.toMatch(/ada|lovelace/i)
})
