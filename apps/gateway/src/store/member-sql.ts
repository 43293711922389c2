import type { Queryable } from '#libs/postgres/index'
import type { MemberText } from '../record-store.ts'

/** A member may have been deleted while it was added: then it is an id that nobody knows. */
const members = `
  SELECT m.group_id AS "groupId", m.member_id AS value,
    CASE WHEN u.id IS NOT NULL THEN 'User' WHEN g.id IS NOT NULL THEN 'Group' END AS kind,
    coalesce(u.document ->> 'displayName', u.document ->> 'userName', g.document ->> 'displayName') AS display
  FROM gateway.membership m
  LEFT JOIN gateway.scim_user u ON m.kind = 'User' AND u.connection = m.connection AND u.id = CASE WHEN m.kind IS NOT NULL THEN m.member_id::uuid END
  LEFT JOIN gateway.scim_group g ON m.kind = 'Group' AND g.connection = m.connection AND g.id = CASE WHEN m.kind IS NOT NULL THEN m.member_id::uuid END`

/** Members of the groups, so many at the most. */
export const readMembers = {
  name: 'gateway read members',
  text: `${members} WHERE m.connection = $1 AND m.group_id = ANY($2::uuid[]) ORDER BY m.group_id, m.member_id LIMIT $3`,
}

const atATime = 1_000

const readMembersAfter = {
  name: 'gateway read members after',
  text: `${members} WHERE m.connection = $1 AND m.group_id = $2 AND m.member_id > $3 ORDER BY m.member_id LIMIT ${atATime}`,
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
