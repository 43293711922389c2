import { deviations } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { clip, errors } from '../error.ts'
import { exactNumber } from '../exact-number.ts'
import type { ExactNumber } from '../exact-number.ts'
import { subAttribute } from '../schema/attribute.ts'
import type { Attribute } from '../schema/attribute.ts'
import { findAttribute } from '../schema/resource-type.ts'
import type { AttributeReference, ResourceType } from '../schema/resource-type.ts'
import { canonicalDateTime } from './date-time.ts'
import { printPath } from './filter.ts'
import type { AttributePath, ComparisonOperator, Filter } from './filter.ts'

/** An attribute a term speaks of. Inside a value path, `path` begins at the element. */
export interface Target {
  readonly attribute: Attribute
  /** JSON keys in the stored document; an extension's URN is the first. */
  readonly path: readonly string[]
  /** The complex attribute that holds it, when the path goes through one. */
  readonly parent?: Attribute
  /** True when some key of the path leads to an array: the term holds if it holds for any element. */
  readonly multiValued: boolean
}

/**
 * A filter with its attribute paths found and its values in the attribute's type: dateTimes as `canonicalDateTime` writes them,
 * booleans as booleans. There is no null in it: `eq null` is `not present`, `ne null` is `present`.
 */
export type ResolvedFilter =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly ResolvedFilter[] }
  | { readonly kind: 'not'; readonly term: ResolvedFilter }
  | { readonly kind: 'present'; readonly target: Target }
  | {
      readonly kind: 'compare'
      readonly target: Target
      /**
       * `ne` holds where the attribute has no value, and where some value differs. Strings compare in the form of `comparedText`;
       * their order is by code point.
       */
      readonly operator: ComparisonOperator
      readonly value: ComparedValue
    }
  | { readonly kind: 'valuePath'; readonly target: Target; readonly filter: ResolvedFilter }
  /** A term on an attribute that is not defined, which has no value: it holds or not whatever the resource. */
  | { readonly kind: 'constant'; readonly holds: boolean }

/** Numbers are as `exactNumber` gives them. */
export type ComparedValue = string | number | ExactNumber | boolean

/** What a filter is resolved against, and where it stands in the request. */
interface Resolving {
  /** Finds a path; undefined when no schema of the resource type defines it. */
  readonly find: (path: AttributePath) => Target | undefined
  /** Whether a path that is not found is told of. */
  readonly isReported: (path: AttributePath) => boolean
  readonly insideValuePath: boolean
  readonly found: Diagnosis
  readonly pointer: string
}

/**
 * Resolves a filter for a resource type, that stands at `pointer`. Throws `invalidFilter` when an operator or a value does not fit
 * the attribute's type.
 */
export function resolveFilter(
  resourceType: ResourceType,
  filter: Filter,
  found = new Diagnosis(),
  pointer = '?filter',
): ResolvedFilter {
  return resolveFor(resourceType, filter, { isReported: () => true, found, pointer })
}

/**
 * Resolves a filter for each of these resource types, like `resolveFilter`. An attribute that only some of them define is none that
 * anybody need be told of (RFC 7644 section 3.4.2.1).
 */
export function resolveFilters(
  types: readonly ResourceType[],
  filter: Filter,
  found = new Diagnosis(),
  pointer = '?filter',
): ResolvedFilter[] {
  const isUnknown = (path: AttributePath): boolean =>
    types.every((type) => findAttribute(type, printPath(path)) === undefined)
  return types.map((type, index) =>
    resolveFor(type, filter, { isReported: (path) => index === 0 && isUnknown(path), found, pointer }),
  )
}

function resolveFor(
  resourceType: ResourceType,
  filter: Filter,
  { isReported, found, pointer }: Pick<Resolving, 'isReported' | 'found' | 'pointer'>,
): ResolvedFilter {
  const find: Resolving['find'] = (path) => {
    const reference = findAttribute(resourceType, printPath(path))
    if (reference?.extension !== undefined && path.schema === undefined) {
      found.push(deviations.unqualifiedAttribute(pointer, path.name))
    }
    return reference
  }
  return resolve(filter, { find, isReported, insideValuePath: false, found, pointer })
}

/** Resolves the filter of a value path on that attribute; its targets' paths begin at the element. */
export function resolveElementFilter(
  { attribute }: AttributeReference | Target,
  filter: Filter,
  found = new Diagnosis(),
  pointer = '',
): ResolvedFilter {
  const element: Target = { attribute: { ...attribute, multiValued: false }, path: [], multiValued: false }
  const find = (part: AttributePath): Target | undefined => partOf(element, part)
  return resolve(filter, { find, isReported: () => true, insideValuePath: true, found, pointer })
}

/** What a name within the brackets of a value path means; a simple value is its own `value`. */
function partOf({ attribute, path }: Target, { schema, name, sub }: AttributePath): Target | undefined {
  if (schema !== undefined || sub !== undefined) return undefined
  if (attribute.type !== 'complex') {
    return name.toLowerCase() === 'value' ? { attribute, path, multiValued: false } : undefined
  }
  const named = subAttribute(attribute, name)
  if (named === undefined) return undefined
  const parent = path.length === 0 ? {} : { parent: attribute }
  return { attribute: named, path: [...path, named.name], multiValued: named.multiValued, ...parent }
}

function resolve(filter: Filter, resolving: Resolving): ResolvedFilter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, terms: filter.terms.map((term) => resolve(term, resolving)) }
    case 'not':
      return { kind: 'not', term: resolve(filter.term, resolving) }
    case 'present': {
      const target = lookUp(filter.path, resolving)
      return target === undefined ? { kind: 'constant', holds: false } : { kind: 'present', target }
    }
    case 'valuePath': {
      const target = resolving.insideValuePath ? undefined : lookUp(filter.path, resolving)
      if (target === undefined) return { kind: 'constant', holds: false }
      if (target.multiValued) {
        const element = resolveElementFilter(target, filter.filter, resolving.found, resolving.pointer)
        return { kind: 'valuePath', target, filter: element }
      }
      if (target.attribute.type !== 'complex') {
        resolving.found.pushOnce(deviations.filteredSingleValue(resolving.pointer))
      }
      // A single value satisfies the whole filter by itself, if there is one.
      const inner = resolve(filter.filter, {
        ...resolving,
        find: (path) => partOf(target, path),
        isReported: () => true,
        insideValuePath: true,
      })
      return { kind: 'and', terms: [{ kind: 'present', target }, inner] }
    }
    case 'compare':
      return resolveComparison(filter, resolving)
  }
}

function lookUp(path: AttributePath, { find, isReported, found, pointer }: Resolving): Target | undefined {
  const target = find(path)
  if (target === undefined && isReported(path)) found.push(deviations.unknownFilterAttribute(pointer, printPath(path)))
  return target
}

function resolveComparison(term: Filter & { kind: 'compare' }, resolving: Resolving): ResolvedFilter {
  const { operator, value } = term
  if (value === null && operator !== 'eq' && operator !== 'ne') {
    throw errors.invalidFilter(`The operator "${operator}" cannot be used with null. Use eq, ne or pr.`)
  }
  const named = lookUp(term.path, resolving)
  const target = named && valueOf(named)
  if (target === undefined) {
    return { kind: 'constant', holds: value === null ? operator === 'eq' : operator === 'ne' }
  }
  if (value === null) {
    const present: ResolvedFilter = { kind: 'present', target: named ?? target }
    return operator === 'ne' ? present : { kind: 'not', term: present }
  }
  checkOperator(target.attribute, operator)
  if (target.attribute.type === 'boolean' && typeof value === 'string') {
    resolving.found.push(deviations.booleanAsString(resolving.pointer))
  }
  return { kind: 'compare', target, operator, value: coerce(target.attribute, value) }
}

/** A bare complex attribute means its `value`; undefined when it has none. */
export function valueOf(target: Target): Target | undefined {
  if (target.attribute.type !== 'complex') return target
  const value = subAttribute(target.attribute, 'value')
  return (
    value && {
      attribute: value,
      path: [...target.path, value.name],
      parent: target.attribute,
      multiValued: target.multiValued || value.multiValued,
    }
  )
}

const ordering: ReadonlySet<ComparisonOperator> = new Set(['gt', 'ge', 'lt', 'le'])
const substring: ReadonlySet<ComparisonOperator> = new Set(['co', 'sw', 'ew'])

function checkOperator({ name, type }: Attribute, operator: ComparisonOperator): void {
  if (ordering.has(operator) && (type === 'boolean' || type === 'binary')) {
    throw errors.invalidFilter(
      `The operator "${operator}" cannot be used on "${name}", which is ${type} and has no order. Use eq or ne.`,
    )
  }
  if (substring.has(operator) && type !== 'string' && type !== 'reference' && type !== 'binary') {
    const fix = type === 'boolean' ? 'Use eq or ne.' : 'Use eq, ne, gt, ge, lt or le.'
    throw errors.invalidFilter(
      `The operator "${operator}" cannot be used on "${name}", which is ${type} and not text. ${fix}`,
    )
  }
}

function coerce(attribute: Attribute, value: string | number | boolean): ComparedValue {
  const { name, type } = attribute
  const mismatch = (wanted: string) =>
    errors.invalidFilter(`The value compared with ${clip(name)} is no ${type}. Compare it with ${wanted}.`)
  switch (type) {
    case 'boolean': {
      const word = String(value).toLowerCase()
      if (word !== 'true' && word !== 'false') throw mismatch('true or false')
      return word === 'true'
    }
    case 'integer':
    case 'decimal': {
      const number = exactNumber(String(value).trim())
      if (number === undefined) throw mismatch('a number')
      return number
    }
    case 'dateTime': {
      const instant = canonicalDateTime(String(value))
      if (instant === undefined) throw mismatch('a date and time like "2026-01-31T12:00:00Z"')
      return instant
    }
    default:
      if (String(value).isWellFormed() && !String(value).includes('\u0000')) return String(value)
      throw errors.invalidFilter(
        `The value compared with ${clip(name)} holds a character that is no text (NUL or half a surrogate pair). Remove it.`,
      )
  }
}
