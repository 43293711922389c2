import { type Projection, type ResourceType, wants } from '#libs/scim/index'
import type { LookedUpRecords, StoredText, Written } from './record-store.ts'
import type { Standing } from './representation.ts'

/** Members that are held in memory for one answer at the most; one that would show more is refused, or sent as it is read. */
export const mostMembersHeld = 50_000

/**
 * Adds what lives in other rows, where the answer shows it: the groups of users, the members of groups. Undefined when the groups have more than
 * `mostMembers` in all.
 */
export async function standings(
  type: ResourceType,
  connection: string,
  found: readonly (StoredText | Written)[],
  projection: Projection,
  records: LookedUpRecords,
  mostMembers: number,
): Promise<Standing[] | undefined> {
  const ids = found.map((record) => record.id)
  if (ids.length === 0) return []
  if (type.name === 'User') {
    const groups = wants(projection, 'groups') ? await records.groups(connection, ids) : new Map<string, never[]>()
    return found.map((record) => ({ ...record, groups: groups.get(record.id) ?? [] }))
  }
  const members = wants(projection, 'members')
    ? await records.members(connection, ids, mostMembers)
    : new Map<string, never[]>()
  return members && found.map((record) => ({ ...record, members: members.get(record.id) ?? [] }))
}
