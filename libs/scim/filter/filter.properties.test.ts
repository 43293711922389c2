import fc from 'fast-check'
import { anyBody, anyFilter, everyType, runs } from '../arbitrary/index.ts'
import { ScimError } from '../error.ts'
import { readResource } from '../resource.ts'
import { matches } from './matches.ts'
import { parseFilter } from './parse.ts'
import { printFilter } from './print.ts'

test('a printed filter is read back to an equal filter', () => {
  fc.assert(
    fc.property(anyFilter(everyType), (filter) => {
      expect(parseFilter(printFilter(filter))).toEqual(filter)
    }),
    runs(500),
  )
})

test('a filter and its negation select everything between them, and nothing twice', () => {
  fc.assert(
    fc.property(anyFilter(everyType), anyBody(everyType), (filter, body) => {
      const { resource } = readResource(everyType, body)
      try {
        const selected = matches(everyType, filter, resource)
        expect(matches(everyType, { kind: 'not', term: filter }, resource)).toBe(!selected)
      } catch (error) {
        expect(error).toBeInstanceOf(ScimError)
      }
    }),
    runs(150),
  )
})
