import { isObject, type JsonValue, parseJson, ScimError } from '#libs/scim/index'
import { problems } from './problem.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The text of a JSON body, which is one by the reader of SCIM bodies: UTF-8, no key twice in an object, no half of a surrogate pair.
 * @throws Problem `malformedJson`
 */
export function jsonText(bytes: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw problems.malformedJson('The body is not UTF-8. Encode it as UTF-8.')
  }
  if (!isWellFormed(valueOf(text))) {
    throw problems.malformedJson(
      'A text in the body holds half of a surrogate pair, such as \\ud800 alone, which is no character. Send the pair, or take it out.',
    )
  }
  return text
}

function valueOf(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (error) {
    throw error instanceof ScimError ? problems.malformedJson(error.detail) : error
  }
}

function isWellFormed(value: JsonValue): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (Array.isArray(value)) return value.every(isWellFormed)
  if (!isObject(value)) return true
  return Object.entries(value).every(([name, held]) => name.isWellFormed() && isWellFormed(held))
}
