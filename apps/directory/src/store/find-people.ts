import type { Environment, Person } from '#libs/events/index'
import type { Queryable, Statement } from '#libs/postgres/index'

export interface KnownPerson {
  readonly id: string
  readonly version: number
  readonly tenant: string
  readonly environment: Environment
  readonly facts: Person
}

/** A group that somebody is in: `direct` when named as its member, otherwise through a group inside it. */
export interface EffectiveGroup {
  readonly id: string
  readonly displayName: string
  readonly direct: boolean
}

const onePerson: Statement = {
  name: 'directory person',
  text: `
    SELECT id, version, tenant, environment, facts FROM directory.person
    WHERE connection = $1 AND id = $2 AND facts IS NOT NULL`,
}

const allPeople: Statement = {
  name: 'directory all people',
  text: `
    SELECT id, version, tenant, environment, facts FROM directory.person
    WHERE connection = $1 AND id > $2 AND facts IS NOT NULL ORDER BY id LIMIT $3`,
}

const peopleNamed: Statement = {
  name: 'directory people named',
  text: `
    SELECT id, version, tenant, environment, facts FROM directory.person
    WHERE connection = $1 AND lower(user_name) = lower($4) AND id > $2 AND facts IS NOT NULL ORDER BY id LIMIT $3`,
}

/** UNION drops what was found before, so that groups which contain each other end the search; deleted groups lead to no others. */
const groupsOf: Statement = {
  name: 'directory effective groups',
  text: `
    WITH RECURSIVE effective AS (
      SELECT group_id FROM directory.membership
      JOIN directory.user_group AS held ON held.connection = $1 AND held.id = group_id AND held.facts IS NOT NULL
      WHERE membership.connection = $1 AND member_id = $2
      UNION
      SELECT outer_membership.group_id FROM effective CROSS JOIN LATERAL (
        SELECT group_id FROM directory.membership WHERE connection = $1 AND member_id = effective.group_id OFFSET 0
      ) AS outer_membership
    )
    SELECT held.id, held.display_name AS "displayName", EXISTS (
      SELECT FROM directory.membership WHERE connection = $1 AND group_id = held.id AND member_id = $2
    ) AS direct
    FROM effective CROSS JOIN LATERAL (
      SELECT id, display_name, facts FROM directory.user_group WHERE connection = $1 AND id = effective.group_id OFFSET 0
    ) AS held
    WHERE held.id <> $2
    ORDER BY held.display_name, held.id`,
}

export async function findPerson(
  database: Queryable,
  connection: string,
  id: string,
): Promise<KnownPerson | undefined> {
  const [found] = await database.query<KnownPerson>(onePerson, [connection, id])
  return found
}

export interface Span {
  /** Only ids after this one. */
  readonly after: string
  readonly limit: number
}

/** People of a connection by id; with a name, only who bears it, whatever its case (RFC 7643 section 4.1.1). */
export function listPeople(
  database: Queryable,
  connection: string,
  { after, limit }: Span,
  userName: string | undefined,
): Promise<KnownPerson[]> {
  return userName === undefined
    ? database.query(allPeople, [connection, after, limit])
    : database.query(peopleNamed, [connection, after, limit, userName])
}

/** The groups that a person or group is in, directly or through other groups. */
export function effectiveGroups(database: Queryable, connection: string, member: string): Promise<EffectiveGroup[]> {
  return database.query(groupsOf, [connection, member])
}
