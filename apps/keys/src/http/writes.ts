import { Inject, Injectable } from '@nestjs/common'
import { type About, aboutNothing, type AdminCall } from '#libs/admin/index'
import { type AnyEvent, isAnnounced } from '#libs/events/index'
import { problems } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { announce, noticesCounted } from '../announce.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { findAnswer, holdKey, keepAnswer } from '../store/answers.ts'
import { readIdempotencyKey, type Replayable } from './idempotency.ts'

type Reach = ReturnType<KeysParts['reaches']>

/** What a write did. `body` is answered, and kept for repetition where the call has an Idempotency-Key: no secret belongs there. */
export interface Written<Body> {
  readonly about: Partial<About>
  readonly events: readonly AnyEvent[]
  readonly changed?: readonly string[]
  readonly body: Body
}

/** Runs the writes of the admin API, all alike: one transaction with the state, its events, the call's record and the kept answer. */
@Injectable()
export class Writes {
  readonly #parts: KeysParts
  readonly #countNotices: (events: readonly AnyEvent[]) => void

  constructor(@Inject(KEYS_PARTS) parts: KeysParts) {
    this.#parts = parts
    this.#countNotices = noticesCounted(parts.telemetry)
  }

  /**
   * Does the work once for each Idempotency-Key of a tenant ('' where the address names none; undefined where none is heeded), or gives the first
   * answer again. Refusals are not kept: they changed nothing, and the corrected request may use the same key.
   * `repeated` tells the two apart.
   */
  async run<Body extends Replayable>(
    call: AdminCall,
    tenant: string | undefined,
    work: (manager: EntityManager, now: Date) => Promise<Written<Body>>,
  ): Promise<{ body: Body; repeated: boolean }> {
    const key = tenant === undefined ? undefined : readIdempotencyKey(call)
    const { entities, log, channel, reaches, clock } = this.#parts
    const now = clock()
    const { recorded, ...answer } = await entities.transaction(async (manager, transaction) => {
      if (key !== undefined && tenant !== undefined) {
        if (!(await holdKey(manager, tenant, key.text))) throw problems.idempotencyKeyInUse()
        const kept = await findAnswer<{ about: About; body: Body }>(manager, tenant, key.text, now)
        if (kept !== undefined) {
          if (!key.fingerprint.equals(kept.fingerprint)) throw problems.idempotencyKeyReused()
          call.about = kept.answer.about
          return { body: kept.answer.body, repeated: true, recorded: false }
        }
      }
      const { about, events, changed = [], body } = await work(manager, now)
      call.about = { ...aboutNothing, ...about }
      const outcome = {
        status: call.status,
        code: null,
        detail: null,
        events: events.map((event) => event.id),
        changed,
      }
      log.append(transaction, [...events, call.decided(outcome, clock())])
      transaction.afterCommit(() => {
        announce(channel, events)
        this.#countNotices(events)
        warnOfSilence(call, events, reaches())
      })
      if (key !== undefined && tenant !== undefined) {
        await keepAnswer(
          manager,
          tenant,
          key.text,
          { fingerprint: key.fingerprint, answer: { about: call.about, body } },
          now,
        )
      }
      return { body, repeated: false, recorded: true }
    })
    call.recorded = recorded
    return answer
  }
}

/** What is taken away is told on the channel too. */
function warnOfSilence(call: AdminCall, events: readonly AnyEvent[], { log, channel }: Reach): void {
  if (log || events.length === 0) return
  if (!events.some(isAnnounced)) call.warn('Done, but gateways hear of it only when Kafka can be reached again.')
  else if (!channel) {
    call.warn(
      'Done, but neither Kafka nor Redis can be reached from here: within 5 seconds a gateway that is cut off from both accepts no key at all, until Kafka is back and it has heard of this; one that is not hears of it when either can be reached from here.',
    )
  }
}
