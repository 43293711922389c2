import { setTimeout as pause } from 'node:timers/promises'
import { type Database, isTransient, type Statement, tookTooLong, type Transaction } from '#libs/postgres/index'
import { ScimError } from '#libs/scim/index'
import { refusals } from '../refusals.ts'
import type { LookedUpRecords, Stage, WriteRequest, Writes, Written } from '../record-store.ts'
import { BatchWrite } from './batch-write.ts'
import type { Job } from './job.ts'
import { RecordLookups } from './records.ts'
import { holdTogether, TornApart } from './together.ts'

/**
 * Milliseconds for all of a rehearsal. Whoever waits for what it locks waits for no longer, and so is done before a statement of a write
 * would be ended.
 */
export const longestRehearsal = 3_000

/**
 * Runs `work` over one transaction that is rolled back whatever came of it: what it locks, others wait for until then. Rejects with
 * `undecided` when that took longer than so many milliseconds, or when a deadlock ended one of several writes.
 */
export async function rehearse<T>(
  database: Database,
  work: (stage: Stage) => Promise<T>,
  longest = longestRehearsal,
): Promise<T> {
  let outcome: { readonly result: T } | undefined
  try {
    await database.transaction(async (transaction) => {
      const stage = new RehearsalStage(transaction, longest)
      const result = await work(stage).catch((error: unknown) => {
        stage.check()
        throw error
      })
      // Those of several operations that were refused for it have answers, and so has the whole.
      stage.check()
      outcome = { result }
      throw new Over()
    }, 'a request waits')
  } catch (error) {
    if (!(error instanceof Over)) throw error
  }
  if (outcome === undefined) throw new Error('a transaction that is always rolled back was committed')
  return outcome.result
}

class Over extends Error {}

const nowhere = { append: () => undefined }
/** A write that a deadlock ended is tried so often where nothing else is held. */
const attempts = 3

/** One thing after the other. Each write is a savepoint of its own: what is refused leaves the others as they are. */
class RehearsalStage implements Stage, Writes {
  readonly records: LookedUpRecords
  readonly writer: Writes = this
  readonly #transaction: Transaction
  readonly #longest: number
  readonly #end: number
  #last: Promise<unknown> = Promise.resolve()
  #hasWritten = false
  #isInTheWay = false

  constructor(transaction: Transaction, longest: number) {
    this.#longest = longest
    this.#end = performance.now() + longest
    const bounded = boundedBy(this.#end, transaction)
    this.#transaction = bounded
    const query = <Row extends object>(statement: string | Statement, values?: readonly unknown[]): Promise<Row[]> =>
      this.#inTurn(() => bounded.query<Row>(statement, values))
    this.records = new RecordLookups({ query, quick: query })
  }

  /** Throws when nothing more can come of it. */
  check(): void {
    if (this.#isInTheWay) throw inTheWay()
    if (performance.now() >= this.#end) throw tooLong(this.#longest)
  }

  async write(request: WriteRequest): Promise<Written> {
    const [outcome] = await this.writeTogether([request])
    if (outcome === undefined) throw new Error('a write had no outcome')
    if (outcome instanceof ScimError) throw outcome
    return outcome
  }

  writeTogether(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]> {
    return this.#inTurn(() => this.#write(requests))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      this.check()
      return work().catch((error: unknown) => {
        throw tookTooLong(error) ? tooLong(this.#longest) : error
      })
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  async #write(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]> {
    const jobs = requests.map((request): Job => ({ ...request, settle: () => undefined }))
    for (let attempt = 1; ; attempt++) {
      try {
        const outcomes = await this.#transaction.savepoint(async () => {
          const all = await new BatchWrite(this.#transaction, nowhere, jobs).run()
          holdTogether(all)
          return jobs.flatMap((job) => all.get(job) ?? [])
        })
        this.#hasWritten = true
        return outcomes
      } catch (error) {
        if (error instanceof TornApart) return jobs.map((job) => error.errorOf(job))
        if (!isTransient(error)) throw error
        // Going back to the savepoint has let go of what this write locked; what earlier ones did, the deadlock would be met over again.
        if (this.#hasWritten || attempt === attempts) {
          this.#isInTheWay = true
          throw inTheWay()
        }
        await pause(Math.random() * 10 * attempt)
      }
    }
  }
}

/** The same transaction, each statement of which is ended at that time. */
function boundedBy(end: number, transaction: Transaction): Transaction {
  return {
    async query(statement, values) {
      const left = Math.max(1, Math.ceil(end - performance.now()))
      // It fails only behind a statement that failed, and that one is what is to be told.
      transaction.query(`SET LOCAL statement_timeout = ${left}`).catch(() => undefined)
      return transaction.query(statement, values)
    },
    send: (statement, values, answered) => transaction.send(statement, values, answered),
    afterCommit: (run) => transaction.afterCommit(run),
    savepoint: (work) => transaction.savepoint(work),
  }
}

function tooLong(longest: number): ScimError {
  return refusals.undecided(
    'dry-run-too-long',
    `This dry run was ended after ${longest / 1000} seconds, so that others need not wait for what it holds; nothing was stored. Send fewer operations in one request, or repeat it when less is going on.`,
    1,
  )
}

function inTheWay(): ScimError {
  return refusals.undecided(
    'dry-run-in-the-way',
    'This dry run and another request waited for each other, and the dry run was ended; nothing was stored. Repeat the request after 1 second.',
    1,
  )
}
