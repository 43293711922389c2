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
  /** Who had it last: nobody ever, this holder itself all the while, one that let it go, or one that did not. */
  readonly from: 'nobody' | 'itself' | { readonly letGoAt: Date } | 'another'
  /** By `performance.now()`: from then on no other goes by having had it, whatever the clock of Postgres did. */
  readonly aloneFrom: number
}

/** Holder of a lease that was let go of: `until` is when, by the clock of whoever did. */
const nobody = '00000000-0000-0000-0000-000000000000'

interface TakenOver {
  readonly isTaken: boolean
  /** The row before, where there was one. */
  readonly holder: string | null
  readonly until: Date | null
  readonly version: string | null
}

/**
 * Work that one process at a time does. Its holder takes it again before it lapses; another takes it once it has by the clock of Postgres, which may have been set: its former
 * holder then goes by it until `aloneFrom`, at the most for as long as the lease is after it asked. A transaction that began while the lease was held may end after it lapsed: what is
 * done under it must bear that.
 */
export class Lease {
  readonly #database: Database
  readonly #schema: string
  readonly #name: string
  readonly #milliseconds: number
  /** By what it is held; another each time that it is taken over, so that who holds it by this has done so all the while. */
  #held: string | undefined
  #aloneFrom = -Infinity
  /** The row as it was last seen, and when it was seen so first. */
  #seen: { readonly version: string; readonly at: number } | undefined

  /** `schema` has the table of `LeaseTables`. */
  constructor(database: Database, schema: string, name: string, milliseconds: number) {
    this.#database = database
    this.#schema = schema
    this.#name = name
    this.#milliseconds = milliseconds
  }

  /** Takes it, or holds it for longer; undefined while another has it, or this one by a take whose answer was lost. One call at a time. */
  async take(): Promise<LeaseTaken | undefined> {
    if (await this.#renew()) return { from: 'itself', aloneFrom: this.#aloneFrom }
    this.#held = undefined
    return this.#takeOver()
  }

  async #renew(): Promise<boolean> {
    if (this.#held === undefined) return false
    const rows = await this.#database.query(
      `UPDATE ${this.#schema}.lease SET until = now() + $3 * interval '1 millisecond' WHERE name = $1 AND holder = $2 RETURNING name`,
      [this.#name, this.#held, this.#milliseconds],
    )
    return rows.length > 0
  }

  async #takeOver(): Promise<LeaseTaken | undefined> {
    const holder = crypto.randomUUID()
    // It is taken as the statement saw it when it began, or not at all.
    const [answer] = await this.#database.query<TakenOver>(
      `WITH former AS (SELECT holder, until, xmin::text AS version FROM ${this.#schema}.lease WHERE name = $1),
       taken AS (
         INSERT INTO ${this.#schema}.lease AS l (name, holder, until) VALUES ($1, $2, now() + $3 * interval '1 millisecond')
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
         WHERE l.xmin::text = (SELECT version FROM former) AND (l.holder = '${nobody}' OR l.until <= now())
         RETURNING name
       )
       SELECT EXISTS (SELECT FROM taken) AS "isTaken", holder, until, version FROM (SELECT) AS always LEFT JOIN former ON true`,
      [this.#name, holder, this.#milliseconds],
    )
    if (answer === undefined) throw new Error('a statement that answers one row answered none')
    const { isTaken, version, until } = answer
    if (version !== null && version !== this.#seen?.version) this.#seen = { version, at: performance.now() }
    if (!isTaken) return undefined
    this.#held = holder
    this.#aloneFrom = -Infinity
    if (until === null || this.#seen === undefined) return { from: 'nobody', aloneFrom: this.#aloneFrom }
    if (answer.holder === nobody) return { from: { letGoAt: until }, aloneFrom: this.#aloneFrom }
    this.#aloneFrom = this.#seen.at + this.#milliseconds
    return { from: 'another', aloneFrom: this.#aloneFrom }
  }

  /** Whether it is still held, as whoever asks sees it: a transaction, or the database. */
  async isHeld(asking: { query(statement: string, values: unknown[]): Promise<unknown[]> }): Promise<boolean> {
    if (this.#held === undefined) return false
    const rows = await asking.query(
      `SELECT FROM ${this.#schema}.lease WHERE name = $1 AND holder = $2 AND until > now()`,
      [this.#name, this.#held],
    )
    return rows.length > 0
  }

  /** Lets another take it at once, which learns when it was let go of by the clock of its holder. While one before may go by it, it is left to lapse. */
  async release(now: Date): Promise<void> {
    if (this.#held === undefined || performance.now() < this.#aloneFrom) return
    await this.#database.query(
      `UPDATE ${this.#schema}.lease SET holder = '${nobody}', until = $3 WHERE name = $1 AND holder = $2`,
      [this.#name, this.#held, now],
    )
  }
}
