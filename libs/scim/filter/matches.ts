import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { ResourceType } from '../schema/resource-type.ts'
import { canonicalDateTime } from './date-time.ts'
import type { ComparisonOperator, Filter } from './filter.ts'
import { fold } from './fold.ts'
import { resolveFilter } from './resolve.ts'
import type { ResolvedFilter } from './resolve.ts'

/** Whether a resource, as it is rendered, satisfies a filter. Throws `invalidFilter` as `resolveFilter` does. */
export function matches(resourceType: ResourceType, filter: Filter, resource: JsonObject): boolean {
  return matchesResolved(resolveFilter(resourceType, filter), resource)
}

/** Whether a document (or, for the filter of a value path, an element) satisfies a resolved filter. */
export function matchesResolved(filter: ResolvedFilter, document: JsonValue): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.terms.every((term) => matchesResolved(term, document))
    case 'or':
      return filter.terms.some((term) => matchesResolved(term, document))
    case 'not':
      return !matchesResolved(filter.term, document)
    case 'constant':
      return filter.holds
    case 'present':
      return valuesAt(document, filter.target.path).some(isPresent)
    case 'valuePath':
      return valuesAt(document, filter.target.path).some((element) => matchesResolved(filter.filter, element))
    case 'compare': {
      const { target, operator, value } = filter
      const values = valuesAt(document, target.path)
      if (operator === 'ne' && values.length === 0) return true
      return values.some((candidate) => compare(target.attribute, candidate, operator, value))
    }
  }
}

/** The values at a path; arrays on the way are entered. */
function valuesAt(document: JsonValue, path: readonly string[]): JsonValue[] {
  let values = [document]
  for (const key of path) {
    values = values.flatMap((value) => {
      const child = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
      return child === undefined || child === null ? [] : child
    })
  }
  return values
}

function isPresent(value: JsonValue): boolean {
  if (value === null || value === '') return false
  if (Array.isArray(value)) return value.some(isPresent)
  return isObject(value) ? Object.values(value).some(isPresent) : true
}

function compare(
  attribute: Attribute,
  candidate: JsonValue,
  operator: ComparisonOperator,
  value: string | number | boolean,
): boolean {
  if (typeof candidate === 'object') return operator === 'ne'
  if (typeof value !== 'string' || typeof candidate !== 'string') return inOrder(operator, candidate, value)
  if (attribute.type === 'dateTime') return inOrder(operator, canonicalDateTime(candidate) ?? candidate, value)
  const exact = attribute.caseExact || attribute.type === 'binary'
  const [left, right] = exact ? [candidate, value] : [fold(candidate), fold(value)]
  switch (operator) {
    case 'co':
      return left.includes(right)
    case 'sw':
      return left.startsWith(right)
    case 'ew':
      return left.endsWith(right)
    default:
      return inOrder(operator, left, right)
  }
}

function inOrder<T extends string | number | boolean>(operator: ComparisonOperator, left: T, right: T): boolean {
  switch (operator) {
    case 'eq':
      return left === right
    case 'ne':
      return left !== right
    case 'gt':
      return left > right
    case 'ge':
      return left >= right
    case 'lt':
      return left < right
    case 'le':
      return left <= right
    default:
      return false
  }
}
