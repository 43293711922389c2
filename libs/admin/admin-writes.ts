import type { AnyEvent } from '#libs/events/index'
import type { EventLog } from '#libs/eventlog/index'
import type { Appending, Queryable } from '#libs/postgres/index'
import { type About, aboutNothing, type AdminCall } from './admin-call.ts'
import type { Replayable } from './idempotency.ts'
import { type Answered, KeptAnswers } from './kept-answers.ts'

/** What a write did. `body` is answered, and kept for repetition where the call has an Idempotency-Key: no secret belongs there. */
export interface Written<Body> {
  readonly about: Partial<About>
  readonly events: readonly AnyEvent[]
  readonly changed?: readonly string[]
  /** The entity tag of what is there now, for an answer that shows it. */
  readonly tag?: string
  readonly body: Body
}

export interface AdminWritesParts<Context> {
  /** Runs work in one transaction; `context` is what the service's own statements go through. */
  readonly open: <T>(work: (context: Context, transaction: Appending & Queryable) => Promise<T>) => Promise<T>
  /** Has the table of `AnsweredTables`. */
  readonly schema: string
  readonly log: Pick<EventLog, 'append'>
  readonly clock: () => Date
  /** Told of what was done, once that is durable and before it is answered. */
  readonly committed?: (call: AdminCall, events: readonly AnyEvent[]) => void
}

/** Runs the writes of an admin API, all alike: one transaction with the state, its events, the call's record and the kept answer. */
export class AdminWrites<Context> {
  readonly #parts: AdminWritesParts<Context>
  readonly #kept: KeptAnswers

  constructor(parts: AdminWritesParts<Context>) {
    this.#parts = parts
    this.#kept = new KeptAnswers(parts.schema)
  }

  /**
   * Does the work once for each Idempotency-Key of a tenant, as `KeptAnswers` says (undefined where none is heeded), or gives the first answer
   * again; `repeated` tells the two apart.
   */
  async run<Body extends Replayable>(
    call: AdminCall,
    tenant: string | undefined,
    work: (context: Context, now: Date) => Promise<Written<Body>>,
  ): Promise<Answered<Body>> {
    const { open, log, clock, committed } = this.#parts
    const now = clock()
    const answered = await open((context, transaction) =>
      this.#kept.within(transaction, call, tenant, now, async () => {
        const { about, events, changed = [], tag, body } = await work(context, now)
        call.tag = tag
        call.about = { ...aboutNothing, ...about }
        const ids = events.map((event) => event.id)
        const outcome = { status: call.status, code: null, detail: null, events: ids, changed }
        log.append(transaction, [...events, call.decided(outcome, clock())])
        transaction.afterCommit(() => committed?.(call, events))
        return body
      }),
    )
    call.recorded = !answered.repeated
    return answered
  }
}
