import type { Statement } from '#libs/postgres/index'

/** Restorations of one connection come one after the other, so that each finds the other side of a membership either standing or deleted. */
export const oneAtATime = `SELECT pg_advisory_xact_lock(hashtextextended('latchkey restore ' || $1, 0))`

/** The groups that still stand of those which it was a member of. */
export const lockGroupsOf = `
  SELECT g.id FROM gateway.scim_group g
  WHERE g.connection = $1 AND g.id = ANY(ARRAY(
    SELECT unnest(group_ids) FROM gateway.deleted_record WHERE connection = $1 AND id = $2))
  ORDER BY g.id FOR NO KEY UPDATE`

export const lockDeleted = `
  SELECT id, resource_type AS kind, version, created, document::text AS document, group_ids AS "groupIds", member_ids AS "memberIds", parked_ids AS "parkedIds"
  FROM gateway.deleted_record WHERE connection = $1 AND id = $2 FOR UPDATE`

/** A record that is not deleted. */
export const findStanding = `
  SELECT id, 'User' AS kind, version, created, document::text AS document FROM gateway.scim_user WHERE connection = $1 AND id = $2
  UNION ALL
  SELECT id, 'Group', version, created, document::text FROM gateway.scim_group WHERE connection = $1 AND id = $2`

export const whoIsNamed = 'SELECT id FROM gateway.scim_user WHERE connection = $1 AND user_name_key = $2'

/** It was added to groups again while it was deleted, as somebody whom nobody knew. */
export const nameParked = `
  UPDATE gateway.membership SET kind = $3 WHERE connection = $1 AND member_id = $2 AND kind IS NULL`

/** The members who stand, and those whom nobody knew before either ($4). Each is held while it is added. */
export const insertMembersBack: Statement = {
  name: 'gateway insert members back',
  text: `
    WITH found AS MATERIALIZED (
      SELECT k.member_id, k.parked, CASE
        WHEN EXISTS (SELECT 1 FROM gateway.scim_user u WHERE u.connection = $1 AND u.id = k.record_id FOR KEY SHARE) THEN 'User'
        WHEN EXISTS (SELECT 1 FROM gateway.scim_group g WHERE g.connection = $1 AND g.id = k.record_id FOR KEY SHARE) THEN 'Group'
      END AS kind
      FROM unnest($3::text[], $4::boolean[], $5::uuid[]) AS k(member_id, parked, record_id)
    )
    INSERT INTO gateway.membership (connection, group_id, member_id, kind)
    SELECT $1, $2, found.member_id, found.kind FROM found
    WHERE found.kind IS NOT NULL OR found.parked
    ON CONFLICT DO NOTHING RETURNING member_id AS value, kind`,
}

/** Members of a restored group who are deleted themselves come back to it when they are restored. */
export const leaveGroupWithMembers = `
  UPDATE gateway.deleted_record SET group_ids = group_ids || $2::uuid
  WHERE connection = $1 AND id = ANY($3::uuid[]) AND NOT group_ids @> ARRAY[$2::uuid]`

/** Groups of a restored member that are deleted themselves take it back when they are restored. */
export const leaveMemberWithGroups = `
  UPDATE gateway.deleted_record SET member_ids = member_ids || $2::text
  WHERE connection = $1 AND id = ANY($3::uuid[]) AND NOT member_ids @> ARRAY[$2::text]`

export const forgetDeleted = 'DELETE FROM gateway.deleted_record WHERE connection = $1 AND id = $2'
