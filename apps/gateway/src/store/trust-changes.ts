import { randomUUID } from 'node:crypto'
import type { Database, Transaction } from '#libs/postgres/index'

/**
 * That a gateway has applied something, for the others, which the event log gives it to no more: in their common tables, and in the transaction of what was applied, so
 * that no failure and no end of a process comes between. Each transaction adds a row of its own, and so waits for no other.
 */
export class TrustChanges {
  readonly #database: Database
  readonly #gateway = randomUUID()
  /** What the last look could see. */
  #seen: string | null = null

  constructor(database: Database) {
    this.#database = database
  }

  async add(transaction: Transaction): Promise<void> {
    await transaction.query(addChange, [this.#gateway])
  }

  /** Whether another gateway has committed something since the last look; so it is at the first. Rejects when Postgres does not answer: the next look tells. */
  async look(): Promise<boolean> {
    const [row] = await this.#database.quick<{ seen: string; changed: boolean }>(readChanges, [
      this.#seen,
      this.#gateway,
    ])
    this.#seen = row?.seen ?? null
    return row?.changed ?? true
  }
}

/** Nobody looks for what was committed an hour ago. Others may be removing the same rows, and are not waited for. */
const addChange = `
  WITH passed AS (
    DELETE FROM gateway.trust_change WHERE xid IN (
      SELECT xid FROM gateway.trust_change
      WHERE xid IN (SELECT xid FROM gateway.trust_change ORDER BY xid LIMIT 10) AND added_at < now() - interval '1 hour'
      FOR UPDATE SKIP LOCKED
    )
  )
  INSERT INTO gateway.trust_change (gateway) VALUES ($1) ON CONFLICT (xid) DO NOTHING`

/** Transactions are not committed in the order of their ids. On another Postgres cluster they count differently. */
const readChanges = {
  name: 'gateway read changes',
  text: `
    SELECT pg_current_snapshot()::text AS seen,
      $1::pg_snapshot IS NULL
      OR pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())
      OR EXISTS (
        SELECT FROM gateway.trust_change
        WHERE xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND gateway <> $2
      ) AS changed`,
}
