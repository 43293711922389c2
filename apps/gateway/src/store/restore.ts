import { type AnyEvent, isId } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import { storedResource } from '#libs/scim/index'
import type { Restoration, RestoreRequest } from '../deleted.ts'
import { groupRestored, membersChanged, userRestored } from '../lifecycle.ts'
import { type Member, userNameKey } from '../record.ts'
import { holdConnections } from './hold-connections.ts'
import { recordRow } from './record-row.ts'
import * as restores from './restore-statements.ts'
import * as statements from './statements.ts'

type StandingRow = { id: string; kind: 'User' | 'Group'; version: number; created: Date; document: string }
type DeletedRow = StandingRow & { groupIds: string[]; memberIds: string[]; parkedIds: string[] }

/** As `DeletedRecords.restore`. Locks in the order in which batches do: groups before names and members. */
export async function restore(transaction: Transaction, request: RestoreRequest): Promise<Restoration> {
  const { scope, id, occasion } = request
  const { connection } = scope
  if (!isId(id)) return { outcome: 'unknown' }
  if (!(await holdConnections(transaction, [connection]))) return { outcome: 'unknown' }
  transaction.send(restores.oneAtATime, [connection])
  // Before the record, as batches do that change these groups.
  const locked = await transaction.query<{ id: string }>(restores.lockGroupsOf, [connection, id])
  const [deleted] = await transaction.query<DeletedRow>(restores.lockDeleted, [connection, id])
  if (deleted === undefined) {
    const [standing] = await transaction.query<StandingRow>(restores.findStanding, [connection, id])
    if (standing === undefined) return { outcome: 'unknown' }
    return { outcome: 'standing', standing: { ...standing, document: storedResource(standing.document) } }
  }
  const { kind, created, groupIds } = deleted
  const document = storedResource(deleted.document)
  const events: AnyEvent[] = []
  if (kind === 'User') {
    events.push(userRestored(scope, occasion, { ...deleted, document }))
    const row = recordRow(kind, connection, { id, version: deleted.version + 1, created, document }, occasion.time)
    const accepted = await transaction.query(statements.insertUsers, [JSON.stringify([row])])
    if (accepted.length === 0) {
      const [other] = await transaction.query<{ id: string }>(restores.whoIsNamed, [connection, userNameKey(document)])
      return { outcome: 'name taken', by: other?.id }
    }
  } else {
    events.push(groupRestored(scope, occasion, { ...deleted, document }))
    events.push(...(await takeBackMembers(transaction, request, deleted)))
    const version = deleted.version + events.length
    const row = recordRow(kind, connection, { id, version, created, document }, occasion.time)
    transaction.send(statements.insertGroups, [JSON.stringify([row])])
  }
  const version = deleted.version + events.length
  const standing = locked.map((group) => group.id).filter((group) => groupIds.includes(group))
  events.push(...(await rejoin(transaction, request, kind, standing)))
  const gone = groupIds.filter((group) => !standing.includes(group))
  if (gone.length > 0) transaction.send(restores.leaveMemberWithGroups, [connection, id, gone])
  transaction.send(restores.forgetDeleted, [connection, id])
  return { outcome: 'restored', restored: { id, kind, version, created, document, events } }
}

/** The members of a restored group; the events that tell of them follow the one that it was restored. */
async function takeBackMembers(
  transaction: Transaction,
  { scope, id, occasion }: RestoreRequest,
  { version, memberIds, parkedIds }: DeletedRow,
): Promise<AnyEvent[]> {
  const members = [...memberIds, ...parkedIds].sort()
  if (members.length === 0) return []
  const parked = new Set(parkedIds)
  const added = await transaction.query<Member>(restores.insertMembersBack, [
    scope.connection,
    id,
    members,
    members.map((member) => parked.has(member)),
    members.map((member) => (isId(member) ? member : null)),
  ])
  const back = new Set(added.map(({ value }) => value))
  const missing = memberIds.filter((member) => !back.has(member))
  if (missing.length > 0) transaction.send(restores.leaveGroupWithMembers, [scope.connection, id, missing])
  return membersChanged(scope, occasion, id, version + 1, added, [])
}

/** Makes what is restored a member again of these groups, which are locked, and tells so of each. */
async function rejoin(
  transaction: Transaction,
  { scope, id, occasion }: RestoreRequest,
  kind: 'User' | 'Group',
  groups: readonly string[],
): Promise<AnyEvent[]> {
  const { connection } = scope
  transaction.send(restores.nameParked, [connection, id, kind])
  if (groups.length === 0) return []
  const all = (value: string): string[] => groups.map(() => value)
  const rows = await transaction.query<{ groupId: string }>(statements.insertMembers, [
    all(connection),
    groups,
    all(id),
    all(id),
  ])
  const joined = rows.map(({ groupId }) => groupId).sort()
  if (joined.length === 0) return []
  const bumped = await transaction.query<{ id: string; before: number }>(statements.bumpGroups, [
    joined.map(() => connection),
    joined,
    joined.map(() => 1),
    occasion.time,
  ])
  return bumped.flatMap((group) => membersChanged(scope, occasion, group.id, group.before, [{ value: id, kind }], []))
}
