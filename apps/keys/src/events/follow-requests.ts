import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { latestUses } from '../last-use.ts'
import { latestTokenUses } from '../token-use.ts'
import { schemaUses } from '../schema-use.ts'
import { recordUses } from '../store/record-uses.ts'
import { recordSchemaUses } from '../store/schema-uses.ts'
import { recordTokenUses } from '../store/token-uses.ts'

/** The keys service's consumer group, and the transport under which it hears of events. */
export const keysGroup = 'keys'
export const KEYS = Symbol(keysGroup)

@Follows()
export class FollowRequests {
  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction }: EventBatch): Promise<void> {
    await Promise.all([recordUses(transaction, latestUses(events)), recordSchemaUses(transaction, schemaUses(events))])
    await recordTokenUses(transaction, latestTokenUses(events))
  }
}
