import type { AnyEvent } from '#libs/events/index'
import type { EventLog } from '#libs/eventlog/index'
import { problems } from '#libs/http/index'
import { type Appending, isTransient, type Queryable, retryTransient } from '#libs/postgres/index'
import { type About, aboutNothing, type AdminCall, type Outcome } from './admin-call.ts'
import type { Replayable } from './idempotency.ts'
import { type Answered, KeptAnswers } from './store/kept-answers.ts'

/** What a write did to what one tenant has. */
export interface Share {
  readonly about: Partial<About>
  readonly events: readonly AnyEvent[]
  readonly changed?: readonly string[]
}

/** What a write did. `body` is answered, and kept for repetition where the call has an Idempotency-Key: no secret belongs there. */
export interface Written<Body> extends Share {
  /** Where it touched what several tenants have: the share of each, which has a record of its own within that of the call. The events are among those of the whole. */
  readonly shares?: readonly Share[]
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
   * again; `repeated` tells the two apart. A transaction that a deadlock or a serialization failure ended is begun anew, `work` with it, which
   * must do nothing outside of the transaction but what the next run of it overwrites.
   * @throws Problem `unavailable` where that goes on
   */
  async run<Body extends Replayable>(
    call: AdminCall,
    tenant: string | undefined,
    work: (context: Context, now: Date) => Promise<Written<Body>>,
  ): Promise<Answered<Body>> {
    const { made } = call
    const answered = await retryTransient(() => {
      call.made = made
      return this.#once(call, tenant, work)
    }).catch((error: unknown) => {
      throw isTransient(error) ? inTheWay() : error
    })
    call.recorded = !answered.repeated
    return answered
  }

  #once<Body extends Replayable>(
    call: AdminCall,
    tenant: string | undefined,
    work: (context: Context, now: Date) => Promise<Written<Body>>,
  ): Promise<Answered<Body>> {
    const { open, log, clock, committed } = this.#parts
    const now = clock()
    return open((context, transaction) =>
      this.#kept.within(transaction, call, tenant, now, async () => {
        const { shares = [], tag, body, ...whole } = await work(context, now)
        const { events } = whole
        call.tag = tag
        call.about = { ...aboutNothing, ...whole.about }
        const end = clock()
        const records = shares.map((share) => call.decidedWithin(share.about, outcomeOf(call, share), end))
        log.append(transaction, [...events, call.decided(outcomeOf(call, whole), end), ...records])
        transaction.afterCommit(() => committed?.(call, events))
        return body
      }),
    )
  }
}

function outcomeOf({ status }: AdminCall, { events, changed = [] }: Share): Outcome {
  return { status, code: null, detail: null, events: events.map(({ id }) => id), changed }
}

function inTheWay() {
  return problems.unavailable(
    'Others were changing the same at the same time, again and again. Nothing was changed. Send the request again.',
    1,
  )
}
