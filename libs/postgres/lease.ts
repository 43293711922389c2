import type { EntityManager } from 'typeorm'
import type { Database } from './database.ts'

/** The table that `Lease` needs in a schema; for use in its migrations. */
export const LeaseTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.lease (
      name text PRIMARY KEY,
      holder uuid NOT NULL,
      until timestamptz NOT NULL
    );`,
  drop: (schema: string): string => `DROP TABLE ${schema}.lease;`,
}

/** A lease that is taken. */
export interface LeaseTaken {
  /** Milliseconds, at the least, for which nobody had had it before: 0 where it was held, Infinity where nobody ever had. */
  readonly vacant: number
}

/**
 * Work that one process at a time does. Its holder takes it again before it lapses; another takes it once it has. Only the clock of
 * Postgres is asked. A transaction that began while the lease was held may end after it lapsed: what is done under it must bear that.
 */
export class Lease {
  readonly #database: Database
  readonly #schema: string
  readonly #name: string
  readonly #milliseconds: number
  readonly #holder = crypto.randomUUID()

  /** `schema` has the table of `LeaseTables`. */
  constructor(database: Database, schema: string, name: string, milliseconds: number) {
    this.#database = database
    this.#schema = schema
    this.#name = name
    this.#milliseconds = milliseconds
  }

  /** Takes it, or holds it for longer; undefined while another has it. */
  async take(): Promise<LeaseTaken | undefined> {
    // The row as it was when the statement began: where it has been let go of since, that tells of less time, never of more.
    const [taken] = await this.#database.query<{ vacant: number | null }>(
      `WITH former AS (SELECT until FROM ${this.#schema}.lease WHERE name = $1)
       INSERT INTO ${this.#schema}.lease AS l (name, holder, until) VALUES ($1, $2, now() + $3 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE l.holder = excluded.holder OR l.until <= now()
       RETURNING (SELECT 1000 * extract(epoch FROM now() - former.until)::float8 FROM former) AS vacant`,
      [this.#name, this.#holder, this.#milliseconds],
    )
    return taken && { vacant: Math.max(0, taken.vacant ?? Infinity) }
  }

  /** Whether it is still held, as the transaction sees it. */
  async isHeld(manager: EntityManager): Promise<boolean> {
    const rows = await manager.query<unknown[]>(
      `SELECT FROM ${this.#schema}.lease WHERE name = $1 AND holder = $2 AND until > now()`,
      [this.#name, this.#holder],
    )
    return rows.length > 0
  }

  /** Lets another take it at once, which learns when it was let go. */
  async release(): Promise<void> {
    await this.#database.query(
      `UPDATE ${this.#schema}.lease SET until = least(until, now()) WHERE name = $1 AND holder = $2`,
      [this.#name, this.#holder],
    )
  }
}
