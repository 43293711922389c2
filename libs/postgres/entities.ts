import { DataSource, type EntityManager, type MixedList, type QueryRunner } from 'typeorm'
import type { Statement, Transaction } from './database.ts'

export interface EntitiesOptions {
  readonly url: string
  readonly schema: string
  readonly applicationName: string
  readonly connections: number
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- TypeORM's own type for entity classes
  readonly entities: MixedList<Function>
}

/** TypeORM over one service's schema, for administration; what is hot goes through `Database`. */
export class Entities {
  readonly #source: DataSource

  private constructor(source: DataSource) {
    this.#source = source
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
    })
    await source.initialize()
    return new Entities(source)
  }

  get manager(): EntityManager {
    return this.#source.manager
  }

  /** One READ COMMITTED transaction, seen both as TypeORM's manager and as the `Transaction` that an event log appends to. */
  async transaction<T>(work: (manager: EntityManager, transaction: Transaction) => Promise<T>): Promise<T> {
    const runner = this.#source.createQueryRunner()
    const open = new RunnerTransaction(runner)
    try {
      await runner.startTransaction()
      const result = await work(runner.manager, open)
      await open.sent()
      await runner.commitTransaction()
      open.committed()
      return result
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined)
      throw error
    } finally {
      await runner.release()
    }
  }

  async close(): Promise<void> {
    await this.#source.destroy()
  }
}

class RunnerTransaction implements Transaction {
  readonly #runner: QueryRunner
  readonly #callbacks: (() => void)[] = []
  #order: Promise<unknown> = Promise.resolve()

  constructor(runner: QueryRunner) {
    this.#runner = runner
  }

  query<Row extends object>(statement: string | Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const text = typeof statement === 'string' ? statement : statement.text
    const answer = this.#order.then(async () => (await this.#runner.query(text, [...values], true)).records as Row[])
    this.#order = answer.catch(() => undefined)
    return answer
  }

  #failure: unknown

  send(statement: string | Statement, values: readonly unknown[] = []): void {
    this.query(statement, values).catch((error: unknown) => (this.#failure ??= error))
  }

  afterCommit(run: () => void): void {
    this.#callbacks.push(run)
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#runner.startTransaction()
    try {
      const result = await work()
      await this.sent()
      await this.#runner.commitTransaction()
      return result
    } catch (error) {
      await this.#runner.rollbackTransaction()
      throw error
    }
  }

  async sent(): Promise<void> {
    await this.#order
    if (this.#failure !== undefined) throw this.#failure
  }

  committed(): void {
    for (const run of this.#callbacks) run()
  }
}
