import { hash } from 'node:crypto'

/**
 * A digest of one value of one attribute of one user or group, by which a subscriber that holds a value can tell whether an
 * event is about it: equal for equal values, and different for each record and attribute. It is SHA-256, as base64url without
 * padding, of the UTF-8 of the canonical JSON (RFC 8785) of `["latchkey attribute value 1", id, attribute, value]`. The elements of a
 * multi-valued attribute have no order: they are sorted by their own canonical JSON first, by UTF-16 code units. A number that
 * a double does not hold is written in all its digits. It hides nothing from who can guess the value.
 */
export function valueDigest(id: string, attribute: string, value: unknown): string {
  const parts = [domain, id, attribute].map((part) => JSON.stringify(part))
  return hash('sha256', `[${parts.join()},${unordered(value)}]`, 'base64url')
}

const domain = 'latchkey attribute value 1'

function unordered(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(canonical).sort().join()}]` : canonical(value)
}

/**
 * Keys are sorted by UTF-16 code units, as JavaScript compares strings; strings and numbers are written as it writes them. A number
 * that is too long for a double comes as an object that writes itself.
 */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return JSON.stringify(value)
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([key, content]) => `${JSON.stringify(key)}:${canonical(content)}`).join()}}`
}
