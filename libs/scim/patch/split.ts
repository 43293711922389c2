import { below, deviations as all } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { errors } from '../error.ts'
import { printPath } from '../filter/filter.ts'
import type { AttributePath, Filter } from '../filter/filter.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { readMemberId, readMemberIds } from '../member.ts'
import { caselessFields } from '../message.ts'
import { groupSchema } from '../schema/group.ts'
import type { PatchOperation, PatchPath } from './operation.ts'

/** A change to who belongs to a group, which can be made without knowing the other members. `values` are the ids of members. */
export type MembershipChange =
  | { readonly kind: 'add'; readonly values: string[] }
  | { readonly kind: 'remove'; readonly values: string[] }
  | { readonly kind: 'removeAll' }
  /** The members afterwards are these and no others. */
  | { readonly kind: 'replace'; readonly values: string[] }
  /** `filter` is about one member: its value and its type. */
  | { readonly kind: 'removeMatching'; readonly filter: Filter }
  | MemberClaim

/** What an operation says of members that follows from their ids alone: nobody can change it, and it may be said again. */
export interface MemberClaim {
  readonly kind: 'claim'
  readonly part: 'type' | '$ref'
  readonly value: string
  /** About one member, like that of `removeMatching`; absent for all. */
  readonly filter?: Filter
}

export interface SplitPatch {
  /** For `applyPatch`, in their order. */
  document: PatchOperation[]
  /** For the membership rows, in their order. */
  membership: MembershipChange[]
}

/**
 * The operations of a Group's PATCH: those on the document, and those on its memberships. What they say of a member's display is ignored, and
 * what they say of its type and address is a claim, for whoever knows the member to check. Throws `mutability` for a new `value` of an existing
 * member and for any part of one that is taken away, `invalidFilter` where members are selected by anything but value and type, `invalidValue`,
 * `invalidSyntax`.
 */
export function splitPatch(operations: readonly PatchOperation[], found = new Diagnosis()): SplitPatch {
  const split: SplitPatch = { document: [], membership: [] }
  for (const operation of operations) {
    const { op, path } = operation
    if (path === undefined || (op !== 'remove' && isWholeGroup(path))) splitValue(operation, split, found)
    else if (isMembers(path.path)) {
      split.membership.push(...membershipChanges(operation, path, found))
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
  const rest = withoutMembers(value, below(pointer, 'value'))
  if (Object.keys(rest).length > 0) split.document.push({ ...operation, value: rest })

  /** What is left when the members have gone to theirs; the URN of the schema as a key holds attributes of the group too. */
  function withoutMembers(attributes: JsonObject, at: string): JsonObject {
    const others: [string, JsonValue][] = []
    for (const [key, content] of Object.entries(attributes)) {
      const name = key.toLowerCase()
      if (membersKeys.has(name)) {
        const change = wholeChange(op, readMemberIds(content, below(at, key), found))
        if (change !== undefined) split.membership.push(change)
      } else if (name === groupKey && isObject(content)) {
        const inner = withoutMembers(content, below(at, key))
        if (Object.keys(inner).length > 0) others.push([key, inner])
      } else others.push([key, content])
    }
    return Object.fromEntries(others)
  }
}

const groupKey = groupSchema.id.toLowerCase()
const membersKeys: ReadonlySet<string> = new Set(['members', `${groupKey}:members`])

function isMembers({ sub: _sub, ...attribute }: AttributePath): boolean {
  return membersKeys.has(printPath(attribute).toLowerCase())
}

/** The URN of the schema as a path means the group itself. */
function isWholeGroup({ path, filter }: PatchPath): boolean {
  return filter === undefined && printPath(path).toLowerCase() === groupKey
}

function membershipChanges(
  operation: PatchOperation,
  { path, filter, sub }: PatchPath,
  found: Diagnosis,
): MembershipChange[] {
  const { op, value, pointer } = operation
  const part = sub ?? path.sub
  const values = filter === undefined ? undefined : valuesOf(filter)
  if (filter !== undefined && values === undefined) checkFilter(filter)
  if (part !== undefined) {
    if (op === 'remove' && part.toLowerCase() === 'display') {
      throw errors.mutability('"members.display" is readOnly: it follows from the member. Leave the remove out.')
    }
    return claims(part, op === 'remove' ? null : value, filter, below(pointer, 'path'), found)
  }
  if (filter !== undefined) {
    if (op === 'remove') return [values === undefined ? { kind: 'removeMatching', filter } : { kind: 'remove', values }]
    const at = below(pointer, 'value')
    const place = Array.isArray(value) ? below(at, 0) : at
    const said = partsOf(value).flatMap(([key, content]) =>
      key.toLowerCase() === 'value' ? [] : claims(key, content, filter, below(place, key), found),
    )
    return [...said, ...present(selectedChange(value, values, at, found))]
  }
  if (op === 'remove' && value !== undefined && value !== null) {
    found.push(all.valueOnRemove(pointer))
    const listed = listedIds(value, below(pointer, 'value'), found)
    return listed.length === 0 ? [] : [{ kind: 'remove', values: listed }]
  }
  const read = op === 'add' ? listedIds : readMemberIds
  return present(wholeChange(op, read(value, below(pointer, 'value'), found)))
}

function present(change: MembershipChange | undefined): MembershipChange[] {
  return change === undefined ? [] : [change]
}

/** What one value says of a member that a filter selects. */
function partsOf(value: JsonValue | undefined): [string, JsonValue][] {
  const given = Array.isArray(value) && value.length === 1 ? value[0] : value
  return isObject(given) ? Object.entries(given) : []
}

/** What is said of a part of members, which they have of themselves; null takes it away. */
function claims(
  name: string,
  value: JsonValue | undefined,
  filter: Filter | undefined,
  pointer: string,
  found: Diagnosis,
): MemberClaim[] {
  const part = name.toLowerCase()
  if (part === 'value') throw immutableValue()
  if (part !== 'type' && part !== '$ref') {
    found.push(
      part === 'display' ? all.readOnly(pointer, 'members.display') : all.unknownAttribute(pointer, `members.${name}`),
    )
    return []
  }
  if (value === undefined || value === null) {
    throw errors.mutability(`"members.${part}" is immutable: it follows from the member. Leave it as it is.`)
  }
  if (typeof value !== 'string') {
    throw errors.invalidValue(`"members.${part}" takes a string. Leave it out: it follows from the member.`)
  }
  found.push(all.readOnly(pointer, `members.${part}`))
  return [{ kind: 'claim', part, value, ...(filter === undefined ? {} : { filter }) }]
}

/** What is added or removed may also be one member alone, RFC 7644 section 3.5.2.1. */
function listedIds(value: JsonValue | undefined, pointer: string, found: Diagnosis): string[] {
  return isObject(value) ? [readMemberId(value, pointer, found)] : readMemberIds(value, pointer, found)
}

function wholeChange(op: PatchOperation['op'], values: string[]): MembershipChange | undefined {
  if (op === 'remove') return { kind: 'removeAll' }
  if (op === 'add') return values.length === 0 ? undefined : { kind: 'add', values }
  return values.length === 0 ? { kind: 'removeAll' } : { kind: 'replace', values }
}

/** Adding to or replacing a selected member: it is there afterwards, under the same id. */
function selectedChange(
  value: JsonValue | undefined,
  values: string[] | undefined,
  pointer: string,
  found: Diagnosis,
): MembershipChange | undefined {
  const given = Array.isArray(value) && value.length === 1 ? value[0] : value
  const id = namesMember(given) ? readMemberId(given, pointer, found) : undefined
  const [selected, ...others] = values ?? []
  if (selected === undefined || others.length > 0) {
    if (id !== undefined) throw immutableValue()
    return undefined
  }
  if (id !== undefined && id !== selected) throw immutableValue()
  return { kind: 'add', values: [readMemberId({ value: selected }, pointer, found)] }
}

function namesMember(given: JsonValue | undefined): boolean {
  const value = isObject(given) ? caselessFields(given).get('value') : given
  return value !== undefined && value !== null && !Array.isArray(value)
}

function immutableValue() {
  return errors.mutability('"members.value" is immutable. Remove the member and add another.')
}

/** A member is kept as its id and what it is the id of: its display is another resource's, and its $ref is made of both. */
function checkFilter(filter: Filter): void {
  if ('terms' in filter) return filter.terms.forEach(checkFilter)
  if ('term' in filter) return checkFilter(filter.term)
  const { schema, name, sub } = filter.path
  const isKept = schema === undefined && sub === undefined && ['value', 'type'].includes(name.toLowerCase())
  if (filter.kind === 'valuePath' || !isKept) {
    throw errors.invalidFilter('Members are selected by "value" and "type" alone. Write members[value eq "..."].')
  }
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
