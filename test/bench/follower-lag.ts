import type pg from 'pg'
import { type Spread, spread } from './figures.ts'

/** How long after the client held the 201 each follower had committed what came of it; less than zero where the follower was first. */
export interface Lag extends Spread {
  readonly follower: string
  readonly events: number
}

const patience = 30_000
const every = 4

/**
 * Takes the time of each follower's commit from Postgres (`track_commit_timestamp`): that of the person's row in the
 * directory, and of the record in the audit trail. The keys service keeps one row for the latest use of a key, so that row is
 * read every few milliseconds: a use counts as committed when a row that tells of it or of a later one was.
 */
export class LagWatch {
  readonly #client: pg.Client
  /** When the 201 was there, by id of the user. */
  readonly #answered = new Map<string, number>()
  readonly #uses: { at: number; committed: number }[] = []
  readonly #watching: Promise<void>
  readonly #since = new Date()
  #ended = false

  constructor(client: pg.Client) {
    this.#client = client
    this.#watching = this.#watchUses()
  }

  answered(id: string): void {
    this.#answered.set(id, performance.timeOrigin + performance.now())
  }

  /** Waits until every follower is done with what was answered. */
  async lags(): Promise<Lag[]> {
    const ids = [...this.#answered.keys()]
    await caughtUp(this.#client, ids)
    const people = await this.#client.query<{ id: string; committed: number }>(
      `SELECT id, ${milliseconds('pg_xact_commit_timestamp(xmin)')} AS committed FROM directory.person WHERE id = ANY($1)`,
      [ids],
    )
    const records = await this.#client.query<{ id: string; at: number; committed: number }>(
      `SELECT payload::jsonb -> 'subject' ->> 'id' AS id, ${milliseconds('received_at')} AS at,
         ${milliseconds('pg_xact_commit_timestamp(xmin)')} AS committed
       FROM audit.record WHERE received_at >= $1 AND status = 201 ORDER BY received_at`,
      [this.#since],
    )
    const last = records.rows.at(-1)?.at ?? 0
    await until(async () => (this.#uses.at(-1)?.at ?? 0) >= last)
    this.#ended = true
    await this.#watching
    const uses = records.rows.map(({ id, at }) => ({
      id,
      committed: this.#uses.find((use) => use.at >= at)?.committed,
    }))
    return Object.entries({ directory: people.rows, audit: records.rows, keys: uses }).map(([follower, rows]) => {
      const lags = rows.flatMap(({ id, committed }) => {
        const answered = this.#answered.get(id)
        return answered === undefined || committed === undefined ? [] : [committed - answered]
      })
      return { follower, events: lags.length, ...spread(lags) }
    })
  }

  async #watchUses(): Promise<void> {
    while (!this.#ended) {
      const { rows } = await this.#client.query<{ at: number; committed: number }>(
        `SELECT ${milliseconds('at')} AS at, ${milliseconds('pg_xact_commit_timestamp(xmin)')} AS committed
         FROM keys.key_use ORDER BY at DESC LIMIT 1`,
      )
      const [use] = rows
      if (use !== undefined && use.at !== this.#uses.at(-1)?.at) this.#uses.push(use)
      await new Promise((resolve) => setTimeout(resolve, every))
    }
  }
}

/** Resolves when directory and audit trail hold what came of these users' creation. */
export async function caughtUp(client: pg.Client, ids: readonly string[]): Promise<void> {
  await until(async () => {
    const { rows } = await client.query<{ people: number }>(
      'SELECT count(*)::int AS people FROM directory.person WHERE id = ANY($1)',
      [ids],
    )
    return rows[0]?.people === ids.length
  })
  await until(async () => {
    const { rows } = await client.query<{ records: number }>(
      `SELECT count(*)::int AS records FROM audit.record
       WHERE received_at > now() - interval '2 minutes' AND operation = 'users.create'
         AND payload::jsonb -> 'subject' ->> 'id' = ANY($1)`,
      [ids],
    )
    return rows[0]?.records === ids.length
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`the followers were not done within ${patience / 1000} seconds`)
    await new Promise((resolve) => setTimeout(resolve, every))
  }
}

function milliseconds(time: string): string {
  return `(extract(epoch FROM ${time}) * 1000)::float8`
}
