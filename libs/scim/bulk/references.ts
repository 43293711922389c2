import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'

/** Gives what stands in the place of a reference to that bulkId. */
export type Put = (bulkId: string) => string

/**
 * A value in which every reference to a bulkId is replaced, RFC 7644 section 3.7.2: a string that is "bulkId:x", wherever it stands; the
 * end of a `$ref`; and such a string in the filter of a PATCH path, members[value eq "bulkId:x"]. The value itself is not
 * touched, and is given back where it holds none. "bulkId" is a reserved word (RFC 7643 section 3.1), read in any letter case.
 */
export function replaceReferences(value: JsonValue, put: Put, key = ''): JsonValue {
  if (typeof value === 'string') return inText(value, put, key)
  if (Array.isArray(value)) {
    const replaced = value.map((element) => replaceReferences(element, put, key))
    return replaced.every((element, index) => element === value[index]) ? value : replaced
  }
  return isObject(value) ? inObject(value, put) : value
}

/** The path of a bulk operation, /Users/bulkId:x, with the reference in it replaced. */
export function replaceInAddress(path: string, put: Put): string {
  const [, collection, bulkId] = address.exec(path) ?? []
  return collection === undefined || bulkId === undefined ? path : `${collection}${put(bulkId)}`
}

const address = /^(\/[^/]+\/)bulkid:(.+)$/is
const whole = /^bulkid:(.+)$/is

function inObject(object: JsonObject, put: Put): JsonObject {
  let changed = false
  const entries = Object.entries(object).map(([key, content]): [string, JsonValue] => {
    const replaced = replaceReferences(content, put, key.toLowerCase())
    changed ||= replaced !== content
    return [key, replaced]
  })
  return changed ? Object.fromEntries(entries) : object
}

function inText(text: string, put: Put, key: string): string {
  const bulkId = whole.exec(text)?.[1]
  if (bulkId !== undefined) return put(bulkId)
  if (key === '$ref') {
    const end = text.lastIndexOf('/') + 1
    const last = whole.exec(text.slice(end))?.[1]
    return last === undefined ? text : `${text.slice(0, end)}${put(last)}`
  }
  return key === 'path' && /bulkid:/i.test(text) ? inPath(text, put) : text
}

/** The strings of the filter in a PATCH path, quoted or not; all else stays as it is. */
function inPath(path: string, put: Put): string {
  let replaced = ''
  let at = 0
  for (;;) {
    const open = path.indexOf('"', at)
    const close = open === -1 ? -1 : closingQuote(path, open)
    if (close === -1) return replaced + unquoted(path.slice(at), put)
    replaced += unquoted(path.slice(at, open), put) + quoted(path.slice(open, close + 1), put)
    at = close + 1
  }
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text.charAt(at) === '\\') at++
    else if (text.charAt(at) === '"') return at
  }
  return -1
}

function quoted(literal: string, put: Put): string {
  try {
    const content: unknown = JSON.parse(literal)
    const bulkId = typeof content === 'string' ? whole.exec(content)?.[1] : undefined
    return bulkId === undefined ? literal : JSON.stringify(put(bulkId))
  } catch {
    // No string of JSON: the path itself will be refused.
    return literal
  }
}

function unquoted(text: string, put: Put): string {
  return text.replace(/(\s)bulkid:([^\s()[\]]+)/gi, (_match, space: string, bulkId: string) => `${space}${put(bulkId)}`)
}
