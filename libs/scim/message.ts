import { errors } from './error.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** The fields of an object by lower-case name (RFC 7643 section 2.1). Throws `invalidSyntax` when one stands twice, spelt differently. */
export function caselessFields(object: JsonObject): Map<string, JsonValue> {
  const entries = Object.entries(object)
  const fields = new Map(entries.map(([key, value]) => [key.toLowerCase(), value]))
  if (fields.size < entries.length) {
    throw errors.invalidSyntax('An object has one field twice, spelt differently. Send each once.')
  }
  return fields
}

/** Whether the `schemas` of a message name that URN, in any letter case, in an array or alone. */
export function namesSchema(schemas: JsonValue | undefined, urn: string): boolean {
  const list = Array.isArray(schemas) ? schemas : [schemas]
  return list.some((named) => typeof named === 'string' && named.toLowerCase() === urn.toLowerCase())
}
