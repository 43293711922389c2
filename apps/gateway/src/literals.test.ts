import fc from 'fast-check'
import { type Filter, parseFilter, printFilter } from '#libs/scim/index'
import { anyFilter, everyType, runs } from '#libs/scim/arbitrary/index'
import { isFilter, isPath, lastName, withValues } from './literals.ts'

/** The filter with each value replaced as `withValues` replaces those of its text. */
function replaced(filter: Filter): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, terms: filter.terms.map(replaced) }
    case 'not':
      return { kind: 'not', term: replaced(filter.term) }
    case 'valuePath':
      return { ...filter, filter: replaced(filter.filter) }
    case 'compare': {
      const { path, value } = filter
      return { ...filter, value: put(String(value), (path.sub ?? path.name).toLowerCase()) }
    }
    case 'present':
      return filter
  }
}

/** A text that may stand in a filter without quotes too. */
const put = (value: string, name: string): string => `${name}-of-${value.length}`

test('of any filter the values are replaced, each with the name that it is compared with, and nothing else', () => {
  fc.assert(
    fc.property(anyFilter(everyType), (filter) => {
      const text = printFilter(filter)
      expect(isFilter(text)).toBe(true)
      expect(parseFilter(withValues(text, put))).toEqual(replaced(filter))
    }),
    runs(300),
  )
})

test.each([
  ['title', true, 'title'],
  ['name.givenName', true, 'givenname'],
  ['$ref', true, '$ref'],
  ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', true, 'value'],
  ['emails[type eq "work"]', true, ''],
  ['emails[type eq "]"].value', true, 'value'],
  ['emails[type eq "work"].type', true, 'type'],
  ['emails[ada@example.com].type', false, 'type'],
  ['emails[type eq "work"', false, ''],
  ['userName=ada', false, 'ada'],
  ['ada@example.com', false, 'com'],
  ['', false, ''],
])('%s is a path: %s', (text, is, name) => {
  expect({ is: isPath(text), name: lastName(text) }).toEqual({ is, name })
})
