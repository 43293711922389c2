import { below, deviations as all } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { errors } from '../error.ts'
import { printPath } from '../filter/filter.ts'
import type { AttributePath, Filter } from '../filter/filter.ts'
import { isObject } from '../json.ts'
import type { JsonValue } from '../json.ts'
import { readMember, readMembers } from '../member.ts'
import type { Member } from '../member.ts'
import { groupSchema } from '../schema/group.ts'
import type { PatchOperation, PatchPath } from './operation.ts'

/** A change to who belongs to a group, which can be made without knowing the other members. */
export type MembershipChange =
  | { readonly kind: 'add'; readonly members: Member[] }
  | { readonly kind: 'remove'; readonly values: string[] }
  | { readonly kind: 'removeAll' }
  /** The members afterwards are these and no others. */
  | { readonly kind: 'replace'; readonly members: Member[] }
  /** `filter` is about one member: value, type, display. */
  | { readonly kind: 'removeMatching'; readonly filter: Filter }

export interface SplitPatch {
  /** For `applyPatch`, in their order. */
  document: PatchOperation[]
  /** For the membership rows, in their order. */
  membership: MembershipChange[]
}

/**
 * The operations of a Group's PATCH: those on the document, and those on its memberships. Edits of a member's parts, such as
 * members[value eq "..."].display, are accepted and do nothing. Throws `mutability` for a new `value` of an existing member, `invalidValue`.
 */
export function splitPatch(operations: readonly PatchOperation[], found = new Diagnosis()): SplitPatch {
  const split: SplitPatch = { document: [], membership: [] }
  for (const operation of operations) {
    if (operation.path === undefined || isWholeGroup(operation.path)) splitValue(operation, split, found)
    else if (isMembers(operation.path.path)) {
      const change = membershipChange(operation, operation.path, found)
      if (change !== undefined) split.membership.push(change)
    } else split.document.push(operation)
  }
  return split
}

/** Without a path the value may hold members beside other attributes. */
function splitValue(operation: PatchOperation, split: SplitPatch, found: Diagnosis): void {
  const { op, value, pointer } = operation
  if (!isObject(value)) {
    split.document.push(operation)
    return
  }
  const entries = Object.entries(value)
  const rest = entries.filter(([key]) => !membersKeys.has(key.toLowerCase()))
  for (const [key, content] of entries) {
    if (!membersKeys.has(key.toLowerCase())) continue
    const members = readMembers(content, below(below(pointer, 'value'), key), found)
    const change = wholeChange(op, members)
    if (change !== undefined) split.membership.push(change)
  }
  if (rest.length > 0) split.document.push({ ...operation, value: Object.fromEntries(rest) })
}

const membersKeys: ReadonlySet<string> = new Set(['members', `${groupSchema.id}:members`.toLowerCase()])

function isMembers({ sub: _sub, ...attribute }: AttributePath): boolean {
  return membersKeys.has(printPath(attribute).toLowerCase())
}

/** The URN of the schema as a path means the group itself. */
function isWholeGroup({ path, filter }: PatchPath): boolean {
  return filter === undefined && printPath(path).toLowerCase() === groupSchema.id.toLowerCase()
}

function membershipChange(
  operation: PatchOperation,
  { path, filter, sub }: PatchPath,
  found: Diagnosis,
): MembershipChange | undefined {
  const { op, value, pointer } = operation
  const part = (sub ?? path.sub)?.toLowerCase()
  if (part !== undefined) {
    if (part === 'value') throw errors.mutability('"members.value" is immutable. Remove the member and add another.')
    return undefined
  }
  if (filter !== undefined) {
    const values = valuesOf(filter)
    if (op === 'remove') return values === undefined ? { kind: 'removeMatching', filter } : { kind: 'remove', values }
    return selectedChange(value, values, below(pointer, 'value'), found)
  }
  if (op === 'remove' && value !== undefined && value !== null) {
    found.push(all.valueOnRemove(pointer))
    const values = listedMembers(value, below(pointer, 'value'), found).map((member) => member.value)
    return values.length === 0 ? undefined : { kind: 'remove', values }
  }
  const read = op === 'add' ? listedMembers : readMembers
  return wholeChange(op, read(value, below(pointer, 'value'), found))
}

/** What is added or removed may also be one member alone, RFC 7644 section 3.5.2.1. */
function listedMembers(value: JsonValue | undefined, pointer: string, found: Diagnosis): Member[] {
  return isObject(value) ? [readMember(value, pointer, found)] : readMembers(value, pointer, found)
}

function wholeChange(op: PatchOperation['op'], members: Member[]): MembershipChange | undefined {
  if (op === 'remove') return { kind: 'removeAll' }
  if (op === 'add') return members.length === 0 ? undefined : { kind: 'add', members }
  return members.length === 0 ? { kind: 'removeAll' } : { kind: 'replace', members }
}

/** Adding to or replacing a selected member: it is there afterwards, under the same id. */
function selectedChange(
  value: JsonValue | undefined,
  values: string[] | undefined,
  pointer: string,
  found: Diagnosis,
): MembershipChange | undefined {
  const [selected, ...others] = values ?? []
  if (selected === undefined || others.length > 0) return undefined
  const given = Array.isArray(value) && value.length === 1 ? value[0] : value
  const [member] = readMembers([isObject(given) ? { value: selected, ...given } : selected], pointer, found)
  if (member === undefined) return undefined
  if (member.value !== selected) {
    throw errors.mutability('"members.value" is immutable. Remove the member and add another.')
  }
  return { kind: 'add', members: [member] }
}

/** The ids that a filter lists: `value eq "..."`, or a chain of them joined by `or`. Undefined for every other filter. */
function valuesOf(filter: Filter): string[] | undefined {
  if (filter.kind === 'or') {
    const lists = filter.terms.map(valuesOf)
    return lists.every((list) => list !== undefined) ? lists.flat() : undefined
  }
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.value === null) return undefined
  const { schema, name, sub } = filter.path
  const isId = schema === undefined && sub === undefined && name.toLowerCase() === 'value'
  return isId ? [String(filter.value)] : undefined
}
