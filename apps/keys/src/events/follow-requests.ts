import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { latestUses } from '../last-use.ts'
import { recordUses } from '../store/record-uses.ts'

/** The transport under which the keys service hears of events. */
export const KEYS = Symbol('keys')

@Follows()
export class FollowRequests {
  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction }: EventBatch): Promise<void> {
    await recordUses(transaction, latestUses(events))
  }
}
