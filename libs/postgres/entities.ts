import { DataSource, type EntityManager, type MixedList, type QueryRunner } from 'typeorm'
import { AfterCommit } from './after-commit.ts'
import { type Appending, grace, type Queryable, type Statement } from './database.ts'
import { silenceLog } from './silent-log.ts'

export interface EntitiesOptions {
  readonly url: string
  readonly schema: string
  readonly applicationName: string
  readonly connections: number
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- TypeORM's own type for entity classes
  readonly entities: MixedList<Function>
  /** As in `DatabaseOptions`: milliseconds after which a statement is given up. */
  readonly statementTimeout?: number
  /** Told of callbacks after commit that failed. */
  readonly onIdleFailure?: (error: Error) => void
}

/** TypeORM over one service's schema, for administration; what is hot goes through `Database`. */
export class Entities {
  readonly #source: DataSource
  readonly #onIdleFailure: ((error: Error) => void) | undefined

  private constructor(source: DataSource, onIdleFailure: ((error: Error) => void) | undefined) {
    this.#source = source
    this.#onIdleFailure = onIdleFailure
  }

  static async open(options: EntitiesOptions): Promise<Entities> {
    const source = new DataSource({
      type: 'postgres',
      url: options.url,
      schema: options.schema,
      entities: options.entities,
      applicationName: options.applicationName,
      poolSize: options.connections,
      logging: false,
      // Only of a pipelined connection does the driver let go when an answer does not come; another would go back to the pool.
      extra: { pipeline: true, onConnect: silenceLog, ...bounds(options.statementTimeout) },
    })
    await source.initialize()
    return new Entities(source, options.onIdleFailure)
  }

  get manager(): EntityManager {
    return this.#source.manager
  }

  /** One READ COMMITTED transaction, seen both as TypeORM's manager and as what an event log appends to, and SQL goes through. */
  async transaction<T>(work: (manager: EntityManager, transaction: Appending & Queryable) => Promise<T>): Promise<T> {
    const runner = this.#source.createQueryRunner()
    const open = new RunnerTransaction(runner)
    let result: T
    try {
      await runner.startTransaction()
      result = await work(runner.manager, open)
      await open.sent()
      await runner.commitTransaction()
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined)
      throw error
    } finally {
      await runner.release()
    }
    open.committed.run(this.#onIdleFailure)
    return result
  }

  async close(): Promise<void> {
    await this.#source.destroy()
  }
}

function bounds(statementTimeout: number | undefined): object {
  if (statementTimeout === undefined) return {}
  return {
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + grace,
    connectionTimeoutMillis: 5_000,
  }
}

class RunnerTransaction implements Appending, Queryable {
  readonly committed = new AfterCommit()
  readonly #runner: QueryRunner
  #order: Promise<unknown> = Promise.resolve()
  #failure: unknown

  constructor(runner: QueryRunner) {
    this.#runner = runner
  }

  send<Row extends object>(
    statement: string | Statement,
    values: readonly unknown[] = [],
    answered?: (rows: readonly Row[]) => void,
  ): void {
    this.#order = this.#order
      .then(() => this.#runner.query(textOf(statement), [...values]))
      .then((rows: readonly Row[]) => answered?.(rows))
      .catch((error: unknown) => (this.#failure ??= error))
  }

  /** For what gives rows by itself: of UPDATE and DELETE, TypeORM gives their number too. */
  async query<Row extends object>(statement: string | Statement, values: readonly unknown[] = []): Promise<Row[]> {
    await this.sent()
    return this.#runner.manager.query<Row[]>(textOf(statement), [...values])
  }

  afterCommit(run: () => void): void {
    this.committed.add(run)
  }

  /** Resolves when all that was sent is done; rejects with the first failure. */
  async sent(): Promise<void> {
    await this.#order
    if (this.#failure !== undefined) throw this.#failure
  }
}

function textOf(statement: string | Statement): string {
  return typeof statement === 'string' ? statement : statement.text
}
