import type { Database } from '#libs/postgres/index'
import { errors, type ResourceType } from '#libs/scim/index'
import { groupsAbove } from './columns.ts'
import type { GroupOfUser, Listing, ListQuery, MemberText, RecordReads, StoredText } from '../record-store.ts'
import { listStatements, recordColumns, tableOf } from './list-sql.ts'

export class Records implements RecordReads {
  readonly #database: Pick<Database, 'query' | 'quick'>

  constructor(database: Pick<Database, 'query' | 'quick'>) {
    this.#database = database
  }

  async find(type: ResourceType, connection: string, id: string): Promise<StoredText | undefined> {
    const table = tableOf(type)
    const [row] = await this.#database.quick<StoredText>(
      {
        name: `gateway read ${table}`,
        text: `SELECT ${recordColumns} FROM gateway.${table} WHERE connection = $1 AND id = $2`,
      },
      [connection, id],
    )
    return row
  }

  async list(type: ResourceType, connection: string, query: ListQuery): Promise<Listing> {
    const { page, count } = listStatements(type, connection, query)
    const records = query.count === 0 ? [] : await this.#database.query<StoredText>(page.statement, page.values)
    const isWhole = records.length < query.count && (records.length > 0 || query.startIndex === 1)
    if (isWhole) return { totalResults: query.startIndex - 1 + records.length, records }
    const [counted] = await this.#database.query<{ total: number }>(count.statement, count.values)
    return { totalResults: counted?.total ?? 0, records }
  }

  async members(connection: string, groupIds: readonly string[], most = Infinity): Promise<Map<string, MemberText[]>> {
    const limit = most === Infinity ? null : most + 1
    const rows = await this.#database.query<MemberText & { groupId: string }>(readMembers, [
      connection,
      groupIds,
      limit,
    ])
    if (rows.length > most) {
      throw errors.tooMany(
        `The groups of this page have more than ${most} members together. Ask with excludedAttributes=members, or for fewer groups by count.`,
      )
    }
    return gather(rows, (row) => row.groupId)
  }

  async hasMoreMembersThan(connection: string, groupId: string, limit: number): Promise<boolean> {
    const rows = await this.#database.quick(beyondMembers, [connection, groupId, limit])
    return rows.length > 0
  }

  async userNameKeys(connection: string, userIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.#database.query<{ id: string; key: string }>(readUserNameKeys, [connection, userIds])
    return new Map(rows.map(({ id, key }) => [id, key]))
  }

  async groups(connection: string, userIds: readonly string[]): Promise<Map<string, GroupOfUser[]>> {
    // One user's groups are found at once; a page of users must not keep the others of its connection waiting.
    const ask = userIds.length === 1 ? 'quick' : 'query'
    const rows = await this.#database[ask]<GroupOfUser & { userId: string }>(readGroups, [connection, userIds])
    return gather(rows, (row) => row.userId)
  }
}

/**
 * A member may have been deleted while it was added: then it is an id that nobody knows. Or restored while it was added: then the
 * row does not say what it is.
 */
const readMembers = {
  name: 'gateway read members',
  text: `
    SELECT m.group_id AS "groupId", m.member_id AS value,
      CASE WHEN u.id IS NOT NULL THEN 'User' WHEN g.id IS NOT NULL THEN 'Group' END AS kind,
      coalesce(u.document ->> 'displayName', u.document ->> 'userName', g.document ->> 'displayName') AS display
    FROM (
      SELECT group_id, member_id, kind, CASE WHEN kind IS NOT NULL OR member_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN member_id::uuid END AS record_id
      FROM gateway.membership WHERE connection = $1 AND group_id = ANY($2::uuid[])
      ORDER BY group_id, member_id LIMIT $3
    ) AS m
    LEFT JOIN gateway.scim_user u ON m.kind IS DISTINCT FROM 'Group' AND u.connection = $1 AND u.id = m.record_id
    LEFT JOIN gateway.scim_group g ON m.kind IS DISTINCT FROM 'User' AND g.connection = $1 AND g.id = m.record_id
    ORDER BY m.group_id, m.member_id`,
}

const beyondMembers = {
  name: 'gateway members beyond',
  text: 'SELECT 1 FROM gateway.membership WHERE connection = $1 AND group_id = $2 OFFSET $3 LIMIT 1',
}

const readUserNameKeys = {
  name: 'gateway read user name keys',
  text: 'SELECT id, user_name_key AS key FROM gateway.scim_user WHERE connection = $1 AND id = ANY($2::uuid[])',
}

const readGroups = {
  name: 'gateway read groups of users',
  text: `
    SELECT u.id AS "userId", g.id, g.document ->> 'displayName' AS display, above.direct
    FROM unnest($2::uuid[]) AS u(id)
    CROSS JOIN LATERAL (${groupsAbove('$1', 'u.id')}) AS above
    JOIN gateway.scim_group g ON g.connection = $1 AND g.id = above.group_id
    ORDER BY u.id, g.id`,
}

function gather<R>(rows: readonly R[], key: (row: R) => string): Map<string, R[]> {
  const gathered = new Map<string, R[]>()
  for (const row of rows) {
    const held = gathered.get(key(row))
    if (held === undefined) gathered.set(key(row), [row])
    else held.push(row)
  }
  return gathered
}
