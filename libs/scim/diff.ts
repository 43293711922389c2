import { canonicalText } from './elements.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'

/**
 * The attributes in which two documents differ, by their canonical names; an extension's as "URN:attribute". The order of keys
 * and of elements makes no difference, nor does `schemas`, which follows from the rest.
 */
export function changedAttributes(before: JsonObject, after: JsonObject): string[] {
  const changed: string[] = []
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (key === 'schemas') continue
    const [left, right] = [before[key], after[key]]
    if (same(left, right)) continue
    if (key.includes(':') && isBlock(left) && isBlock(right)) {
      changed.push(...changedAttributes(left ?? {}, right ?? {}).map((name) => `${key}:${name}`))
    } else changed.push(key)
  }
  return changed
}

function isBlock(value: JsonValue | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value)
}

function same(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true
  if (left === undefined || right === undefined || typeof left !== 'object' || typeof right !== 'object') return false
  if (!Array.isArray(left) || !Array.isArray(right)) return canonicalText(left) === canonicalText(right)
  if (left.length !== right.length) return false
  const [one, other] = [left.map(canonicalText).sort(), right.map(canonicalText).sort()]
  return one.every((text, index) => text === other[index])
}
