import { type AnyEvent, isId } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import { membersChanged } from '../lifecycle.ts'
import { isNoEdit } from '../membership.ts'
import type { Member } from '../record.ts'
import * as deletes from './delete-statements.ts'
import type { Job } from './job.ts'
import { idsOf, type Planned } from './planned.ts'
import * as statements from './statements.ts'

type MemberRow = { groupId: string; value: string }

/** Who was added to a group and removed from it. */
export interface Delta {
  readonly added: readonly Member[]
  readonly removed: readonly string[]
}

/** Writes the members of groups as they are to be. Answers what really changed, by the group's id. */
export async function writeMemberships(
  transaction: Transaction,
  planned: readonly Planned[],
): Promise<ReadonlyMap<string, Delta>> {
  const deltas = new Map<string, { added: Member[]; removed: string[] }>()
  const edits = planned.filter(({ edit }) => !isNoEdit(edit))
  if (edits.length === 0) return deltas
  const removals = edits
    .filter(({ edit, intent }) => edit.clear && intent.write !== 'insert')
    .map(({ job, edit }) =>
      transaction.query<MemberRow>(statements.deleteOtherMembers, [
        job.principal.connection,
        job.command.id,
        [...edit.add],
      ]),
    )
  const remove = edits.flatMap(({ job, edit }) =>
    [...edit.remove].map((member) => [job.principal.connection, job.command.id, member] as const),
  )
  if (remove.length > 0) removals.push(transaction.query<MemberRow>(statements.deleteMembers, columns(remove, 3)))
  keepFromComingBack(transaction, edits, remove)
  const add = edits.flatMap(({ job, edit }) =>
    [...edit.add]
      .sort()
      .map((member) => [job.principal.connection, job.command.id, member, isId(member) ? member : null] as const),
  )
  const added =
    add.length === 0
      ? Promise.resolve([])
      : transaction.query<MemberRow & { kind: Member['kind'] }>(statements.insertMembers, columns(add, 4))
  // Awaited together: when one fails the others do, and none may fail unheard.
  const [removedRows, addedRows] = await Promise.all([Promise.all(removals), added])
  const deltaOf = (groupId: string): { added: Member[]; removed: string[] } => {
    const delta = deltas.get(groupId) ?? { added: [], removed: [] }
    deltas.set(groupId, delta)
    return delta
  }
  for (const { groupId, value } of removedRows.flat()) deltaOf(groupId).removed.push(value)
  for (const { groupId, value, kind } of addedRows) deltaOf(groupId).added.push({ value, kind })
  return deltas
}

/** Who is deleted, and taken out of a group meanwhile, is not a member of it again when restored. */
function keepFromComingBack(
  transaction: Transaction,
  edits: readonly Planned[],
  removed: readonly (readonly [connection: string, group: string, member: string])[],
): void {
  for (const { job, edit, intent } of edits) {
    if (!edit.clear || intent.write === 'insert') continue
    transaction.send(deletes.leaveOutOthers, [job.principal.connection, job.command.id, [...edit.add]])
  }
  const ours = removed.filter(([, , member]) => isId(member))
  if (ours.length > 0) transaction.send(deletes.leaveOut, columns(ours, 3))
}

/** What was deleted leaves the groups it was in: they get a new version and an event each. */
export async function leaveGroups(
  transaction: Transaction,
  planned: readonly Planned[],
): Promise<ReadonlyMap<Job, AnyEvent[]>> {
  const told = new Map<Job, AnyEvent[]>()
  const gone = planned.filter(({ intent }) => intent.write === 'delete').map(({ job }) => job)
  if (gone.length === 0) return told
  const left = await transaction.query<MemberRow & { connection: string }>(deletes.leaveGroups, idsOf(gone))
  for (const job of gone) {
    const groups = left
      .filter((row) => row.connection === job.principal.connection && row.value === job.command.id)
      .map((row) => row.groupId)
      .sort()
    if (groups.length === 0) continue
    const bumped = await transaction.query<{ id: string; before: number }>(statements.bumpGroups, [
      groups.map(() => job.principal.connection),
      groups,
      groups.map(() => 1),
      job.occasion.time,
    ])
    told.set(
      job,
      bumped.flatMap(({ id, before }) => membersChanged(job.principal, job.occasion, id, before, [], [job.command.id])),
    )
  }
  return told
}

function columns(rows: readonly (readonly unknown[])[], width: number): unknown[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column]))
}
