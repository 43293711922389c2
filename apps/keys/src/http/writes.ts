import { Inject, Injectable } from '@nestjs/common'
import { type AdminCall, AdminWrites, KeptAnswers } from '#libs/admin/index'
import { type AnyEvent, isAnnounced } from '#libs/events/index'
import { problems } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { announce, noticesCounted } from '../announce.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { keysSchema } from '../store/entities.ts'

type Reach = ReturnType<KeysParts['reaches']>

/** The writes of the keys service: what they take away is announced at once, and who writes is warned where nobody hears of it. */
@Injectable()
export class Writes extends AdminWrites<EntityManager> {
  readonly #parts: KeysParts
  readonly #kept = new KeptAnswers(keysSchema)

  constructor(@Inject(KEYS_PARTS) parts: KeysParts) {
    const { entities, log, clock, channel, reaches } = parts
    const countNotices = noticesCounted(parts.telemetry)
    super({
      open: (work) => entities.transaction(work),
      schema: keysSchema,
      log,
      clock,
      committed(call, events) {
        announce(channel, events)
        countNotices(events)
        warnOfSilence(call, events, reaches())
      },
    })
    this.#parts = parts
  }

  /**
   * Waits until it is known which requests were decided before this call, unless its answer is kept already. `unknown`
   * tells a person what is not known, and `instead` what never waits.
   * @throws Problem `unavailable` when that takes too long
   */
  async hearOfUses(call: AdminCall, tenant: string, unknown: string, instead = ''): Promise<void> {
    const { database, clock, hasHeardUntil, longestWait } = this.#parts
    if (await this.#kept.has(database, call, tenant, clock())) return
    if (await hasHeardUntil(clock())) return
    throw problems.unavailable(
      `${unknown} is not known at the moment: what gateways and keys services have told until now has not all been heard of here within ${longestWait / 1_000} seconds. Nothing was changed. Try again in a few seconds: it takes longer while one of them starts or ends. If it goes on, see what /health/ready of each of them names as away or stalled${instead}.`,
      5,
    )
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
