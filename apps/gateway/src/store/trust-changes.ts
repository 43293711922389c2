import { setImmediate as afterInput } from 'node:timers/promises'
import type { Database, Transaction } from '#libs/postgres/index'

/**
 * That a gateway has applied something, for the others, which the event log gives it to no more: in their common tables, and in the transaction of what was applied, so
 * that no failure and no end of a process comes between. Each transaction adds a row of its own, and so waits for no other.
 */
export class TrustChanges {
  readonly #database: Database
  /** Transactions since the last look began that this gateway knows to be committed, and to have been applied to what it remembers. */
  #own: string[] = []
  /** What the last look could see. */
  #seen: string | null = null

  constructor(database: Database) {
    this.#database = database
  }

  async add(transaction: Transaction): Promise<void> {
    const [row] = await transaction.query<{ xid: string }>(addChange)
    transaction.afterCommit(() => {
      if (row !== undefined) this.#own.push(row.xid)
    })
  }

  /**
   * Whether something has been committed since the last look that this gateway does not know to be so; so it is at the first. What it has applied itself counts too where
   * the answer to its COMMIT was lost. Rejects when Postgres does not answer: the next look tells.
   */
  async look(): Promise<boolean> {
    const before = this.#own.length
    const [row] = await this.#database.quick<Changes>(readChanges, [this.#seen])
    const hasOthers = (): boolean => row?.committed.some((xid) => !this.#own.includes(xid)) ?? true
    // The answer to a COMMIT that the look has seen is most often here too, and not read yet.
    if (hasOthers()) await afterInput()
    const isChanged = row?.anew === true || hasOthers()
    // What this gateway has heard of meanwhile may have been committed after the look.
    this.#own = this.#own.slice(before)
    this.#seen = row?.seen ?? null
    return isChanged
  }
}

interface Changes {
  readonly seen: string
  /** What was seen before tells nothing of now. */
  readonly anew: boolean
  /** Ids of the transactions that were committed since. */
  readonly committed: readonly string[]
}

/**
 * Nobody looks for what was committed an hour ago. What a dump brought from a cluster that had counted further stands at the other end. Others may be removing the same
 * rows, and are not waited for.
 */
const addChange = `
  WITH passed AS (
    DELETE FROM gateway.trust_change WHERE xid IN (
      SELECT xid FROM gateway.trust_change
      WHERE added_at < now() - interval '1 hour' AND xid IN (
        (SELECT xid FROM gateway.trust_change ORDER BY xid LIMIT 10)
        UNION (SELECT xid FROM gateway.trust_change ORDER BY xid DESC LIMIT 10)
      )
      FOR UPDATE SKIP LOCKED
    )
  ), added AS (
    INSERT INTO gateway.trust_change DEFAULT VALUES ON CONFLICT (xid) DO NOTHING
  )
  SELECT pg_current_xact_id()::text AS xid`

/**
 * Transactions are not committed in the order of their ids. On another Postgres cluster they count differently: ids that this one has not reached came from there by a
 * dump.
 */
const readChanges = {
  name: 'gateway read changes',
  text: `
    SELECT pg_current_snapshot()::text AS seen,
      ($1::pg_snapshot IS NULL OR pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())) AS anew,
      ARRAY (
        SELECT xid::text FROM gateway.trust_change
        WHERE xid >= pg_snapshot_xmin($1::pg_snapshot) AND xid < pg_snapshot_xmax(pg_current_snapshot())
          AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot)
      ) AS committed`,
}
