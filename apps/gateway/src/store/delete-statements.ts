import type { Statement } from '#libs/postgres/index'
import { isOfKey } from './of-key.ts'

/** What a deletion writes: what stood moves to where it can be restored from, in the same statement. */

const remove = (table: string, resourceType: string, nameKey: string): Statement => ({
  name: `gateway delete ${table}`,
  text: `
    WITH gone AS (
      DELETE FROM gateway.${table} AS t USING unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::int[]), (SELECT $4::timestamptz[])) AS k(connection, id, version, now)
      WHERE ${isOfKey('t', 'k', 'connection', 'id')}
      RETURNING t.connection, t.id, t.${nameKey} AS name_key, k.version, t.created, k.now, t.document
    )
    INSERT INTO gateway.deleted_record (connection, id, resource_type, name_key, version, created, deleted_at, document)
    SELECT connection, id, '${resourceType}', name_key, version, created, now, document FROM gone`,
})
/** Connections, ids, the versions that the deletions come to, and their instants. */
export const deleteUsers = remove('scim_user', 'User', 'user_name_key')
export const deleteGroups = remove('scim_group', 'Group', 'display_name_key')

/** All members of groups that are deleted. */
export const deleteMembersOfGroups: Statement = {
  name: 'gateway delete members of groups',
  text: `
    WITH gone AS (
      DELETE FROM gateway.membership AS m USING unnest((SELECT $1::text[]), (SELECT $2::uuid[])) AS k(connection, group_id)
      WHERE ${isOfKey('m', 'k', 'connection', 'group_id')}
      RETURNING m.connection, m.group_id, m.member_id, m.kind
    )
    UPDATE gateway.deleted_record AS d SET member_ids = g.known, parked_ids = g.parked
    FROM (
      SELECT connection, group_id, coalesce(array_agg(member_id) FILTER (WHERE kind IS NOT NULL), '{}') AS known,
        coalesce(array_agg(member_id) FILTER (WHERE kind IS NULL), '{}') AS parked
      FROM gone GROUP BY connection, group_id
    ) AS g
    WHERE d.connection = g.connection AND d.id = g.group_id`,
}

/** Memberships of what was deleted, in the groups that still stand. */
export const leaveGroups: Statement = {
  name: 'gateway leave groups',
  text: `
    WITH gone AS (
      DELETE FROM gateway.membership AS m USING unnest((SELECT $1::text[]), (SELECT $2::text[])) AS k(connection, member_id)
      WHERE ${isOfKey('m', 'k', 'connection', 'member_id')}
      RETURNING m.connection, m.group_id, m.member_id
    ), kept AS (
      UPDATE gateway.deleted_record AS d SET group_ids = g.ids
      FROM (SELECT connection, member_id, array_agg(group_id) AS ids FROM gone GROUP BY connection, member_id) AS g
      WHERE d.connection = g.connection AND d.id = g.member_id::uuid
    )
    SELECT connection, group_id AS "groupId", member_id AS value FROM gone`,
}

/** Deleted records that would be members of these groups again when restored no longer will. */
export const leaveOut: Statement = {
  name: 'gateway leave out deleted members',
  text: `
    UPDATE gateway.deleted_record AS d SET group_ids = array_remove(d.group_ids, k.group_id)
    FROM unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::uuid[])) AS k(connection, group_id, id)
    WHERE ${isOfKey('d', 'k', 'connection', 'id')} AND d.group_ids @> ARRAY[k.group_id]`,
}
/** The same of all but those listed. */
export const leaveOutOthers: Statement = {
  name: 'gateway leave out other deleted members',
  text: `
    UPDATE gateway.deleted_record SET group_ids = array_remove(group_ids, $2::uuid)
    WHERE connection = $1 AND group_ids @> ARRAY[$2::uuid] AND id::text <> ALL((SELECT $3::text[])::text[])`,
}
