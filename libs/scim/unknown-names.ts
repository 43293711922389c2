import { deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { namesIn } from './render.ts'
import type { SearchRequest } from './search.ts'
import { findAttribute, findExtension } from './schema/resource-type.ts'
import type { ResourceType } from './schema/resource-type.ts'

/**
 * Tells of each name in `attributes`, `excludedAttributes` and `sortBy` that none of these resource types defines: it is passed over, and who sent
 * it would not know. `at` gives the place of a parameter. Throws `invalidValue` where one is no list of names.
 */
export function reportUnknownNames(
  types: readonly ResourceType[],
  { attributes, excludedAttributes, sortBy }: SearchRequest,
  found: Diagnosis,
  at: (parameter: string) => string,
): void {
  const isKnown = (name: string): boolean =>
    types.some((type) => findAttribute(type, name) !== undefined || findExtension(type, name) !== undefined)
  for (const [parameter, value] of Object.entries({ attributes, excludedAttributes })) {
    for (const name of namesIn(parameter, value)) {
      if (name.includes('[')) found.push(deviations.filterInAttributes(at(parameter)))
      else if (!isKnown(name)) found.push(deviations.unknownRequestedAttribute(at(parameter), name))
    }
  }
  const sorted = typeof sortBy === 'string' ? sortBy.trim() : ''
  if (sorted !== '' && !types.some((type) => findAttribute(type, sorted) !== undefined)) {
    found.push(deviations.unknownSortAttribute(at('sortBy'), sorted))
  }
}
