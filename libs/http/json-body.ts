import { ExactNumber, type JsonValue, parseJson, ScimError } from '#libs/scim/index'
import { problems } from './problem.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The value of a JSON body, read by the reader of SCIM bodies: UTF-8, no key twice in an object, no half of a surrogate pair, and none of the names
 * by which objects of JavaScript could be changed. Numbers are those of JavaScript. A body that is `null` is not taken for none.
 * @throws Problem `malformedJson`, and `invalid` for null and for those names
 */
export function readJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw problems.malformedJson('The body is not UTF-8. Encode it as UTF-8.')
  }
  const value = valueOf(text)
  if (value === null) throw problems.invalid([{ path: [], message: 'is null: send a JSON object, or no body' }])
  return plain(value, [])
}

function valueOf(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (error) {
    throw error instanceof ScimError ? problems.malformedJson(error.detail) : error
  }
}

function plain(value: JsonValue, path: readonly (string | number)[]): unknown {
  if (typeof value === 'string') return wellFormed(value)
  if (value instanceof ExactNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map((one, index) => plain(one, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  const refused = ['__proto__', 'constructor'].filter((name) => Object.hasOwn(value, name))
  if (refused.length > 0) {
    throw problems.invalid(
      refused.map((name) => ({ path: [...path, name], message: `a key ${name} is taken nowhere here. Take it out` })),
    )
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [wellFormed(name), plain(held, [...path, name])]),
  )
}

function wellFormed(text: string): string {
  if (text.isWellFormed()) return text
  throw problems.malformedJson(
    'A text in the body holds half of a surrogate pair, such as \\ud800 alone, which is no character. Send the pair, or take it out.',
  )
}
