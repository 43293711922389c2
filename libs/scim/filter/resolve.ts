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

/** Finds a path; undefined when no schema of the resource type defines it. */
type Lookup = (path: AttributePath) => Target | undefined

/** Resolves a filter for a resource type. Throws `invalidFilter` when an operator or a value does not fit the attribute's type. */
export function resolveFilter(resourceType: ResourceType, filter: Filter): ResolvedFilter {
  return resolve(filter, (path) => findAttribute(resourceType, printPath(path)))
}

/** Resolves the filter of a value path on that attribute; its targets' paths begin at the element. */
export function resolveElementFilter(container: AttributeReference | Target, filter: Filter): ResolvedFilter {
  const { attribute, path } = container
  const element: Target = { attribute: { ...attribute, multiValued: false }, path: [], multiValued: false }
  return resolve(filter, (part) => partOf(element, part), path)
}

/** What a name within the brackets of a value path means; a simple value is its own `value`. */
function partOf({ attribute, path }: Target, { schema, name, sub }: AttributePath): Target | undefined {
  if (schema !== undefined || sub !== undefined) return undefined
  if (attribute.type !== 'complex') {
    return name.toLowerCase() === 'value' ? { attribute, path, multiValued: false } : undefined
  }
  const found = subAttribute(attribute, name)
  if (found === undefined) return undefined
  const parent = path.length === 0 ? {} : { parent: attribute }
  return { attribute: found, path: [...path, found.name], multiValued: found.multiValued, ...parent }
}

function resolve(filter: Filter, find: Lookup, within?: readonly string[]): ResolvedFilter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, terms: filter.terms.map((term) => resolve(term, find, within)) }
    case 'not':
      return { kind: 'not', term: resolve(filter.term, find, within) }
    case 'present': {
      const target = find(filter.path)
      return target === undefined ? { kind: 'constant', holds: false } : { kind: 'present', target }
    }
    case 'valuePath': {
      const target = within === undefined ? find(filter.path) : undefined
      if (target === undefined) return { kind: 'constant', holds: false }
      if (target.multiValued) return { kind: 'valuePath', target, filter: resolveElementFilter(target, filter.filter) }
      // A single value satisfies the whole filter by itself, if there is one.
      const inner = resolve(filter.filter, (path) => partOf(target, path), target.path)
      return { kind: 'and', terms: [{ kind: 'present', target }, inner] }
    }
    case 'compare':
      return resolveComparison(filter, find)
  }
}

function resolveComparison(term: Filter & { kind: 'compare' }, find: Lookup): ResolvedFilter {
  const { operator, value } = term
  if (value === null && operator !== 'eq' && operator !== 'ne') {
    throw errors.invalidFilter(`The operator "${operator}" cannot be used with null. Use eq, ne or pr.`)
  }
  const found = find(term.path)
  const target = found && valueOf(found)
  if (target === undefined) {
    return { kind: 'constant', holds: value === null ? operator === 'eq' : operator === 'ne' }
  }
  if (value === null) {
    const present: ResolvedFilter = { kind: 'present', target: found ?? target }
    return operator === 'ne' ? present : { kind: 'not', term: present }
  }
  checkOperator(target.attribute, operator)
  return { kind: 'compare', target, operator, value: coerce(target.attribute, value) }
}

/** A bare complex attribute means its `value`. */
function valueOf(target: Target): Target | undefined {
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
