import { below, deviations } from './deviation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { ExactNumber } from './exact-number.ts'
import { isObject } from './json.ts'

/** A member of a Group as a client names it. Whether a resource of that id exists is not known here. */
export interface Member {
  /** The id of a User or Group. */
  value: string
  type?: 'User' | 'Group'
  display?: string
}

/**
 * The value of `members`: an array of objects or bare ids, or one bare id; each id once. One object alone is for callers whose
 * dialect has it so. Throws `invalidValue` for it otherwise, and for a member without an id.
 */
export function readMembers(value: unknown, pointer: string, found: Diagnosis): Member[] {
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) {
    if (isObject(value) && !found.tolerances.oneForMany) {
      throw errors.invalidValue('The attribute "members" takes an array. Send one, also around a single member.')
    }
    found.push(deviations.singleAsMany(pointer))
  }
  const elements: unknown[] = Array.isArray(value) ? value : [value]
  const members = new Map<string, Member>()
  for (const [index, element] of elements.entries()) {
    if (element === null) continue
    const member = readMember(element, Array.isArray(value) ? below(pointer, index) : pointer, found)
    members.set(member.value, { ...members.get(member.value), ...member })
  }
  return [...members.values()]
}

/** One member: an object or a bare id. */
export function readMember(element: unknown, pointer: string, found: Diagnosis): Member {
  if (typeof element === 'string' || typeof element === 'number' || element instanceof ExactNumber) {
    found.push(deviations.bareValue(pointer))
    return { value: memberId(String(element)) }
  }
  if (!isObject(element)) throw withoutId()
  const fields = new Map(Object.entries(element).map(([key, content]) => [key.toLowerCase(), content]))
  const reference = text(fields.get('$ref'))
  const type = memberType(text(fields.get('type')), reference)
  const display = text(fields.get('display'))?.replaceAll('\u0000', '').toWellFormed()
  return {
    value: memberId(text(fields.get('value')) ?? reference?.split('/').at(-1)),
    ...(type === undefined ? {} : { type }),
    ...(display === undefined ? {} : { display }),
  }
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

function memberType(type: string | undefined, reference: string | undefined): 'User' | 'Group' | undefined {
  const word = type?.toLowerCase()
  if (word === 'user' || word === 'group') return word === 'user' ? 'User' : 'Group'
  if (reference === undefined) return undefined
  if (reference.includes('/Groups/')) return 'Group'
  return reference.includes('/Users/') ? 'User' : undefined
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number' || value instanceof ExactNumber) return String(value)
  return typeof value === 'string' ? value : undefined
}

function withoutId() {
  return errors.invalidValue('A member has no usable "value". Send the id of a User or Group, like {"value": "..."}.')
}
