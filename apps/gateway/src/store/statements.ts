import type { Statement } from '#libs/postgres/index'
import { isOfKey } from './of-key.ts'

/** The writes of a batch: one statement for all its rows. Existing rows are locked in the order of their keys; what deadlocks all the same is tried again. */

/**
 * `(SELECT $1)` hides an array's length from the planner, which would else plan anew for each: that costs more than the statement.
 */
const lock = (table: string): Statement => ({
  name: `gateway lock ${table}`,
  text: `
    SELECT r.* FROM (
      SELECT DISTINCT * FROM unnest((SELECT $1::text[]), (SELECT $2::uuid[])) AS pair(connection, id) ORDER BY connection, id
    ) AS k CROSS JOIN LATERAL (
      SELECT t.connection, t.id, t.version, t.created, t.last_modified AS "lastModified", t.document::text AS document
      FROM gateway.${table} t WHERE t.connection = k.connection AND t.id = k.id FOR NO KEY UPDATE
    ) AS r`,
})
/**
 * Holds off the deletion of these connections until the batch is done; taken before it is asked which still stand. One whose
 * deletion has begun is left out of the answer: nobody waits for that, least of all the other connections of the batch.
 */
export const shareConnections: Statement = {
  name: 'gateway share connections',
  text: `
    SELECT c FROM unnest((SELECT $1::text[])) AS c
    WHERE pg_try_advisory_xact_lock_shared(hashtextextended('latchkey connection ' || c, 0))`,
}
export const standingConnections: Statement = {
  name: 'gateway standing connections',
  text: 'SELECT connection FROM gateway.known_connection WHERE connection = ANY((SELECT $1::text[])::text[])',
}
/** Waits for the batches that write to the connection, and lets no other begin. */
export const closeConnection = `SELECT pg_advisory_xact_lock(hashtextextended('latchkey connection ' || $1, 0))`

export const lockUsers = lock('scim_user')
export const lockGroups = lock('scim_group')

/** The groups that these are members of. */
export const groupsLeft: Statement = {
  name: 'gateway groups left',
  text: `
    SELECT DISTINCT m.connection, m.group_id AS id FROM gateway.membership m
    JOIN unnest((SELECT $1::text[]), (SELECT $2::text[])) AS k(connection, member_id) ON ${isOfKey('m', 'k', 'connection', 'member_id')}`,
}

const userRow =
  'r(connection text, id uuid, user_name_key text, renamed boolean, external_id text, display_name_key text, email_keys text[], active boolean, version int, created timestamptz, now timestamptz, document jsonb)'
const groupRow =
  'r(connection text, id uuid, external_id text, display_name_key text, version int, created timestamptz, now timestamptz, document jsonb)'

/** A name already taken leaves its row out of the answer. */
export const insertUsers: Statement = {
  name: 'gateway insert users',
  text: `
    INSERT INTO gateway.scim_user (connection, id, user_name_key, external_id, display_name_key, email_keys, active, version, created, last_modified, document)
    SELECT connection, id, user_name_key, external_id, display_name_key, email_keys, active, version, coalesce(created, now), now, document
    FROM jsonb_to_recordset($1::jsonb) AS ${userRow}
    ON CONFLICT (connection, user_name_key) DO NOTHING RETURNING id`,
}

/**
 * A rename onto a name already taken leaves its row out of the answer. Only where two transactions want one name at the same
 * time does the index have to refuse it.
 */
export const updateUsers: Statement = {
  name: 'gateway update users',
  text: `
    UPDATE gateway.scim_user AS t
    SET user_name_key = r.user_name_key, external_id = r.external_id, display_name_key = r.display_name_key,
      email_keys = r.email_keys, active = r.active, version = r.version, last_modified = r.now, document = r.document
    FROM jsonb_to_recordset($1::jsonb) AS ${userRow}
    LEFT JOIN LATERAL (
      SELECT true AS yes FROM gateway.scim_user AS o
      WHERE r.renamed AND o.connection = r.connection AND o.user_name_key = r.user_name_key AND o.id <> r.id LIMIT 1
    ) AS taken ON true
    WHERE ${isOfKey('t', 'r', 'connection', 'id')} AND taken.yes IS NULL
    RETURNING t.id`,
}

export const insertGroups: Statement = {
  name: 'gateway insert groups',
  text: `
    INSERT INTO gateway.scim_group (connection, id, external_id, display_name_key, version, created, last_modified, document)
    SELECT connection, id, external_id, display_name_key, version, coalesce(created, now), now, document FROM jsonb_to_recordset($1::jsonb) AS ${groupRow}`,
}

export const updateGroups: Statement = {
  name: 'gateway update groups',
  text: `
    UPDATE gateway.scim_group AS t
    SET external_id = r.external_id, display_name_key = r.display_name_key, version = r.version, last_modified = r.now, document = r.document
    FROM jsonb_to_recordset($1::jsonb) AS ${groupRow}
    WHERE ${isOfKey('t', 'r', 'connection', 'id')}`,
}

/** Whoever was not yet a member. A member is held while it is added, so that its deletion either comes first or takes it out again. `$4` repeats the member's id where it has the form of one, to tell its kind. */
export const insertMembers: Statement = {
  name: 'gateway insert members',
  text: `
    INSERT INTO gateway.membership (connection, group_id, member_id, kind)
    SELECT k.connection, k.group_id, k.member_id, CASE
      WHEN EXISTS (SELECT 1 FROM gateway.scim_user u WHERE u.connection = k.connection AND u.id = k.record_id FOR KEY SHARE) THEN 'User'
      WHEN EXISTS (SELECT 1 FROM gateway.scim_group g WHERE g.connection = k.connection AND g.id = k.record_id FOR KEY SHARE) THEN 'Group'
    END
    FROM unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::text[]), (SELECT $4::uuid[])) AS k(connection, group_id, member_id, record_id)
    ON CONFLICT DO NOTHING RETURNING group_id AS "groupId", member_id AS value, kind`,
}

/** Those of the listed who were members. */
export const deleteMembers: Statement = {
  name: 'gateway delete members',
  text: `
    DELETE FROM gateway.membership AS m USING unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::text[])) AS k(connection, group_id, member_id)
    WHERE ${isOfKey('m', 'k', 'connection', 'group_id', 'member_id')}
    RETURNING m.group_id AS "groupId", m.member_id AS value`,
}

/** Every member but those listed. */
export const deleteOtherMembers: Statement = {
  name: 'gateway delete other members',
  text: `
    DELETE FROM gateway.membership AS m
    WHERE m.connection = $1 AND m.group_id = $2 AND NOT EXISTS (SELECT 1 FROM unnest((SELECT $3::text[])) AS kept(id) WHERE kept.id = m.member_id)
    RETURNING m.group_id AS "groupId", m.member_id AS value`,
}

export const bumpGroups: Statement = {
  name: 'gateway bump groups',
  text: `
    UPDATE gateway.scim_group AS t SET version = t.version + k.by, last_modified = $4
    FROM unnest((SELECT $1::text[]), (SELECT $2::uuid[]), (SELECT $3::int[])) AS k(connection, id, by)
    WHERE ${isOfKey('t', 'k', 'connection', 'id')}
    RETURNING t.id, t.version - k.by AS before`,
}
