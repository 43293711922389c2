import { Inject } from '@nestjs/common'
import { EventPattern, Follows, type Heard, type HeardBatch } from '#libs/eventlog/nest/index'
import type { AnyEvent } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import { exposures } from '../exposure.ts'
import { usesIn } from '../last-use.ts'
import { latestTokenUses } from '../token-use.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { schemaUses } from '../schema-use.ts'
import { holdConnections, holdKeys } from '../store/hold-keys.ts'
import { markExposed } from '../store/mark-exposed.ts'
import { lookAtFirstUses, recordUses } from '../store/record-uses.ts'
import { renewDigests } from '../store/renew-digests.ts'
import { recordSchemaUses } from '../store/schema-uses.ts'
import { recordTokenUses } from '../store/token-uses.ts'

/** The keys service's consumer group, and the transport under which it hears of events. */
export const keysGroup = 'keys'
export const KEYS = Symbol(keysGroup)

const isDecided = (event: AnyEvent) => event.name === 'request.decided'
const isRenewal = (event: AnyEvent) => event.name === 'key-digest.renewed'

@Follows()
export class FollowRequests {
  readonly #parts: KeysParts

  constructor(@Inject(KEYS_PARTS) parts: KeysParts) {
    this.#parts = parts
  }

  @EventPattern('key-digest.*', KEYS)
  async digests(events: readonly Heard<'key-digest.*'>[], { transaction, events: all }: HeardBatch): Promise<void> {
    await this.#hold(transaction, all)
    await renewDigests(transaction, events, this.#parts.peppers)
  }

  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction, events: all }: HeardBatch): Promise<void> {
    await this.#hold(transaction, all)
    const now = this.#parts.clock()
    const seen = exposures(events, now)
    if (seen.length > 0) this.#parts.log.append(transaction, await markExposed(transaction, seen))
    const uses = usesIn(events, now)
    await Promise.all([
      recordUses(transaction, uses),
      recordSchemaUses(transaction, schemaUses(events)),
      recordTokenUses(transaction, latestTokenUses(events, now)),
      lookAtFirstUses(transaction, uses),
    ])
  }

  /**
   * Locks what the whole batch needs, in the order in which people's acts do, so that neither waits for the other in a circle: connections, then keys.
   * The next looks, which come after these, are the last to be written.
   */
  async #hold(transaction: Transaction, events: readonly AnyEvent[]): Promise<void> {
    const requests = events.filter(isDecided)
    const digests = events.filter(isRenewal).map(({ payload }) => payload)
    await holdConnections(transaction, schemaUses(requests))
    await holdKeys(transaction, [...digests, ...exposures(requests, this.#parts.clock())])
  }
}
