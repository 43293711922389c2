import { type Database, type Statement, type Transaction, type Waiting } from './database.ts'
import { isAnswer, isConnectionLoss } from './failures.ts'

/** The table that `Lanes` needs in a schema; for use in its migrations. */
export const LaneTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.lane (
      id uuid PRIMARY KEY,
      newest bigint NOT NULL,
      closed boolean NOT NULL DEFAULT false,
      used_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 20);`,
  drop: (schema: string): string => `DROP TABLE ${schema}.lane;`,
}

/** What became of a transaction. Of one that failed nothing is stored; of one in doubt all or nothing. */
export type Ending<T> =
  | { readonly kind: 'committed'; readonly result: T }
  | { readonly kind: 'failed'; readonly failure: unknown }
  | { readonly kind: 'in doubt'; readonly failure: unknown; readonly doubt: Doubt }

/** A transaction whose COMMIT was sent and whose answer never came. */
export interface Doubt {
  /**
   * Finds out whether it was committed, and sees to it that it never will be if it was not. Waits for as long as the
   * database is away or still at work on it; does not reject.
   */
  committed(): Promise<boolean>
}

interface Lane {
  readonly id: string
  newest: number
}

const longestPause = 2_000
/** Rows of processes that are long gone; a doubt that old is nobody's any more. */
const keptFor = '30 days'

/**
 * Transactions that can be asked for when their answer is lost. Each writes its number into the row of its lane, and a lane
 * has one transaction at a time. To ask, the row is closed: that waits for a transaction that holds it, shows the newest
 * one committed, and makes one fail that comes later, such as one that a server which had stood still finds in its socket.
 * Ids of transactions would not do: a server that crashed may give the same id out again.
 */
export class Lanes {
  readonly #database: Database
  readonly #use: Statement
  readonly #close: Statement
  readonly #forget: string
  readonly #free: Lane[] = []
  #forgotten = false

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#use = {
      name: `${schema} use lane`,
      text: `
        INSERT INTO ${schema}.lane AS l (id, newest) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE
        SET newest = CASE WHEN l.closed THEN NULL ELSE excluded.newest END, used_at = excluded.used_at`,
    }
    this.#close = {
      name: `${schema} close lane`,
      text: `
        INSERT INTO ${schema}.lane AS l (id, newest, closed) VALUES ($1, 0, true)
        ON CONFLICT (id) DO UPDATE SET closed = true RETURNING newest`,
    }
    this.#forget = `DELETE FROM ${schema}.lane WHERE used_at < now() - interval '${keptFor}'`
  }

  /** As `Database.transaction`; does not reject. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, waiting?: Waiting): Promise<Ending<T>> {
    const lane = this.#free.pop() ?? { id: crypto.randomUUID(), newest: 0 }
    lane.newest++
    let commits = false
    try {
      const result = await this.#database.transaction(async (transaction) => {
        transaction.send(this.#use, [lane.id, lane.newest])
        const worked = await work(transaction)
        commits = true
        return worked
      }, waiting)
      this.#free.push(lane)
      return { kind: 'committed', result }
    } catch (failure) {
      if (commits && !isAnswer(failure)) return { kind: 'in doubt', failure, doubt: this.#doubt(lane) }
      // The server may still hold the row of a lane whose connection broke.
      if (!isConnectionLoss(failure)) this.#free.push(lane)
      return { kind: 'failed', failure }
    }
  }

  #doubt({ id, newest }: Lane): Doubt {
    let answer: Promise<boolean> | undefined
    return { committed: () => (answer ??= this.#ask(id, newest)) }
  }

  async #ask(id: string, number: number): Promise<boolean> {
    for (let failures = 0; ; failures++) {
      try {
        const [row] = await this.#database.query<{ newest: number }>(this.#close, [id])
        if (!this.#forgotten) void this.#database.query(this.#forget).catch(() => undefined)
        this.#forgotten = true
        return row?.newest === number
      } catch {
        const pause = Math.min(longestPause, 50 * 2 ** failures)
        await new Promise((resolve) => setTimeout(resolve, pause).unref())
      }
    }
  }
}
