import pg from 'pg'
import { AfterCommit } from './after-commit.ts'
import { isRefusedForAnother } from './failures.ts'
import { gatheringSocket } from './gathering-socket.ts'
import { QuickConnections } from './quick-connections.ts'
import { silenceLog } from './silent-log.ts'

/** A statement that each connection prepares once, under its name. One name stands for one text. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export interface Queryable {
  /** Rows of one statement. Rejects with the driver's error; `failures.ts` says what it means. */
  query<Row extends object>(statement: string | Statement, values?: readonly unknown[]): Promise<Row[]>
}

/** As much of a transaction as it takes to add something to it without waiting. */
export interface Appending {
  /**
   * Sends a statement without waiting for its answer; its failure fails the commit. Order of sending is order of execution.
   * `answered` is given the rows, before the commit.
   */
  send<Row extends object>(
    statement: string | Statement,
    values?: readonly unknown[],
    answered?: (rows: readonly Row[]) => void,
  ): void
  /**
   * Runs once the transaction is durable, in the order asked for, and never when it or the savepoint around was rolled
   * back. What it throws harms nobody: it is told to the database's `onIdleFailure`.
   */
  afterCommit(run: () => void): void
}

export interface Transaction extends Queryable, Appending {
  /** Work whose failure leaves the rest of the transaction as it was. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

/** A transaction that only reads, all of it as it was at one moment. */
export interface Snapshot extends Queryable {
  /** Lets the connection go. To be called in the end, whatever happened; does not reject. */
  end(): Promise<void>
}

export interface DatabaseOptions {
  readonly url: string
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  readonly connections: number
  /** Server settings of each connection, such as `{ plan_cache_mode: 'force_generic_plan' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /**
   * Milliseconds that one statement may take; unbounded unless told. The server ends it then, and should nothing come
   * back at all, the connection is given up a second later: both reject as a connection loss. Sessions are unbounded.
   */
  readonly statementTimeout?: number
  /** The same for statements of a transaction that no request waits for: it may have much to do. `statementTimeout` unless told. */
  readonly workTimeout?: number
  /** Told of failures that nobody waits for: connections that broke while idle (they are replaced), and callbacks after commit. */
  readonly onIdleFailure?: (error: Error) => void
}

/** Who waits for a transaction, which decides how long one statement of it may take: `statementTimeout` or `workTimeout`. */
export type Waiting = 'a request waits' | 'nobody waits'

/** Milliseconds that the server has more time than it was given, to tell of a timeout by itself. */
export const grace = 1_000

/** 64-bit integers are counters here (positions, versions, counts), all far below 2^53. */
const types = new pg.TypeOverrides()
types.setTypeParser(20, (text: string) => Number(text))

/**
 * A pool of pipelined connections: statements sent one after the other on a connection share round trips.
 * Postgres may be away at construction and later; each query finds out for itself.
 */
export class Database implements Queryable {
  readonly url: string
  readonly #pool: pg.Pool
  readonly #quick: QuickConnections
  readonly #onIdleFailure: ((error: Error) => void) | undefined
  readonly #patience: Patience
  readonly #workPatience: Patience
  readonly #workBegins: readonly string[]
  #closed = false

  constructor(options: DatabaseOptions) {
    this.url = options.url
    this.#onIdleFailure = options.onIdleFailure
    const { statementTimeout, workTimeout = statementTimeout } = options
    this.#patience = patienceOf(statementTimeout)
    this.#workPatience = patienceOf(workTimeout)
    this.#workBegins =
      workTimeout === statementTimeout ? ['BEGIN'] : ['BEGIN', `SET LOCAL statement_timeout = ${workTimeout}`]
    const connection: pg.PoolConfig = {
      connectionString: options.url,
      application_name: options.applicationName,
      pipeline: true,
      stream: gatheringSocket,
      types,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    }
    const settings = settingsOf(options)
    this.#pool = new pg.Pool({
      ...connection,
      options: written(settings),
      max: options.connections,
      idleTimeoutMillis: 60_000,
      onConnect: silenceLog,
    })
    // What an index answers at once has one right plan; to plan it anew for each value can cost more than to run it.
    this.#quick = new QuickConnections({
      ...connection,
      options: written({ plan_cache_mode: 'force_generic_plan', ...settings }),
    })
    // A connection that breaks while in use fails its statements; unheard, its own event would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
    this.#pool.on('error', (error) => {
      if (!this.#closed) this.#onIdleFailure?.(error)
    })
  }

  async query<Row extends object>(statement: string | Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const result = await this.#pool.query<Row>({ ...configured(statement, values), ...this.#patience })
    return result.rows
  }

  /**
   * Like `query`, for a statement that an index answers at once: those of one turn of the event loop share a connection
   * and a round trip, so a slow one would keep the others waiting.
   */
  async quick<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const result = await this.#quick.query<Row>({ ...configured(statement, values), ...this.#patience })
    return result.rows
  }

  /**
   * Runs `work` in one READ COMMITTED transaction on one connection. Resolves after COMMIT is durable; on any failure,
   * also of a statement that was only sent, rolls back and rejects with the first failure. When the connection
   * breaks during COMMIT the outcome is unknown and the rejection is a connection loss.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, waiting: Waiting = 'nobody waits'): Promise<T> {
    const client = await this.#pool.connect()
    const open =
      waiting === 'a request waits'
        ? new OpenTransaction(client, this.#patience, ['BEGIN'])
        : new OpenTransaction(client, this.#workPatience, this.#workBegins)
    let broken: Error | undefined
    let result: T
    try {
      result = await work(open)
      await open.commit()
    } catch (error) {
      broken = await open.rollback()
      throw open.reasonFor(error)
    } finally {
      client.release(broken)
    }
    open.committed.run(this.#onIdleFailure)
    return result
  }

  /**
   * Begins to read the database as it is at one moment, and holds a connection until that is ended. A statement of it may take
   * `statementTimeout` milliseconds, and that of the database unless told.
   */
  async openSnapshot(statementTimeout?: number): Promise<Snapshot> {
    const client = await this.#pool.connect()
    const patience = statementTimeout === undefined ? this.#patience : patienceOf(statementTimeout)
    const beginning = ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY']
    if (statementTimeout !== undefined) beginning.push(`SET LOCAL statement_timeout = ${statementTimeout}`)
    return new OpenSnapshot(client, patience, beginning)
  }

  /** Runs `work` with a snapshot, and ends that. */
  async snapshot<T>(work: (snapshot: Queryable) => Promise<T>, statementTimeout?: number): Promise<T> {
    const snapshot = await this.openSnapshot(statementTimeout)
    try {
      return await work(snapshot)
    } finally {
      await snapshot.end()
    }
  }

  /** Holds one connection for as long as `work` runs, without a `statementTimeout`: for session-level locks and upkeep. */
  async session<T>(work: (session: Queryable) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    try {
      await client.query('SET statement_timeout = 0')
      return await work({
        query: async <Row extends object>(statement: string | Statement, values: readonly unknown[] = []) =>
          (await client.query<Row>(configured(statement, values))).rows,
      })
    } finally {
      client.release(true)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#quick.end(), this.#pool.end()])
  }
}

class OpenSnapshot implements Snapshot {
  readonly #client: pg.PoolClient
  readonly #patience: Patience
  #ended = false

  constructor(client: pg.PoolClient, patience: Patience, beginning: readonly string[]) {
    this.#client = client
    this.#patience = patience
    // Should one of them fail, so does what is sent behind it.
    for (const text of beginning) client.query({ text, ...patience }).catch(() => undefined)
  }

  async query<Row extends object>(statement: string | Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const result = await this.#client.query<Row>({ ...configured(statement, values), ...this.#patience })
    return result.rows
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#client.query({ text: 'ROLLBACK', ...this.#patience }).then(
      () => this.#client.release(),
      (error: unknown) => this.#client.release(error instanceof Error ? error : true),
    )
  }
}

class OpenTransaction implements Transaction {
  readonly committed = new AfterCommit()
  readonly #client: pg.PoolClient
  readonly #patience: Patience
  #savepoints = 0
  #sent: unknown
  #reason: unknown

  constructor(client: pg.PoolClient, patience: Patience, beginning: readonly string[]) {
    this.#client = client
    this.#patience = patience
    for (const statement of beginning) this.send(statement)
  }

  async query<Row extends object>(statement: string | Statement, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      const result = await this.#client.query<Row>({ ...configured(statement, values), ...this.#patience })
      return result.rows
    } catch (error) {
      this.#told(error)
      throw error
    }
  }

  send<Row extends object>(
    statement: string | Statement,
    values: readonly unknown[] = [],
    answered?: (rows: readonly Row[]) => void,
  ): void {
    const config = { ...configured(statement, values), ...this.#patience }
    this.#client
      .query<Row>(config)
      .then((result) => answered?.(result.rows))
      .catch((error: unknown) => {
        this.#told(error)
        this.#sent ??= error
      })
  }

  /** What is sent after a statement that failed is refused for it, and says nothing of why: this is why. */
  #told(error: unknown): void {
    if (!isRefusedForAnother(error)) this.#reason ??= error
  }

  /** Why the transaction fails that `error` ended: the failure of a statement that was only sent comes before those that were waited for. */
  reasonFor(error: unknown): unknown {
    const told = this.#sent ?? error
    return isRefusedForAnother(told) ? (this.#reason ?? told) : told
  }

  afterCommit(run: () => void): void {
    this.committed.add(run)
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `s${++this.#savepoints}`
    const before = this.committed.length
    this.send(`SAVEPOINT ${name}`)
    try {
      const result = await work()
      await this.query(`RELEASE SAVEPOINT ${name}`)
      return result
    } catch (error) {
      const cause = this.reasonFor(error)
      await this.query(`ROLLBACK TO SAVEPOINT ${name}`)
      this.#sent = undefined
      this.#reason = undefined
      this.committed.cutTo(before)
      throw cause
    }
  }

  async commit(): Promise<void> {
    const result = await this.#client.query({ text: 'COMMIT', ...this.#patience })
    if (result.command !== 'COMMIT') throw new Error('the transaction was rolled back by the server')
  }

  /** The error that makes the connection unfit for reuse, if rolling back failed. */
  async rollback(): Promise<Error | undefined> {
    try {
      await this.#client.query({ text: 'ROLLBACK', ...this.#patience })
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
}

/** For the driver: how long to wait for the answer to a statement. */
interface Patience {
  readonly query_timeout?: number
}

function patienceOf(timeout: number | undefined): Patience {
  return timeout === undefined ? {} : { query_timeout: timeout + grace }
}

function settingsOf({ settings, statementTimeout }: DatabaseOptions): Readonly<Record<string, string>> {
  return { ...settings, ...(statementTimeout === undefined ? {} : { statement_timeout: String(statementTimeout) }) }
}

function written(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
}

function configured(statement: string | Statement, values: readonly unknown[]): pg.QueryConfig {
  return typeof statement === 'string'
    ? { text: statement, values: values as unknown[] }
    : { name: statement.name, text: statement.text, values: values as unknown[] }
}
