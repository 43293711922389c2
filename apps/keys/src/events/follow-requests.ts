import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { usesIn } from '../last-use.ts'
import { schemaUses } from '../schema-use.ts'
import { lookAtFirstUses, recordUses } from '../store/record-uses.ts'
import { recordSchemaUses } from '../store/schema-uses.ts'

/** The keys service's consumer group, and the transport under which it hears of events. */
export const keysGroup = 'keys'
export const KEYS = Symbol(keysGroup)

@Follows()
export class FollowRequests {
  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction }: EventBatch): Promise<void> {
    const uses = usesIn(events)
    await Promise.all([
      recordUses(transaction, uses),
      recordSchemaUses(transaction, schemaUses(events)),
      lookAtFirstUses(transaction, uses),
    ])
  }
}
