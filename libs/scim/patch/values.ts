import { canonicalText, elementKey, isPrimary, mergeDuplicates, withoutPrimary } from '../elements.ts'
import { isObject } from '../json.ts'
import type { JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'

/**
 * `add` on a whole attribute: elements join those there, a complex value adds its parts, a simple one takes the place. An
 * element that is there already changes nothing; a primary one takes that mark from the others.
 */
export function addValue(
  attribute: Attribute,
  before: JsonValue | undefined,
  value: JsonValue | undefined,
): JsonValue | undefined {
  if (value === undefined) return before
  if (attribute.multiValued && Array.isArray(before) && Array.isArray(value)) {
    const cleared = value.some(isPrimary) ? before.map(withoutPrimary) : before
    return mergeDuplicates(attribute, [...cleared, ...value])
  }
  return isObject(before) && isObject(value) ? { ...before, ...value } : value
}

/** `replace` on a whole attribute: nothing is kept of a simple or multi-valued one, the unnamed parts are kept of a complex one. */
export function replaceValue(
  attribute: Attribute,
  before: JsonValue | undefined,
  value: JsonValue | undefined,
): JsonValue | undefined {
  if (value === undefined || attribute.multiValued) return value
  return isObject(before) && isObject(value) ? { ...before, ...value } : value
}

/** `remove` on a multi-valued attribute that lists what to remove. An element without a type in the list means any type. */
export function removeValues(
  attribute: Attribute,
  before: JsonValue | undefined,
  listed: JsonValue | undefined,
): JsonValue | undefined {
  if (!Array.isArray(before) || !Array.isArray(listed)) return before
  const keys = new Set(listed.map((element) => elementKey(attribute, element)))
  const kept = before.filter((element) => {
    if (keys.has(elementKey(attribute, element))) return false
    if (!isObject(element) || element['value'] === undefined) return true
    return !keys.has(elementKey(attribute, { value: element['value'] }))
  })
  return kept.length === 0 ? undefined : kept
}

export function sameValue(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  return left === right || (left !== undefined && right !== undefined && canonicalText(left) === canonicalText(right))
}
