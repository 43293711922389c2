import { deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { fold } from './precis/fold.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { subAttribute } from './schema/attribute.ts'
import type { Attribute } from './schema/attribute.ts'

/** How many values one attribute of a resource may have. */
const maximumValues = 500

/**
 * The elements, of which one at most is primary (RFC 7643 section 2.4). Of several the last keeps the mark where the caller's
 * dialect has it so; else throws `invalidValue`.
 */
export function onePrimary(
  attribute: Attribute,
  elements: JsonValue[],
  pointer: string,
  found: Diagnosis,
): JsonValue[] {
  const last = elements.findLastIndex(isPrimary)
  if (elements.findIndex(isPrimary) === last) return elements
  if (!found.tolerances.lastPrimary) {
    throw errors.invalidValue(`Several elements of "${attribute.name}" are primary. Mark one at most.`)
  }
  found.push(deviations.severalPrimaries(pointer))
  return elements.map((element, index) => (index === last ? element : withoutPrimary(element)))
}

/** The element itself where it is not primary. */
export function withoutPrimary(element: JsonValue): JsonValue {
  return isPrimary(element) && isObject(element) ? { ...element, primary: false } : element
}

/** The boolean alone: what came as a string has been read already. */
export function isPrimary(element: JsonValue): boolean {
  return isObject(element) && element['primary'] === true
}

/**
 * The elements with each (type, value) pair once, RFC 7643 section 2.4: a later one adds to the earlier. Elements without a
 * value are the same when they are equal throughout.
 */
export function mergeDuplicates(attribute: Attribute, elements: readonly JsonValue[]): JsonValue[] {
  if (elements.length > maximumValues) {
    throw errors.invalidValue(`"${attribute.name}" has more than ${maximumValues} values. Send fewer.`)
  }
  if (elements.length < 2) return [...elements]
  const seen = new Map<string, JsonValue>()
  for (const element of elements) {
    const key = elementKey(attribute, element)
    const earlier = seen.get(key)
    seen.set(
      key,
      isObject(earlier) && isObject(element) ? { ...earlier, ...withoutKey(element) } : (earlier ?? element),
    )
  }
  return [...seen.values()]
}

/** What makes two elements the same. */
export function elementKey(attribute: Attribute, element: JsonValue): string {
  if (!isObject(element)) return canonicalText(foldFor(attribute, element))
  const { type, value } = element
  if (value === undefined) return canonicalText(element)
  const typeKey = foldFor(subAttribute(attribute, 'type'), type ?? null)
  return JSON.stringify([typeKey, foldFor(subAttribute(attribute, 'value'), value)])
}

/** JSON with sorted keys: equal for equal values. */
export function canonicalText(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.keys(value).sort()
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key] ?? null)}`).join()}}`
}

function foldFor(attribute: Attribute | undefined, value: JsonValue): JsonValue {
  const exact = attribute?.caseExact === true || attribute?.type === 'binary' || attribute?.type === 'reference'
  return typeof value === 'string' && !exact ? fold(value) : value
}

/** Type and value stay as the earlier element wrote them. */
function withoutKey({ type: _type, value: _value, ...rest }: JsonObject): JsonObject {
  return rest
}
