import { Inject } from '@nestjs/common'
import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { Detective } from '../detective.ts'
import { AUDIT } from '../names.ts'
import { storeDecisions } from '../store/records.ts'

/** Writes the trail: one record of every request that was decided. What it did not hold yet is held against the rules of detections. */
@Follows()
export class FollowDecisions {
  readonly #detective: Detective

  constructor(@Inject(Detective) detective: Detective) {
    this.#detective = detective
  }

  @EventPattern('request.decided', AUDIT)
  async record(events: readonly Heard<'request.decided'>[], { transaction }: EventBatch): Promise<void> {
    await this.#detective.decided(transaction, await storeDecisions(transaction, events))
  }
}
