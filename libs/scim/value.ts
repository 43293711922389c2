import { below, deviations } from './deviation.ts'
import type { Deviation } from './deviation.ts'
import { errors } from './error.ts'
import { ExactNumber, exactNumber, longestNumber } from './exact-number.ts'
import { canonicalDateTime, isDateTime } from './filter/date-time.ts'
import { isObject, parseJson } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { mergeDuplicates, onePrimary } from './elements.ts'
import { userNameFault } from './precis/user-name.ts'
import { jsonInStringAttributes, renamedSubAttributes } from './quirks/tolerated.ts'
import { subAttribute } from './schema/attribute.ts'
import type { Attribute } from './schema/attribute.ts'

/** What becomes of several elements that are primary (RFC 7643 section 2.4): the request is refused, or the last one keeps the mark. */
export type SeveralPrimaries = 'refuse' | 'keepLast'

/**
 * A value a client sent, as the attribute has it: canonical names, coerced types, without readOnly and unknown sub-attributes.
 * Undefined when it comes to nothing: null, [] and an empty object are the same as absent (RFC 7643 section 2.5). What was
 * tolerated is added to `found`. Throws `invalidValue`, naming the attribute and never its value.
 */
export function readValue(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Deviation[],
  severalPrimaries: SeveralPrimaries = 'refuse',
): JsonValue | undefined {
  if (value === null || value === undefined) return undefined
  if (!attribute.multiValued) return readSingle(attribute, value, pointer, found)
  if (!Array.isArray(value)) found.push(deviations.singleAsMany(pointer))
  const elements: JsonValue[] = []
  for (const [index, element] of (Array.isArray(value) ? value : [value]).entries()) {
    const read = readElement(attribute, element, below(pointer, index), found)
    if (read !== undefined) elements.push(read)
  }
  const marked = onePrimary(attribute, elements, severalPrimaries)
  if (marked !== elements) found.push(deviations.severalPrimaries(pointer))
  const merged = mergeDuplicates(attribute, marked)
  if (merged.length < elements.length) found.push(deviations.duplicateValue(pointer))
  return merged.length === 0 ? undefined : merged
}

/** One element of a multi-valued attribute, read like `readValue`. */
export function readElement(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Deviation[],
): JsonValue | undefined {
  if (value === null || value === undefined) return undefined
  return attribute.type === 'complex'
    ? readComplex(attribute, value, pointer, found)
    : readScalar(attribute, value, pointer, found)
}

function readSingle(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): JsonValue | undefined {
  if (!Array.isArray(value)) return readElement(attribute, value, pointer, found)
  if (value.length > 1) throw invalid(attribute, 'takes one value, and several came', 'Send one')
  if (value.length === 1) found.push(deviations.manyAsSingle(pointer))
  return readElement(attribute, value[0], pointer, found)
}

function readComplex(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Deviation[],
): JsonObject | undefined {
  const parts = [...readParts(attribute, value, pointer, found)].filter(([, part]) => part !== undefined)
  return parts.length === 0 ? undefined : (Object.fromEntries(parts) as JsonObject)
}

/**
 * The sub-attributes that a complex value names, read like `readValue`: undefined where it names one that comes to nothing.
 * Throws `invalidValue`, also when the value is no object and cannot stand for one.
 */
export function readParts(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Deviation[],
): Map<string, JsonValue | undefined> {
  const object = asObject(attribute, value, pointer, found)
  const read = new Map<string, JsonValue | undefined>()
  for (const [key, content] of Object.entries(object)) {
    const at = below(pointer, key)
    const sub = findSubAttribute(attribute, key, object, at, found)
    if (sub === undefined) found.push(deviations.unknownAttribute(at, key))
    else if (sub.mutability === 'readOnly') found.push(deviations.readOnly(at, `${attribute.name}.${sub.name}`))
    else {
      if (read.has(sub.name)) throw invalid(attribute, `has "${sub.name}" twice, spelt differently`, 'Send it once')
      const part = readValue(sub, content, at, found)
      // What is writeOnly is checked and dropped, like the password.
      if (sub.mutability !== 'writeOnly') read.set(sub.name, part)
    }
  }
  return read
}

function findSubAttribute(
  attribute: Attribute,
  key: string,
  object: JsonObject,
  pointer: string,
  found: Deviation[],
): Attribute | undefined {
  const rename = renamedSubAttributes.find((one) => one.attribute === attribute.name && one.from === key)
  const target = rename && subAttribute(attribute, rename.to)
  if (rename === undefined || target === undefined) return subAttribute(attribute, key)
  if (Object.keys(object).some((other) => other.toLowerCase() === rename.to)) return undefined
  found.push(deviations.renamed(pointer, rename.from, rename.to))
  return target
}

function asObject(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): JsonObject {
  if (isObject(value)) {
    return objectInString(attribute, value['value'], pointer, found) ?? value
  }
  const inner = objectInString(attribute, value, pointer, found)
  if (inner !== undefined) return inner
  if (!isScalar(value) || subAttribute(attribute, 'value') === undefined) {
    throw invalid(attribute, 'takes an object', 'Send its sub-attributes as an object')
  }
  found.push(deviations.bareValue(pointer))
  return { value }
}

function isScalar(value: unknown): value is string | number | boolean | ExactNumber {
  return ['string', 'number', 'boolean'].includes(typeof value) || value instanceof ExactNumber
}

function objectInString(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Deviation[],
): JsonObject | undefined {
  if (typeof value !== 'string' || !/^\s*\{/.test(value)) return undefined
  if (!jsonInStringAttributes.some((one) => one.attribute === attribute.name)) return undefined
  try {
    const inner = parseJson(value)
    if (!isObject(inner)) return undefined
    found.push(deviations.jsonInString(pointer))
    return inner
  } catch {
    // Not JSON after all: a value that happens to begin with a brace.
    return undefined
  }
}

/** Either alphabet of RFC 4648; the padding may be left out (RFC 7643 section 2.3.6), and lines may be broken. */
function isBase64(text: string): boolean {
  const match = /^([A-Za-z0-9+/]*|[\w-]*)(={0,2})$/.exec(text.replace(/\s+/g, ''))
  if (match === null) return false
  const [, digits = '', padding = ''] = match
  const rest = digits.length % 4
  return rest !== 1 && (padding === '' || padding.length === (4 - rest) % 4)
}

function readScalar(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): JsonValue | undefined {
  switch (attribute.type) {
    case 'boolean':
      return readBoolean(attribute, value, pointer, found)
    case 'integer':
    case 'decimal':
      return readNumber(attribute, value, pointer, found)
    default: {
      const text = readText(attribute, value, pointer, found)
      if (attribute.type === 'dateTime') return readDateTime(attribute, text, pointer, found)
      if (attribute.type === 'binary' && !isBase64(text)) throw invalid(attribute, 'takes Base64', 'Encode it')
      if (attribute.profile !== undefined) checkUserName(attribute, text)
      return canonicalValue(attribute, text)
    }
  }
}

function checkUserName(attribute: Attribute, text: string): void {
  const fault = userNameFault(text)
  if (fault !== undefined) throw invalid(attribute, fault.cause, fault.fix)
}

/** As it was written where that is an xsd:dateTime (RFC 7643 section 2.3.5), else as the one that it must mean. */
function readDateTime(attribute: Attribute, text: string, pointer: string, found: Deviation[]): string {
  const instant = canonicalDateTime(text)
  if (instant === undefined) {
    throw invalid(attribute, 'takes a date and time', 'Send it like "2026-01-31T12:00:00Z"')
  }
  if (isDateTime(text)) return text
  found.push(deviations.dateTimeForm(pointer))
  return instant.replace(/\.?0*Z$/, 'Z')
}

/** One of the canonical values in another letter case is that value (RFC 7643 section 2.4). */
function canonicalValue({ canonicalValues, caseExact }: Attribute, text: string): string {
  if (canonicalValues === undefined || caseExact) return text
  const wanted = text.toLowerCase()
  return canonicalValues.find((canonical) => canonical.toLowerCase() === wanted) ?? text
}

function readBoolean(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): boolean {
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (word !== 'true' && word !== 'false') throw invalid(attribute, 'takes a boolean', 'Send true or false')
  found.push(deviations.booleanAsString(pointer))
  return word === 'true'
}

/** Through its text, so that no digit is lost. An integer has neither fraction nor exponent (RFC 7643 section 2.3.4). */
function readNumber(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): number | ExactNumber {
  const isNumber = typeof value === 'number' || value instanceof ExactNumber
  if (!isNumber && typeof value !== 'string') throw invalid(attribute, 'takes a number', 'Send one')
  const text = String(value).trim()
  if (attribute.type === 'integer' && !/^-?\d+$/.test(text)) {
    throw invalid(attribute, 'takes a whole number', 'Send one without a fraction or an exponent')
  }
  const number = exactNumber(text)
  if (number === undefined) {
    throw invalid(attribute, `takes a number of ${longestNumber} digits at most`, 'Send one')
  }
  if (!isNumber) found.push(deviations.numberAsString(pointer))
  return number
}

function readText(attribute: Attribute, value: unknown, pointer: string, found: Deviation[]): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value instanceof ExactNumber) {
    found.push(deviations.scalarAsText(pointer))
    return String(value)
  }
  if (typeof value !== 'string') throw invalid(attribute, 'takes text', 'Send a string')
  if (value.includes('\u0000') || !value.isWellFormed()) {
    throw invalid(attribute, 'holds a character that is no text (NUL or half a surrogate pair)', 'Remove it')
  }
  return value
}

function invalid(attribute: Attribute, cause: string, fix: string) {
  return errors.invalidValue(`The attribute "${attribute.name}" ${cause}. ${fix}.`)
}
