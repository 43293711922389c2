import { below, deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { ExactNumber } from './exact-number.ts'
import { isObject } from './json.ts'
import { caselessFields } from './message.ts'

/**
 * The ids that a value of `members` names, each once: an array of objects or bare ids, or one bare id. Whether there is a User or Group
 * of that id is not known here, and what else a member says of itself follows from it. One object alone is for callers whose dialect has
 * it so. Throws `invalidValue` for it otherwise, and for a member without an id; `invalidSyntax` for a field that stands twice.
 */
export function readMemberIds(value: unknown, pointer: string, found: Diagnosis): string[] {
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) {
    if (isObject(value) && !found.tolerances.oneForMany) {
      throw errors.invalidValue('The attribute "members" takes an array. Send one, also around a single member.')
    }
    found.push(deviations.singleAsMany(pointer))
  }
  const elements: unknown[] = Array.isArray(value) ? value : [value]
  const ids = new Set<string>()
  for (const [index, element] of elements.entries()) {
    if (element !== null) ids.add(readMemberId(element, Array.isArray(value) ? below(pointer, index) : pointer, found))
  }
  return [...ids]
}

/** The id of one member, an object or a bare id. */
export function readMemberId(element: unknown, pointer: string, found: Diagnosis): string {
  if (typeof element === 'string' || typeof element === 'number' || element instanceof ExactNumber) {
    found.push(deviations.bareValue(pointer))
    return memberId(String(element))
  }
  if (!isObject(element)) throw withoutId()
  const fields = caselessFields(element)
  return memberId(text(fields.get('value')) ?? text(fields.get('$ref'))?.split('/').at(-1))
}

/** An index holds it, and an entry of an index is at most a third of a page. */
const longestId = 1_000

function memberId(id: string | undefined): string {
  if (id !== undefined && id.length > longestId) {
    throw errors.invalidValue(
      `The "value" of a member is longer than ${longestId} characters. Send the id of a User or Group.`,
    )
  }
  if (id === undefined || id === '' || id.includes('\u0000') || !id.isWellFormed()) throw withoutId()
  return id
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number' || value instanceof ExactNumber) return String(value)
  return typeof value === 'string' ? value : undefined
}

function withoutId() {
  return errors.invalidValue('A member has no usable "value". Send the id of a User or Group, like {"value": "..."}.')
}
