import type { Database, Transaction } from '#libs/postgres/index'
import { ScimError } from '#libs/scim/index'
import type { RecordWrites, Stage, WriteRequest, Written } from '../record-store.ts'
import { BatchWrite } from './batch-write.ts'
import type { Job } from './job.ts'
import { RecordLookups } from './records.ts'

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
class RehearsedWrites implements Pick<RecordWrites, 'write'> {
  readonly #transaction: Transaction
  #last: Promise<unknown> = Promise.resolve()

  constructor(transaction: Transaction) {
    this.#transaction = transaction
  }

  write(request: WriteRequest): Promise<Written> {
    const written = this.#last.then(() => this.#transaction.savepoint(() => this.#write(request)))
    this.#last = written.catch(() => undefined)
    return written
  }

  async #write(request: WriteRequest): Promise<Written> {
    const job: Job = { ...request, keys: [], settle: () => undefined }
    const outcome = (await new BatchWrite(this.#transaction, nowhere, [job]).run()).get(job)
    if (outcome === undefined) throw new Error('a write had no outcome')
    if (outcome instanceof ScimError) throw outcome
    return outcome
  }
}
