import { canonicalText } from './elements.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** One attribute in which two documents differ. A value is undefined where the attribute has none. */
export interface Difference {
  /** Its canonical name; an extension's as "URN:attribute". */
  readonly attribute: string
  readonly before: JsonValue | undefined
  readonly after: JsonValue | undefined
}

/**
 * The attributes in which two documents differ. The order of keys and of elements makes no difference, nor does `schemas`,
 * which follows from the rest. `null` is no value (RFC 7643 section 2.5).
 */
export function differences(before: JsonObject, after: JsonObject): Difference[] {
  const found: Difference[] = []
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (key === 'schemas') continue
    const [left, right] = [before[key] ?? undefined, after[key] ?? undefined]
    if (same(left, right)) continue
    if (key.includes(':') && isBlock(left) && isBlock(right)) {
      const inner = differences(left ?? {}, right ?? {})
      found.push(...inner.map((each) => ({ ...each, attribute: `${key}:${each.attribute}` })))
    } else found.push({ attribute: key, before: left, after: right })
  }
  return found
}

/** Their names alone. */
export function changedAttributes(before: JsonObject, after: JsonObject): string[] {
  return differences(before, after).map(({ attribute }) => attribute)
}

function isBlock(value: JsonValue | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value)
}

function same(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true
  if (left === undefined || right === undefined || typeof left !== 'object' || typeof right !== 'object') return false
  if (!Array.isArray(left) || !Array.isArray(right)) return canonicalText(left) === canonicalText(right)
  if (left.length !== right.length) return false
  if (left.every((element, index) => element === right[index])) return true
  const [one, other] = [left.map(canonicalText).sort(), right.map(canonicalText).sort()]
  return one.every((text, index) => text === other[index])
}
