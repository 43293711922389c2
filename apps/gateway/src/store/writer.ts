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
import { type Job, type Unit, userNameTaken } from './job.ts'
import { rehearse } from './rehearsal.ts'
import { holdTogether, TornApart } from './together.ts'
import { Semaphore } from './semaphore.ts'

export interface WriterOptions {
  readonly database: Database
  readonly log: EventLog
  readonly onFailure: (error: unknown) => void
}

const attempts = 6
/** Commands that wait for a slow database at the most; more are answered 503. */
const mostWaiting = 10_000
/** Of the pool's connections so many may be at rehearsals; others wait so many milliseconds for their turn. */
const rehearsals = 2
const patience = 5_000

/**
 * Writes commands in batches, each batch one transaction that holds records, memberships, uniqueness, lifecycle
 * events and the requests' decisions. Commands of one user or group are written in the order in which they came.
 */
export class Writer implements RecordWrites {
  readonly #options: WriterOptions
  readonly #batches: Batches<Unit>
  readonly #lanes: Lanes
  readonly #rehearsals = new Semaphore(rehearsals, patience)

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
      this.#batches.add({ jobs: [{ ...request, settle }], keys: [subjectOf(request)] })
    })
  }

  async writeTogether(requests: readonly WriteRequest[]): Promise<readonly (Written | ScimError)[]> {
    if (this.#batches.waiting >= mostWaiting) throw errors.unavailable(1)
    const settled = requests.map(() => Promise.withResolvers<Written | ScimError>())
    const jobs = requests.map((request, index): Job => ({
      ...request,
      settle: (outcome) => settled[index]?.resolve(outcome),
    }))
    this.#batches.add({ jobs, keys: requests.map(subjectOf) })
    return Promise.all(settled.map(({ promise }) => promise))
  }

  async rehearse<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
    const giveBack = await this.#rehearsals.take()
    try {
      return await rehearse(this.#options.database, work)
    } catch (error) {
      throw this.#refusal(error)
    } finally {
      giveBack()
    }
  }

  async #run(batch: readonly Unit[]): Promise<void> {
    const [single, several] = [
      batch.filter(({ jobs }) => jobs.length === 1),
      batch.filter(({ jobs }) => jobs.length > 1),
    ]
    if (single.length > 0) await this.#runSingle(single.flatMap(({ jobs }) => jobs))
    for (const { jobs } of several) await this.#alone(jobs)
  }

  async #runSingle(batch: readonly Job[]): Promise<void> {
    const failure = await this.#attempt(batch)
    if (failure === undefined) return
    this.#dropAfter(failure)
    if (batch.length > 1 && !isConnectionLoss(failure)) {
      for (const job of batch) await this.#alone([job])
    } else {
      for (const job of batch) await this.#alone([job], failure)
    }
  }

  /** One command, or those that belong together, in a transaction of its own, so that what is wrong with it costs no other. */
  async #alone(jobs: readonly Job[], known?: unknown): Promise<void> {
    const attempt = (): Promise<unknown> => this.#attempt(jobs, jobs.length > 1)
    let failure = known ?? (await attempt())
    for (let made = 1; failure !== undefined && isTransient(failure) && made < attempts; made++) {
      await beforeAnother(made)
      failure = await attempt()
    }
    if (failure === undefined) return
    if (jobs.length > 1) this.#dropAfter(failure)
    for (const job of jobs) job.settle(failure instanceof TornApart ? failure.errorOf(job) : this.#refusal(failure))
  }

  /** Whoever waits behind a database that fell silent would wait as long again. */
  #dropAfter(failure: unknown): void {
    if (!fellSilent(failure)) return
    for (const { jobs } of this.#batches.drop()) for (const job of jobs) job.settle(errors.unavailable(2))
  }

  /** Settles every job of the batch, or none and returns why. */
  async #attempt(batch: readonly Job[], together = false): Promise<unknown> {
    let outcomes = new Map<Job, Written | ScimError>()
    const ending = await this.#lanes.transaction(async (transaction) => {
      outcomes = await new BatchWrite(transaction, this.#options.log, batch).run()
      if (together) holdTogether(outcomes)
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
