import type { Statement, Transaction } from '#libs/postgres/index'
import { foldGroupEvents, type GroupChange, type GroupEvent, groupIdOf, groupKey } from '../group-changes.ts'

const heldVersions: Statement = {
  name: 'directory group versions',
  text: `
    SELECT held.connection, held.id, held.version
    FROM (SELECT DISTINCT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS pair (connection, id)) AS wanted
    JOIN directory.user_group AS held USING (connection, id)`,
}

const deletedConnections: Statement = {
  name: 'directory deleted among',
  text: 'SELECT connection FROM directory.deleted_connection WHERE connection = ANY($1)',
}

const upsert: Statement = {
  name: 'directory groups',
  text: `
    INSERT INTO directory.user_group AS held (connection, id, version, tenant, environment, display_name, facts)
    SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::int[]), (SELECT $4::text[]), (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::jsonb[]))
    ON CONFLICT (connection, id) DO UPDATE
      SET version = excluded.version, display_name = excluded.display_name, facts = excluded.facts`,
}

const moveVersion: Statement = {
  name: 'directory group versions move',
  text: `
    UPDATE directory.user_group AS held SET version = told.version
    FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::int[])) AS told (connection, id, version)
    WHERE held.connection = told.connection AND held.id = told.id`,
}

const dissolve: Statement = {
  name: 'directory dissolve groups',
  text: `
    DELETE FROM directory.membership AS membership
    USING unnest((SELECT $1::text[]), (SELECT $2::text[])) AS deleted (connection, id)
    WHERE membership.connection = deleted.connection AND membership.group_id = deleted.id`,
}

const removeMembers: Statement = {
  name: 'directory remove members',
  text: `
    DELETE FROM directory.membership AS membership
    USING unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[])) AS removed (connection, group_id, member_id)
    WHERE membership.connection = removed.connection AND membership.group_id = removed.group_id
      AND membership.member_id = removed.member_id`,
}

/** A member may be unknown yet, or departed: that is for who reads. */
const addMembers: Statement = {
  name: 'directory add members',
  text: `
    INSERT INTO directory.membership (connection, group_id, member_id, kind)
    SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]))
    ON CONFLICT (connection, group_id, member_id) DO UPDATE SET kind = excluded.kind WHERE excluded.kind IS NOT NULL`,
}

/** Applies group events in order. Throws VersionGap, with nothing applied, when one is missing. A handful of statements, however many events. */
export async function storeGroupEvents(transaction: Transaction, told: readonly GroupEvent[]): Promise<void> {
  const deleted = await transaction.query<{ connection: string }>(deletedConnections, [
    [...new Set(told.map((event) => event.payload.connection))],
  ])
  const gone = new Set(deleted.map((row) => row.connection))
  const events = told.filter((event) => !gone.has(event.payload.connection))
  const held = await transaction.query<{ connection: string; id: string; version: number }>(heldVersions, [
    events.map((event) => event.payload.connection),
    events.map(groupIdOf),
  ])
  const versions = new Map(held.map((row) => [groupKey(row.connection, row.id), row.version]))
  const changes = foldGroupEvents(events, versions)
  storeFacts(transaction, changes)
  storeMembers(transaction, changes)
}

function storeFacts(transaction: Transaction, changes: readonly GroupChange[]): void {
  const stated = changes.filter((change) => change.facts !== undefined)
  if (stated.length > 0) {
    transaction.send(upsert, [
      ...idsOf(stated),
      stated.map((change) => change.version),
      stated.map((change) => change.tenant),
      stated.map((change) => change.environment),
      stated.map((change) => change.facts?.displayName ?? null),
      stated.map((change) => (change.facts === null ? null : JSON.stringify(change.facts))),
    ])
  }
  const moved = changes.filter((change) => change.facts === undefined)
  if (moved.length > 0) transaction.send(moveVersion, [...idsOf(moved), moved.map((change) => change.version)])
}

function storeMembers(transaction: Transaction, changes: readonly GroupChange[]): void {
  const dissolved = changes.filter((change) => change.dissolved)
  if (dissolved.length > 0) transaction.send(dissolve, idsOf(dissolved))
  const members = changes.flatMap(({ connection, id, members: all }) =>
    [...all].map(([member, what]) => ({ connection, group: id, member, ...what })),
  )
  const removed = members.filter((member) => !member.add)
  if (removed.length > 0) {
    transaction.send(removeMembers, [
      removed.map((member) => member.connection),
      removed.map((member) => member.group),
      removed.map((member) => member.member),
    ])
  }
  const added = members.filter((member) => member.add)
  if (added.length > 0) {
    transaction.send(addMembers, [
      added.map((member) => member.connection),
      added.map((member) => member.group),
      added.map((member) => member.member),
      added.map((member) => member.kind ?? null),
    ])
  }
}

function idsOf(changes: readonly GroupChange[]): [string[], string[]] {
  return [changes.map((change) => change.connection), changes.map((change) => change.id)]
}
