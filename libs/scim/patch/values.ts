import { canonicalText, elementKey, isPrimary, mergeDuplicates, withoutPrimary } from '../elements.ts'
import { isObject } from '../json.ts'
import type { JsonValue } from '../json.ts'
import { subAttribute } from '../schema/attribute.ts'
import type { Attribute } from '../schema/attribute.ts'

/**
 * `add` on a whole attribute that is simple or multi-valued: elements join those there, a simple value takes the place. An
 * element that is there already changes nothing; a primary one takes that mark from the others.
 */
export function addValue(
  attribute: Attribute,
  before: JsonValue | undefined,
  value: JsonValue | undefined,
): JsonValue | undefined {
  if (value === undefined) return before
  if (!attribute.multiValued || !Array.isArray(before) || !Array.isArray(value)) return value
  const cleared = value.some(isPrimary) ? before.map(withoutPrimary) : before
  return mergeDuplicates(attribute, [...cleared, ...value])
}

/**
 * `add` or `replace` on a complex value: the parts that are named take their place, the others stay (RFC 7644 section 3.5.2.3). A
 * `replace` takes away what it names as null, and the address of a value that it replaces. Undefined when nothing is left.
 */
export function mergeParts(
  attribute: Attribute,
  before: JsonValue | undefined,
  parts: ReadonlyMap<string, JsonValue | undefined>,
  op: 'add' | 'replace' | 'remove',
): JsonValue | undefined {
  const merged = new Map(isObject(before) ? Object.entries(before) : [])
  if (parts.get('value') !== undefined && !sameValue(merged.get('value'), parts.get('value'))) merged.delete('$ref')
  for (const [name, part] of parts) {
    const sub = subAttribute(attribute, name)
    const after = op === 'add' && sub !== undefined ? addValue(sub, merged.get(name), part) : part
    if (after === undefined) merged.delete(name)
    else merged.set(name, after)
  }
  return merged.size === 0 ? undefined : Object.fromEntries(merged)
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
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object') return false
  return canonicalText(left) === canonicalText(right)
}
