import { errors, type MemberClaim, type MembershipChange } from '#libs/scim/index'

/** What a sequence of membership changes comes to, so that it can be written without reading the other members. */
export interface MembershipEdit {
  /** First remove everyone who is not in `add`. */
  readonly clear: boolean
  readonly add: ReadonlySet<string>
  readonly remove: ReadonlySet<string>
}

export const noEdit: MembershipEdit = { clear: false, add: new Set(), remove: new Set() }

export function isNoEdit(edit: MembershipEdit): boolean {
  return !edit.clear && edit.add.size === 0 && edit.remove.size === 0
}

/**
 * Folds changes in their order: a later one overrules an earlier one about the same member.
 * `matching` gives the values that a filter selects among the group's present members.
 */
export function foldMembership(
  changes: readonly MembershipChange[],
  matching: (change: Extract<MembershipChange, { kind: 'removeMatching' }>) => readonly string[],
): MembershipEdit {
  let clear = false
  let add = new Set<string>()
  const remove = new Set<string>()
  const drop = (values: readonly string[]): void => {
    for (const value of values) {
      add.delete(value)
      remove.add(value)
    }
  }
  for (const change of changes) {
    switch (change.kind) {
      case 'add':
        for (const value of change.values) {
          add.add(value)
          remove.delete(value)
        }
        break
      case 'remove':
        drop(change.values)
        break
      case 'removeMatching':
        drop(matching(change))
        break
      case 'claim':
        break
      case 'removeAll':
      case 'replace':
        clear = true
        add = new Set(change.kind === 'replace' ? change.values : [])
        remove.clear()
        break
    }
  }
  return { clear, add, remove: clear ? new Set() : remove }
}

/** The members afterwards are those of these ids and no others. */
export function replacement(ids: readonly string[]): MembershipEdit {
  return { clear: true, add: new Set(ids), remove: new Set() }
}

/** A member that a group has; what it is, is unknown while nobody has its id. */
export interface PresentMember {
  readonly value: string
  readonly type: string | null
}

/** Throws `mutability` when the claim would make the member another than it is. Of an unknown member anything may be said: nothing of it is kept. */
export function checkClaim({ part, value }: MemberClaim, member: PresentMember): void {
  if (member.type === null) return
  const isSo =
    part === 'type'
      ? value.toLowerCase() === member.type.toLowerCase()
      : value.endsWith(`/${member.type}s/${member.value}`)
  if (isSo) return
  throw errors.mutability(
    `"members.${part}" is immutable: it follows from the member, which is another. Leave it as it is, or remove the member and add the one that is meant.`,
  )
}
