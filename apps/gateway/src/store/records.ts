import { type Database, type Queryable, tookTooLong } from '#libs/postgres/index'
import { errors, type ResourceType } from '#libs/scim/index'
import { digestOf } from '../cursor.ts'
import type {
  GroupOfUser,
  ListedRecord,
  Listing,
  ListQuery,
  LookedUpRecords,
  MemberText,
  OpenGroup,
  Place,
  RecordReads,
  StoredText,
} from '../record-store.ts'
import { groupOf, groupsAbove } from './columns.ts'
import { keyAt, type ListStatements, listStatements, type PlacedQuery, recordColumns } from './list-sql.ts'
import { membersFrom, readMembers } from './member-sql.ts'
import { Semaphore } from './semaphore.ts'

export interface RecordsOptions {
  readonly database: Database
  /** Milliseconds that a statement of a list may take which no index answers at once. */
  readonly listTimeout: number
}

/** Of the pool's connections so many may be at slow lists, and so many at large groups. */
const slowLists = 6
const openGroups = 4
/** Milliseconds that a large group waits for others to be read. */
const patience = 5_000

type Row = ListedRecord & { readonly sortKey?: string | null }

/** What is found at once, over a database or within a transaction. */
export class RecordLookups implements LookedUpRecords {
  readonly #database: Pick<Database, 'query' | 'quick'>

  constructor(database: Pick<Database, 'query' | 'quick'>) {
    this.#database = database
  }

  async find(type: ResourceType, connection: string, id: string): Promise<StoredText | undefined> {
    const [row] = await this.#database.quick<StoredText>(type.name === 'User' ? readUser : readGroup, [connection, id])
    return row
  }

  async members(
    connection: string,
    groupIds: readonly string[],
    most: number,
  ): Promise<Map<string, MemberText[]> | undefined> {
    const rows = await this.#database.query<MemberText & { groupId: string }>(readMembers, [
      connection,
      groupIds,
      most === Infinity ? null : most + 1,
    ])
    return rows.length > most ? undefined : gather(rows, (row) => row.groupId)
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

export class Records extends RecordLookups implements RecordReads {
  readonly #database: Database
  readonly #listTimeout: number
  readonly #lists: Semaphore
  readonly #groups = new Semaphore(openGroups, patience)

  constructor({ database, listTimeout }: RecordsOptions) {
    super(database)
    this.#database = database
    this.#listTimeout = listTimeout
    this.#lists = new Semaphore(slowLists, listTimeout)
  }

  async list(connection: string, query: ListQuery): Promise<Listing> {
    const known = isPlaced(query) ? { query, statements: listStatements(connection, query) } : undefined
    if (known?.statements.isLookup) return listing(this.#database, known)
    const giveBack = await this.#lists.take()
    try {
      return await this.#database.snapshot(
        async (snapshot) => listing(snapshot, known ?? (await placed(snapshot, connection, query))),
        this.#listTimeout,
      )
    } catch (error) {
      throw tookTooLong(error) ? tooSlow(query) : error
    } finally {
      giveBack()
    }
  }

  async openGroup(connection: string, groupId: string): Promise<OpenGroup> {
    const giveBack = await this.#groups.take()
    try {
      const snapshot = await this.#database.openSnapshot()
      const close = async (): Promise<void> => {
        await snapshot.end()
        giveBack()
      }
      try {
        const [stored] = await snapshot.query<StoredText>(readGroup, [connection, groupId])
        return { stored, members: () => membersFrom(snapshot, connection, groupId), close: once(close) }
      } catch (error) {
        await snapshot.end()
        throw error
      }
    } catch (error) {
      giveBack()
      throw error
    }
  }
}

interface Search {
  readonly query: PlacedQuery
  readonly statements: ListStatements
}

function isPlaced(query: ListQuery): query is PlacedQuery {
  return query.page.method === 'index' || query.page.after === undefined || 'key' in query.page.after
}

/** With the key looked up where the cursor carries the digest of it. Throws invalidCursor where no record has that key any more. */
async function placed(reads: Queryable, connection: string, query: ListQuery): Promise<Search> {
  const after = query.page.method === 'cursor' ? query.page.after : undefined
  if (query.page.method === 'index' || after === undefined || 'key' in after) throw errors.internal()
  const { statement, values } = keyAt(connection, query, after)
  const [found] = await reads.query<{ sortKey: string | null }>(statement, values)
  const key = found?.sortKey ?? undefined
  if (key === undefined || digestOf(key) !== after.digest) throw errors.movedCursor()
  const here: PlacedQuery = { ...query, page: { ...query.page, after: { id: after.id, key } } }
  return { query: here, statements: listStatements(connection, here) }
}

/** One more than a page by cursor shows tells whether another follows. */
async function listing(reads: Queryable, { statements, query: { page } }: Search): Promise<Listing> {
  const isByCursor = page.method === 'cursor'
  const wanted = page.count === 0 ? 0 : page.count + (isByCursor ? 1 : 0)
  const found: Row[] = []
  for (const part of statements.parts) {
    if (found.length >= wanted) break
    const { statement, values } = part(wanted - found.length)
    found.push(...(await reads.query<Row>(statement, values)))
  }
  const records = found.slice(0, page.count)
  const next = isByCursor && found.length > page.count ? placeOf(records.at(-1)) : undefined
  const count = async (): Promise<number> => {
    const { statement, values } = statements.count
    const [counted] = await reads.query<{ total: number }>(statement, values)
    return counted?.total ?? 0
  }
  return { totalResults: await total(page, records.length, next, count), records, next }
}

async function total(
  page: ListQuery['page'],
  shown: number,
  next: Place | undefined,
  count: () => Promise<number>,
): Promise<number | undefined> {
  if (page.method === 'index') {
    const isLast = shown < page.count && (shown > 0 || page.startIndex === 1)
    return isLast ? page.startIndex - 1 + shown : count()
  }
  if (page.after !== undefined) return page.totalResults
  if (page.count > 0 && next === undefined) return shown
  return count().catch((error: unknown) => {
    if (tookTooLong(error)) return undefined
    throw error
  })
}

function placeOf(row: Row | undefined): Place | undefined {
  return row === undefined ? undefined : { id: row.id, key: row.sortKey ?? undefined }
}

function tooSlow({ page }: ListQuery) {
  const other =
    page.method === 'index' ? ' Or page by cursor, where what cannot be counted in time is left uncounted.' : ''
  return errors.tooMany(
    `There are too many records to search for this in the time that a list may take. Filter by eq on userName, externalId, emails.value, displayName or id, or by recent values of meta.lastModified, and sort by userName, externalId, displayName or meta.created.${other}`,
  )
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}

const read = (table: string) => ({
  name: `gateway read ${table}`,
  text: `SELECT ${recordColumns} FROM gateway.${table} WHERE connection = $1 AND id = $2`,
})
const readUser = read('scim_user')
const readGroup = read('scim_group')

const beyondMembers = {
  name: 'gateway members beyond',
  text: 'SELECT 1 FROM gateway.membership WHERE connection = $1 AND group_id = $2 OFFSET $3 LIMIT 1',
}

const readUserNameKeys = {
  name: 'gateway read user name keys',
  text: 'SELECT id, user_name_key AS key FROM gateway.scim_user WHERE connection = $1 AND id = ANY($2::uuid[])',
}

export const readGroups = {
  name: 'gateway read groups of users',
  text: `
    SELECT u.id AS "userId", g.id, g.document ->> 'displayName' AS display, above.direct
    FROM unnest($2::uuid[]) AS u(id)
    CROSS JOIN LATERAL (${groupsAbove('$1', 'u.id')}) AS above
    CROSS JOIN LATERAL ${groupOf('$1', 'above.group_id')} AS g
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
