import { below, deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { ExactNumber, exactNumber, longestNumber } from './exact-number.ts'
import { canonicalDateTime, isDateTime } from './filter/date-time.ts'
import { isObject, parseJson } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { mergeDuplicates, onePrimary } from './elements.ts'
import { userNameFault } from './precis/user-name.ts'
import { subAttribute } from './schema/attribute.ts'
import type { Attribute } from './schema/attribute.ts'

/**
 * A value a client sent, as the attribute has it: canonical names, coerced types, without readOnly and unknown sub-attributes.
 * Undefined when it comes to nothing: null, [] and an empty object are the same as absent (RFC 7643 section 2.5). What was
 * tolerated is added to `found`, whose dialect says what may be. Throws `invalidValue`, naming the attribute and never its value.
 */
export function readValue(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Diagnosis,
): JsonValue | undefined {
  if (value === null || value === undefined) return undefined
  if (!attribute.multiValued) return readSingle(attribute, value, pointer, found)
  const read = Array.isArray(value)
    ? readAll(attribute, value, pointer, found)
    : readOne(attribute, value, pointer, found)
  const elements = onePrimary(attribute, read, pointer, found)
  const merged = mergeDuplicates(attribute, elements)
  if (merged.length < elements.length) found.push(deviations.duplicateValue(pointer))
  return merged.length === 0 ? undefined : merged
}

function readAll(attribute: Attribute, values: readonly unknown[], pointer: string, found: Diagnosis): JsonValue[] {
  const elements: JsonValue[] = []
  for (const [index, value] of values.entries()) {
    const element = readElement(attribute, value, below(pointer, index), found)
    if (element !== undefined) elements.push(element)
  }
  return elements
}

/** One value where an array belongs. */
function readOne(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonValue[] {
  const inString = objectInString(attribute, value, pointer, found)
  if (inString === undefined && !found.tolerances.oneForMany) {
    throw invalid(attribute, 'takes an array', 'Send one, also around a single value')
  }
  found.push(deviations.singleAsMany(pointer))
  const element = readElement(attribute, inString ?? value, pointer, found)
  return element === undefined ? [] : [element]
}

/** One element of a multi-valued attribute, read like `readValue`. */
export function readElement(
  attribute: Attribute,
  value: unknown,
  pointer: string,
  found: Diagnosis,
): JsonValue | undefined {
  if (value === null || value === undefined) return undefined
  return attribute.type === 'complex'
    ? readComplex(attribute, value, pointer, found)
    : readScalar(attribute, value, pointer, found)
}

function readSingle(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonValue | undefined {
  return readElement(attribute, onlyOne(attribute, value, pointer, found), pointer, found)
}

/** A single value, which for the manager may stand in an array of one. Throws `invalidValue` for every other array. */
export function onlyOne<Value>(
  attribute: Attribute,
  value: Value | Value[],
  pointer: string,
  found: Diagnosis,
): Value | undefined {
  if (!Array.isArray(value)) return value
  if (value.length > 1) throw invalid(attribute, 'takes one value, and several came', 'Send one')
  if (value.length === 1) {
    if (!isManager(attribute)) throw invalid(attribute, 'takes one value, and an array came', 'Send the value itself')
    found.push(deviations.manyAsSingle(pointer))
  }
  return value[0]
}

function readComplex(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonObject | undefined {
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
  found: Diagnosis,
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
  found: Diagnosis,
): Attribute | undefined {
  const rename = found.tolerances.renames.find((one) => one.attribute === attribute.name && one.from === key)
  const target = rename && subAttribute(attribute, rename.to)
  if (rename === undefined || target === undefined) return subAttribute(attribute, key)
  if (Object.keys(object).some((other) => other.toLowerCase() === rename.to)) return undefined
  found.push(deviations.renamed(pointer, rename.from, rename.to))
  return target
}

function asObject(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonObject {
  if (isObject(value)) {
    return objectInString(attribute, value['value'], pointer, found) ?? value
  }
  const inner = objectInString(attribute, value, pointer, found)
  if (inner !== undefined) return inner
  if (!isScalar(value) || !isManager(attribute)) {
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
  found: Diagnosis,
): JsonObject | undefined {
  if (typeof value !== 'string' || !/^\s*\{/.test(value)) return undefined
  if (attribute.name !== 'roles') return undefined
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

function readScalar(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonValue | undefined {
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
function readDateTime(attribute: Attribute, text: string, pointer: string, found: Diagnosis): string {
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

function readBoolean(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): boolean {
  if (typeof value === 'boolean') return value
  const readable = found.tolerances.scalarsInStrings || attribute.name === 'active' || attribute.name === 'primary'
  const word = readable && typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (word !== 'true' && word !== 'false') throw invalid(attribute, 'takes a boolean', 'Send true or false')
  found.push(deviations.booleanAsString(pointer))
  return word === 'true'
}

/** Through its text, so that no digit is lost. An integer has neither fraction nor exponent (RFC 7643 section 2.3.4). */
function readNumber(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): number | ExactNumber {
  const inString = typeof value === 'string' && found.tolerances.scalarsInStrings
  if (typeof value !== 'number' && !(value instanceof ExactNumber) && !inString) {
    throw invalid(attribute, 'takes a number', 'Send one without quotes')
  }
  const text = String(value).trim()
  if (attribute.type === 'integer' && !/^-?\d+$/.test(text)) {
    throw invalid(attribute, 'takes a whole number', 'Send one without a fraction or an exponent')
  }
  const number = exactNumber(text)
  if (number === undefined) {
    throw invalid(attribute, `takes a number of ${longestNumber} digits at most`, 'Send one')
  }
  if (inString) found.push(deviations.numberAsString(pointer))
  return number
}

function readText(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): string {
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

/** Of it a bare id and an array of one are taken from every caller. */
function isManager({ name, type }: Attribute): boolean {
  return name === 'manager' && type === 'complex'
}

function invalid(attribute: Attribute, cause: string, fix: string) {
  return errors.invalidValue(`The attribute "${attribute.name}" ${cause}. ${fix}.`)
}
