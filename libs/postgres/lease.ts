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

  /** Takes it, or holds it for longer; false while another has it. */
  async take(): Promise<boolean> {
    const taken = await this.#database.query(
      `INSERT INTO ${this.#schema}.lease AS l (name, holder, until) VALUES ($1, $2, now() + $3 * interval '1 millisecond')
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE l.holder = excluded.holder OR l.until <= now()
       RETURNING holder`,
      [this.#name, this.#holder, this.#milliseconds],
    )
    return taken.length > 0
  }

  /** Whether it is still held, as the transaction sees it. */
  async isHeld(manager: EntityManager): Promise<boolean> {
    const rows = await manager.query<unknown[]>(
      `SELECT FROM ${this.#schema}.lease WHERE name = $1 AND holder = $2 AND until > now()`,
      [this.#name, this.#holder],
    )
    return rows.length > 0
  }

  /** Lets another take it at once. */
  async release(): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#schema}.lease WHERE name = $1 AND holder = $2`, [
      this.#name,
      this.#holder,
    ])
  }
}
