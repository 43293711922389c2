import type { Environment, GroupFacts } from '#libs/events/index'
import type { Queryable, Statement } from '#libs/postgres/index'
import type { Span } from './find-people.ts'

export interface KnownGroup {
  readonly id: string
  readonly version: number
  readonly tenant: string
  readonly environment: Environment
  readonly facts: GroupFacts
}

/** `kind` and `displayName` are null while nobody with that id is known. */
export interface DirectMember {
  readonly id: string
  readonly kind: 'user' | 'group' | null
  readonly displayName: string | null
}

const oneGroup: Statement = {
  name: 'directory group',
  text: `
    SELECT id, version, tenant, environment, facts FROM directory.user_group
    WHERE connection = $1 AND id = $2 AND facts IS NOT NULL`,
}

const allGroups: Statement = {
  name: 'directory all groups',
  text: `
    SELECT id, version, tenant, environment, facts FROM directory.user_group
    WHERE connection = $1 AND id > $2 AND facts IS NOT NULL ORDER BY id LIMIT $3`,
}

/** Who has departed is a member of nothing, unless restored. */
const membersOf: Statement = {
  name: 'directory members',
  text: `
    SELECT membership.member_id AS id,
      CASE WHEN person.id IS NOT NULL THEN 'user' WHEN nested.id IS NOT NULL THEN 'group' ELSE membership.kind END AS kind,
      coalesce(person.facts ->> 'displayName', person.user_name, nested.display_name) AS "displayName"
    FROM (
      SELECT member_id, kind FROM directory.membership AS named
      WHERE connection = $1 AND group_id = $2 AND member_id > $3
        AND NOT EXISTS (SELECT FROM directory.person WHERE connection = $1 AND id = named.member_id AND facts IS NULL)
        AND NOT EXISTS (SELECT FROM directory.user_group WHERE connection = $1 AND id = named.member_id AND facts IS NULL)
      ORDER BY member_id LIMIT $4
    ) AS membership
    LEFT JOIN directory.person AS person ON person.connection = $1 AND person.id = membership.member_id
    LEFT JOIN directory.user_group AS nested ON nested.connection = $1 AND nested.id = membership.member_id
    ORDER BY membership.member_id`,
}

export async function findGroup(database: Queryable, connection: string, id: string): Promise<KnownGroup | undefined> {
  const [found] = await database.query<KnownGroup>(oneGroup, [connection, id])
  return found
}

export function listGroups(database: Queryable, connection: string, { after, limit }: Span): Promise<KnownGroup[]> {
  return database.query(allGroups, [connection, after, limit])
}

/** Who is named as a member of the group, by id. */
export function directMembers(
  database: Queryable,
  connection: string,
  group: string,
  { after, limit }: Span,
): Promise<DirectMember[]> {
  return database.query(membersOf, [connection, group, after, limit])
}
