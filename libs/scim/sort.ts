import { errors } from './error.ts'
import { compareNumbers, ExactNumber } from './exact-number.ts'
import { compareCodePoints } from './filter/code-points.ts'
import { comparedText } from './filter/compared-text.ts'
import { printPath } from './filter/filter.ts'
import { parseAttributePath } from './filter/parse.ts'
import { type Target, valueOf } from './filter/resolve.ts'
import { isPrimary } from './elements.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { findAttribute } from './schema/resource-type.ts'
import type { ResourceType } from './schema/resource-type.ts'

/** The order of a list, RFC 7644 section 3.4.2.3. */
export interface Sort {
  /** The path of an attribute, as `findAttribute` takes it. */
  readonly by: string
  readonly descending: boolean
}

/** What resources are sorted by: a text in the form in which it compares, a number or a boolean; undefined when there is no value. */
export type SortKey = string | number | ExactNumber | boolean | undefined

/**
 * `sortBy` and `sortOrder` of a query, undefined without the first. Throws `invalidPath` when sortBy is no attribute path, and
 * `invalidValue` when sortOrder is no order.
 */
export function parseSort(query: { sortBy?: unknown; sortOrder?: unknown }): Sort | undefined {
  const { sortBy, sortOrder } = query
  if (sortBy === undefined || sortBy === null || sortBy === '') return undefined
  if (typeof sortBy !== 'string') throw invalidSortBy()
  return { by: readPath(sortBy.trim()), descending: isDescending(sortOrder) }
}

function readPath(text: string): string {
  if (text.includes('[')) throw invalidSortBy()
  try {
    return printPath(parseAttributePath(text).path)
  } catch {
    throw invalidSortBy()
  }
}

function isDescending(order: unknown): boolean {
  const word = typeof order === 'string' ? order.trim().toLowerCase() : (order ?? '')
  if (word === '' || word === 'ascending') return false
  if (word === 'descending') return true
  throw errors.invalidValue('"sortOrder" is no order. Send "ascending" or "descending".')
}

function invalidSortBy() {
  return errors.invalidPath(
    '"sortBy" is not the path of an attribute. Write it like "title", "name.familyName" or urn:...:User:department.',
  )
}

/**
 * The attribute that each of these resource types is sorted by; undefined for a type that has none of that name, or one that does not compare
 * with the first type's: its resources are without a value. A bare complex attribute means its `value`. Throws `invalidPath` when it has none.
 */
export function resolveSort(types: readonly ResourceType[], { by }: Sort): (Target | undefined)[] {
  const targets = types.map((type) => targetOf(type, by))
  const first = targets.find((target) => target !== undefined)
  return targets.map((target) =>
    target !== undefined && first !== undefined && kindOf(target) === kindOf(first) ? target : undefined,
  )
}

function targetOf(type: ResourceType, by: string): Target | undefined {
  const found = findAttribute(type, by)
  if (found === undefined) return undefined
  const target = valueOf(found)
  if (target !== undefined) return target
  throw errors.invalidPath(
    `The attribute "${found.attribute.name}" of sortBy has several parts and no order of its own. Name one of them, like "name.familyName".`,
  )
}

function kindOf({ attribute: { type } }: Target): string {
  if (type === 'integer' || type === 'decimal') return 'number'
  return type === 'boolean' || type === 'dateTime' ? type : 'text'
}

/** Gives the key of a rendered resource. Of several values that of the primary element counts, or else that of the first. */
export function sortKeyOf(target: Target): (resource: JsonObject) => SortKey {
  return (resource) => {
    let value: JsonValue | undefined = resource
    for (const key of target.path) {
      value = isObject(value) && Object.hasOwn(value, key) ? chosen(value[key]) : undefined
    }
    if (typeof value === 'string') return comparedText(target.attribute, value)
    return typeof value === 'object' && !(value instanceof ExactNumber) ? undefined : value
  }
}

function chosen(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? (value.find(isPrimary) ?? value[0]) : value
}

/**
 * The order of two resources by their keys, and by their ids where these are equal: texts by code point, false before true, no value after
 * every value. Descending is all of it the other way round.
 */
export function compareSorted(
  one: { readonly key: SortKey; readonly id: string },
  other: { readonly key: SortKey; readonly id: string },
  { descending }: Pick<Sort, 'descending'>,
): number {
  const order = compareKeys(one.key, other.key) || compareCodePoints(one.id, other.id)
  return descending ? -order : order
}

function compareKeys(one: SortKey, other: SortKey): number {
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined)
  if (typeof one === 'string' || typeof other === 'string') return compareCodePoints(String(one), String(other))
  if (typeof one === 'boolean' || typeof other === 'boolean') return Number(one) - Number(other)
  return compareNumbers(one, other)
}
