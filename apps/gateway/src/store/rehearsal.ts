import type { Database, Transaction } from '#libs/postgres/index'
import { ScimError } from '#libs/scim/index'
import type { Stage, WriteRequest, Writes, Written } from '../record-store.ts'
import { BatchWrite } from './batch-write.ts'
import type { Job } from './job.ts'
import { RecordLookups } from './records.ts'
import { holdTogether, TornApart } from './together.ts'

/** Runs `work` over one transaction that is rolled back whatever came of it: what it locks, others wait for until then. */
export async function rehearse<T>(database: Database, work: (stage: Stage) => Promise<T>): Promise<T> {
  let outcome: { readonly result: T } | undefined
  try {
    await database.transaction(async (transaction) => {
      const query = transaction.query.bind(transaction)
      const records = new RecordLookups({ query, quick: query })
      outcome = { result: await work({ records, writer: new RehearsedWrites(transaction) }) }
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

/** Each write in a savepoint of its own, one after the other: what is refused leaves the others as they are. */
class RehearsedWrites implements Writes {
  readonly #transaction: Transaction
  #last: Promise<unknown> = Promise.resolve()

  constructor(transaction: Transaction) {
    this.#transaction = transaction
  }

  async write(request: WriteRequest): Promise<Written> {
    const [outcome] = await this.writeTogether([request])
    if (outcome === undefined) throw new Error('a write had no outcome')
    if (outcome instanceof ScimError) throw outcome
    return outcome
  }

  writeTogether(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]> {
    const written = this.#last.then(() => this.#write(requests))
    this.#last = written.catch(() => undefined)
    return written
  }

  async #write(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]> {
    const jobs = requests.map((request): Job => ({ ...request, settle: () => undefined }))
    try {
      return await this.#transaction.savepoint(async () => {
        const outcomes = await new BatchWrite(this.#transaction, nowhere, jobs).run()
        holdTogether(outcomes)
        return jobs.flatMap((job) => outcomes.get(job) ?? [])
      })
    } catch (error) {
      if (error instanceof TornApart) return jobs.map((job) => error.errorOf(job))
      throw error
    }
  }
}
