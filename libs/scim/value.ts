import { below, deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { canonicalDateTime } from './filter/date-time.ts'
import { isObject, parseJson } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { mergeDuplicates, onePrimary } from './elements.ts'
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
  if (!Array.isArray(value)) return readElement(attribute, value, pointer, found)
  if (value.length > 1) throw invalid(attribute, 'takes one value, and several came', 'Send one')
  if (value.length === 1) {
    if (!isManager(attribute)) throw invalid(attribute, 'takes one value, and an array came', 'Send the value itself')
    found.push(deviations.manyAsSingle(pointer))
  }
  return readElement(attribute, value[0], pointer, found)
}

function readComplex(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonObject | undefined {
  const object = asObject(attribute, value, pointer, found)
  const read = new Map<string, JsonValue>()
  for (const [key, content] of Object.entries(object)) {
    const at = below(pointer, key)
    const sub = findSubAttribute(attribute, key, object, at, found)
    if (sub === undefined) found.push(deviations.unknownAttribute(at, key))
    else if (sub.mutability === 'readOnly') found.push(deviations.readOnly(at, `${attribute.name}.${sub.name}`))
    else {
      const part = readValue(sub, content, at, found)
      if (part !== undefined) read.set(sub.name, part)
    }
  }
  return read.size === 0 ? undefined : Object.fromEntries(read)
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
  if (object[rename.to] !== undefined) return undefined
  found.push(deviations.renamed(pointer, rename.from, rename.to))
  return target
}

function asObject(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonObject {
  if (isObject(value)) {
    return objectInString(attribute, value['value'], pointer, found) ?? value
  }
  const inner = objectInString(attribute, value, pointer, found)
  if (inner !== undefined) return inner
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  if (!scalar || !isManager(attribute)) {
    throw invalid(attribute, 'takes an object', 'Send its sub-attributes as an object')
  }
  found.push(deviations.bareValue(pointer))
  return { value }
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

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/

function readScalar(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): JsonValue | undefined {
  switch (attribute.type) {
    case 'boolean':
      return readBoolean(attribute, value, pointer, found)
    case 'integer':
    case 'decimal':
      return readNumber(attribute, value)
    default: {
      const text = readText(attribute, value)
      if (attribute.type === 'dateTime' && canonicalDateTime(text) === undefined) {
        throw invalid(attribute, 'takes a date and time', 'Send it like "2026-01-31T12:00:00Z"')
      }
      if (attribute.type === 'binary' && !base64.test(text.replace(/\s/g, ''))) {
        throw invalid(attribute, 'takes Base64', 'Encode it')
      }
      return text
    }
  }
}

function readBoolean(attribute: Attribute, value: unknown, pointer: string, found: Diagnosis): boolean {
  if (typeof value === 'boolean') return value
  const readable = found.tolerances.booleansAsText || attribute.name === 'active' || attribute.name === 'primary'
  const word = readable && typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (word !== 'true' && word !== 'false') throw invalid(attribute, 'takes a boolean', 'Send true or false')
  found.push(deviations.booleanAsString(pointer))
  return word === 'true'
}

function readNumber(attribute: Attribute, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalid(attribute, 'takes a number', 'Send one without quotes')
  }
  if (attribute.type === 'integer' && !Number.isInteger(value)) {
    throw invalid(attribute, 'takes a whole number', 'Send one without a fraction')
  }
  return value
}

function readText(attribute: Attribute, value: unknown): string {
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
