import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { AUDIT } from '../names.ts'
import { storeDecisions } from '../store/records.ts'

/** Writes the trail: one record of every request that was decided. */
@Follows()
export class FollowDecisions {
  @EventPattern('request.decided', AUDIT)
  async record(events: readonly Heard<'request.decided'>[], { transaction }: EventBatch): Promise<void> {
    await storeDecisions(transaction, events)
  }
}
