import { Inject } from '@nestjs/common'
import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { exposures } from '../exposure.ts'
import { usesIn } from '../last-use.ts'
import { latestTokenUses } from '../token-use.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { schemaUses } from '../schema-use.ts'
import { markExposed } from '../store/mark-exposed.ts'
import { lookAtFirstUses, recordUses } from '../store/record-uses.ts'
import { renewDigests } from '../store/renew-digests.ts'
import { recordSchemaUses } from '../store/schema-uses.ts'
import { recordTokenUses } from '../store/token-uses.ts'

/** The keys service's consumer group, and the transport under which it hears of events. */
export const keysGroup = 'keys'
export const KEYS = Symbol(keysGroup)

@Follows()
export class FollowRequests {
  readonly #parts: KeysParts

  constructor(@Inject(KEYS_PARTS) parts: KeysParts) {
    this.#parts = parts
  }

  /** The first to be called of a batch: it locks keys, and `apply` ends with the next looks, which are locked after them. */
  @EventPattern('key-digest.*', KEYS)
  digests(events: readonly Heard<'key-digest.*'>[], { transaction }: EventBatch): Promise<void> {
    return renewDigests(transaction, events, this.#parts.peppers)
  }

  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction }: EventBatch): Promise<void> {
    const now = this.#parts.clock()
    const seen = exposures(events, now)
    if (seen.length > 0) this.#parts.log.append(transaction, await markExposed(transaction, seen))
    const uses = usesIn(events, now)
    await Promise.all([
      recordUses(transaction, uses),
      recordSchemaUses(transaction, schemaUses(events)),
      lookAtFirstUses(transaction, uses),
    ])
    await recordTokenUses(transaction, latestTokenUses(events, now))
  }
}
