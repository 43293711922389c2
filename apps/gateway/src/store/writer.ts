import type { EventLog } from '#libs/eventlog/index'
import {
  type Database,
  fellSilent,
  isConnectionLoss,
  isTransient,
  isUniqueViolation,
  Lanes,
} from '#libs/postgres/index'
import { errors, ScimError } from '#libs/scim/index'
import { Batches } from './batches.ts'
import { BatchWrite } from './batch-write.ts'
import type { RecordWrites, Stage, WriteRequest, Written } from '../record-store.ts'
import { gatewaySchema } from '../names.ts'
import { type Job, userNameTaken } from './job.ts'
import { rehearse } from './rehearsal.ts'

export interface WriterOptions {
  readonly database: Database
  readonly log: EventLog
  readonly onFailure: (error: unknown) => void
}

const attempts = 6
/** Commands that wait for a slow database at the most; more are answered 503. */
const mostWaiting = 10_000

/**
 * Writes commands in batches, each batch one transaction that holds records, memberships, uniqueness, lifecycle
 * events and the requests' decisions. Commands of one user or group are written in the order in which they came.
 */
export class Writer implements RecordWrites {
  readonly #options: WriterOptions
  readonly #batches: Batches<Job>
  readonly #lanes: Lanes

  constructor(options: WriterOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.database, gatewaySchema)
    this.#batches = new Batches({ largest: 128, parallel: 3, run: (batch) => this.#run(batch) })
  }

  write(request: WriteRequest): Promise<Written> {
    if (this.#batches.waiting >= mostWaiting) return Promise.reject(errors.unavailable(1))
    return new Promise((resolve, reject) => {
      const settle = (outcome: Written | ScimError): void =>
        outcome instanceof ScimError ? reject(outcome) : resolve(outcome)
      this.#batches.add({ ...request, keys: [subjectOf(request)], settle })
    })
  }

  async rehearse<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await rehearse(this.#options.database, work)
      } catch (error) {
        if (!isTransient(error) || attempt === attempts) throw this.#refusal(error)
        await beforeAnother(attempt)
      }
    }
  }

  async #run(batch: readonly Job[]): Promise<void> {
    const failure = await this.#attempt(batch)
    if (failure === undefined) return
    // Whoever waits behind this batch would wait as long again.
    if (fellSilent(failure)) for (const job of this.#batches.drop()) job.settle(errors.unavailable(2))
    if (batch.length > 1 && !isConnectionLoss(failure)) {
      for (const job of batch) await this.#alone(job)
    } else {
      for (const job of batch) await this.#alone(job, failure)
    }
  }

  /** One command in a transaction of its own, so that what is wrong with it costs no other. */
  async #alone(job: Job, known?: unknown): Promise<void> {
    let failure = known ?? (await this.#attempt([job]))
    for (let attempt = 1; failure !== undefined && isTransient(failure) && attempt < attempts; attempt++) {
      await beforeAnother(attempt)
      failure = await this.#attempt([job])
    }
    if (failure !== undefined) job.settle(this.#refusal(failure))
  }

  /** Settles every job of the batch, or none and returns why. */
  async #attempt(batch: readonly Job[]): Promise<unknown> {
    let outcomes = new Map<Job, Written | ScimError>()
    const ending = await this.#lanes.transaction(async (transaction) => {
      outcomes = await new BatchWrite(transaction, this.#options.log, batch).run()
    }, 'a request waits')
    if (ending.kind === 'committed') {
      for (const [job, outcome] of outcomes) job.settle(outcome)
      return undefined
    }
    // A refused command has no decision in the transaction.
    if (ending.kind === 'in doubt') {
      for (const [job, outcome] of outcomes) if (!(outcome instanceof ScimError)) job.inDoubt(ending.doubt)
    }
    return ending.failure
  }

  #refusal(failure: unknown): ScimError {
    if (failure instanceof ScimError) return failure
    if (isUniqueViolation(failure, 'scim_user_name')) return userNameTaken()
    if (isConnectionLoss(failure)) {
      this.#options.onFailure(failure)
      return errors.unavailable(2)
    }
    if (isUnstorable(failure)) {
      return errors.invalidValue(
        'A value holds the character U+0000, which cannot be stored. Remove it and send the request again.',
      )
    }
    this.#options.onFailure(failure)
    return isTransient(failure) ? errors.unavailable(1) : errors.internal()
  }
}

function beforeAnother(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * attempt))
}

/** New users of one spelling of a name come one after the other, so that they do not wait for each other in the database; the index decides between all. */
function subjectOf({ type, command, principal }: WriteRequest): string {
  const id =
    command.kind === 'create' && type.name === 'User' ? `name ${String(command.document['userName'])}` : command.id
  return `${principal.connection} ${type.name} ${id}`
}

/** Postgres refuses U+0000 in text and jsonb. */
function isUnstorable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '22P05' || error.code === '22021')
}
