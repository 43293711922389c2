import pg from 'pg'

/** Settings of a Postgres that counts its statements. */
export const countingSettings = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
}

export interface Statements {
  /** Reads of single keys and connections by the gateway. */
  readonly lookUps: number
  /** All of them, those of followers and of the services' own clocks too. */
  readonly all: number
}

/** Counts what a Postgres of `countingSettings` is asked. */
export class StatementCounter {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async open(url: string): Promise<StatementCounter> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
    return new StatementCounter(client)
  }

  /** Since the counting began. */
  async read(): Promise<Statements> {
    const { rows } = await this.#client.query<Statements>(
      `SELECT coalesce(sum(calls) FILTER (WHERE query ~ '^SELECT .*tenant.* FROM gateway.known_(key|connection) WHERE (kid|connection) ='), 0)::int AS "lookUps",
         coalesce(sum(calls), 0)::int AS all FROM pg_stat_statements`,
    )
    return rows[0] ?? { lookUps: 0, all: 0 }
  }

  close(): Promise<void> {
    return this.#client.end()
  }
}
