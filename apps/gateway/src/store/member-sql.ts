import type { Queryable } from '#libs/postgres/index'
import type { MemberText } from '../record-store.ts'

/**
 * A member may have been deleted while it was added: then it is an id that nobody knows. Or restored while it was added: then the
 * row does not say what it is.
 */
const shown = (members: string): string => `
  SELECT m.group_id AS "groupId", m.member_id AS value,
    CASE WHEN u.id IS NOT NULL THEN 'User' WHEN g.id IS NOT NULL THEN 'Group' END AS kind,
    coalesce(u.document ->> 'displayName', u.document ->> 'userName', g.document ->> 'displayName') AS display
  FROM (
    SELECT group_id, member_id, kind, CASE WHEN kind IS NOT NULL OR member_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN member_id::uuid END AS record_id
    FROM gateway.membership WHERE connection = $1 AND ${members}
  ) AS m
  LEFT JOIN gateway.scim_user u ON m.kind IS DISTINCT FROM 'Group' AND u.connection = $1 AND u.id = m.record_id
  LEFT JOIN gateway.scim_group g ON m.kind IS DISTINCT FROM 'User' AND g.connection = $1 AND g.id = m.record_id
  ORDER BY m.group_id, m.member_id`

/** Members of the groups, so many at the most. */
export const readMembers = {
  name: 'gateway read members',
  text: shown('group_id = ANY($2::uuid[]) ORDER BY group_id, member_id LIMIT $3'),
}

const atATime = 1_000

/** Written so that only the primary key gives the order: the other index would have members of every group walked. */
const readMembersAfter = {
  name: 'gateway read members after',
  text: shown(
    `(group_id, member_id) > ($2::uuid, $3) AND group_id <= $2::uuid ORDER BY group_id, member_id LIMIT ${atATime}`,
  ),
}

/** All members of a group in the order of their ids, a thousand at a time. */
export async function* membersFrom(
  reads: Queryable,
  connection: string,
  groupId: string,
): AsyncGenerator<readonly MemberText[]> {
  for (let last: string | undefined = ''; last !== undefined;) {
    const page: MemberText[] = await reads.query(readMembersAfter, [connection, groupId, last])
    if (page.length > 0) yield page
    last = page.length < atATime ? undefined : page.at(-1)?.value
  }
}
