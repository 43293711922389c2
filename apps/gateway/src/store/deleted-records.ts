import type { Database, Transaction } from '#libs/postgres/index'
import { storedResource } from '#libs/scim/index'
import type { DeletedQuery, DeletedRecord, DeletedRecords, Restoration, RestoreRequest } from '../deleted.ts'
import { groupKeys, userNameKey } from '../record.ts'
import { restore } from './restore.ts'

/** Records that one transaction removes for good. */
const purgedAtOnce = 1_000

export class StoredDeletedRecords implements DeletedRecords {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async list(connection: string, { name, after, limit }: DeletedQuery): Promise<DeletedRecord[]> {
    const values: unknown[] = [connection, limit + 1]
    const conditions = ['connection = $1']
    const value = (given: unknown): string => `$${values.push(given)}`
    if (name !== undefined) {
      const user = value(userNameKey({ schemas: [], userName: name }))
      const group = value(groupKeys({ schemas: [], displayName: name }).displayNameKey)
      conditions.push(`name_key = CASE resource_type WHEN 'User' THEN ${user} ELSE ${group} END`)
    }
    if (after !== undefined) {
      const instant = `${value(after[0])}::timestamptz`
      conditions.push(`deleted_at <= ${instant} AND (deleted_at, id::text) < (${instant}, ${value(after[1])})`)
    }
    const rows = await this.#database.query<Omit<DeletedRecord, 'document'> & { document: string }>(
      `SELECT id, resource_type AS kind, version, created, deleted_at AS "deletedAt", document::text AS document
      FROM gateway.deleted_record WHERE ${conditions.join(' AND ')} ORDER BY deleted_at DESC, id DESC LIMIT $2`,
      values,
    )
    return rows.map((row) => ({ ...row, document: storedResource(row.document) }))
  }

  restore(transaction: Transaction, request: RestoreRequest): Promise<Restoration> {
    return restore(transaction, request)
  }

  async purge(before: Date): Promise<number> {
    for (let purged = 0; ;) {
      const removed = await this.#purgeSome(before)
      purged += removed
      if (removed < purgedAtOnce) return purged
    }
  }

  async purgeConnections(before: Date): Promise<number> {
    for (let purged = 0; ; purged++) {
      const [oldest] = await this.#database.query<{ connection: string }>(oldestDeleted, [before])
      if (oldest === undefined || !(await this.#purgeConnection(oldest.connection))) return purged
    }
  }

  /** False while another gateway is at it. */
  async #purgeConnection(connection: string): Promise<boolean> {
    for (const statement of purgeOfConnection) {
      for (let removed = purgedAtOnce; removed === purgedAtOnce;) {
        const rows = await this.#alone((transaction) => transaction.query(statement, [connection, purgedAtOnce]))
        if (rows === undefined) return false
        removed = rows.length
      }
    }
    await this.#database.query('UPDATE gateway.deleted_connection SET purged_at = now() WHERE connection = $1', [
      connection,
    ])
    return true
  }

  async #purgeSome(before: Date): Promise<number> {
    const rows = await this.#alone((transaction) => transaction.query(purgeSome, [before, purgedAtOnce]))
    return rows?.length ?? 0
  }

  /** Undefined, and nothing is done, while another gateway is at it. */
  #alone<T>(work: (transaction: Transaction) => Promise<T>): Promise<T | undefined> {
    return this.#database.transaction(async (transaction) => {
      const [lock] = await transaction.query<{ free: boolean }>(aloneToPurge)
      return lock?.free === true ? work(transaction) : undefined
    })
  }
}

const aloneToPurge = `SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey purge', 0)) AS free`

/** Connection by connection, as the index goes. What is being restored is passed over. */
const purgeSome = `
  DELETE FROM gateway.deleted_record AS d
  USING (
    SELECT old.connection, old.id FROM (
      SELECT connection FROM gateway.known_connection
      UNION ALL SELECT connection FROM gateway.deleted_connection WHERE purged_at IS NULL
    ) AS c
    CROSS JOIN LATERAL (
      SELECT r.connection, r.id FROM gateway.deleted_record AS r
      WHERE r.connection = c.connection AND r.deleted_at < $1 ORDER BY r.deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS old
    LIMIT $2
  ) AS old
  WHERE d.connection = old.connection AND d.id = old.id
  RETURNING d.id`

const oldestDeleted = `
  SELECT connection FROM gateway.deleted_connection WHERE purged_at IS NULL AND deleted_at < $1 ORDER BY deleted_at LIMIT 1`

/** So many rows of a connection at a time, by primary key. */
const purgeOfConnection = (
  [
    ['membership', 'group_id', 'member_id'],
    ['scim_group', 'id'],
    ['scim_user', 'id'],
    ['deleted_record', 'id'],
    ['known_key', 'kid'],
  ] as const
).map(([table, ...key]) => {
  const [wanted, same] = [key.join(', '), key.map((column) => `t.${column} = part.${column}`).join(' AND ')]
  return `
    DELETE FROM gateway.${table} AS t
    USING (SELECT ${wanted} FROM gateway.${table} WHERE connection = $1 LIMIT $2) AS part
    WHERE t.connection = $1 AND ${same} RETURNING t.connection`
})
