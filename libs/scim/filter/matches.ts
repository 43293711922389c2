import { compareNumbers, ExactNumber } from '../exact-number.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { ResourceType } from '../schema/resource-type.ts'
import { compareCodePoints } from './code-points.ts'
import { comparedText } from './compared-text.ts'
import type { ComparisonOperator, Filter } from './filter.ts'
import { resolveFilter } from './resolve.ts'
import type { ComparedValue, ResolvedFilter } from './resolve.ts'

/** Whether a resource, as it is rendered, satisfies a filter. Throws `invalidFilter` as `resolveFilter` does. */
export function matches(resourceType: ResourceType, filter: Filter, resource: JsonObject): boolean {
  return matcher(resolveFilter(resourceType, filter))(resource)
}

/** Tells of documents (or, for the filter of a value path, of elements) whether they satisfy a resolved filter. */
export function matcher(filter: ResolvedFilter): (document: JsonValue) => boolean {
  switch (filter.kind) {
    case 'and': {
      const terms = filter.terms.map(matcher)
      return (document) => terms.every((term) => term(document))
    }
    case 'or': {
      const terms = filter.terms.map(matcher)
      return (document) => terms.some((term) => term(document))
    }
    case 'not': {
      const term = matcher(filter.term)
      return (document) => !term(document)
    }
    case 'constant':
      return () => filter.holds
    case 'present':
      return (document) => someValue(document, filter.target.path, isPresent)
    case 'valuePath': {
      const element = matcher(filter.filter)
      return (document) => someValue(document, filter.target.path, element)
    }
    case 'compare': {
      const { target, operator, value } = filter
      const test = comparison(target.attribute, operator, value)
      if (operator !== 'ne') return (document) => someValue(document, target.path, test)
      return (document) => someValue(document, target.path, test) || !someValue(document, target.path, anything)
    }
  }
}

/** Whether a value at a path passes a test; arrays on the way are entered. */
function someValue(
  document: JsonValue,
  path: readonly string[],
  test: (value: JsonValue) => boolean,
  depth = 0,
): boolean {
  const key = path[depth]
  if (key === undefined) return test(document)
  const value = isObject(document) && Object.hasOwn(document, key) ? document[key] : undefined
  if (value === undefined || value === null) return false
  if (!Array.isArray(value)) return someValue(value, path, test, depth + 1)
  return value.some((element) => someValue(element, path, test, depth + 1))
}

function anything(): boolean {
  return true
}

function isPresent(value: JsonValue): boolean {
  if (value === null || value === '') return false
  if (Array.isArray(value)) return value.some(isPresent)
  return isObject(value) ? Object.values(value).some(isPresent) : true
}

function comparison(
  attribute: Attribute,
  operator: ComparisonOperator,
  value: ComparedValue,
): (candidate: JsonValue) => boolean {
  if (typeof value === 'boolean') {
    return (candidate) => (typeof candidate === 'boolean' ? inOrder(operator, candidate, value) : operator === 'ne')
  }
  if (typeof value !== 'string') {
    return (candidate) =>
      typeof candidate === 'number' || candidate instanceof ExactNumber
        ? inOrder(operator, compareNumbers(candidate, value), 0)
        : operator === 'ne'
  }
  const wanted = comparedText(attribute, value, operator)
  return (candidate) =>
    typeof candidate === 'string'
      ? compareText(operator, comparedText(attribute, candidate), wanted)
      : operator === 'ne'
}

function compareText(operator: ComparisonOperator, left: string, right: string): boolean {
  switch (operator) {
    case 'co':
      return left.includes(right)
    case 'sw':
      return left.startsWith(right)
    case 'ew':
      return left.endsWith(right)
    default:
      return inOrder(operator, compareCodePoints(left, right), 0)
  }
}

function inOrder<T extends number | boolean>(operator: ComparisonOperator, left: T, right: T): boolean {
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
