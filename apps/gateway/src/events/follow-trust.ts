import { Ctx, EventPattern, Payload } from '@nestjs/microservices'
import type { AnyEvent } from '#libs/events/index'
import type { EventBatch } from '#libs/eventlog/index'
import { Follows } from '#libs/eventlog/nest/index'
import { KnownTrust } from '../store/known-trust.ts'

/** Transport id and consumer group of the gateway. */
export const GATEWAY = Symbol('gateway')

@Follows()
export class FollowTrust {
  readonly #trust: KnownTrust

  constructor(trust: KnownTrust) {
    this.#trust = trust
  }

  @EventPattern('connection.*', GATEWAY)
  connections(@Payload() events: readonly AnyEvent[], @Ctx() batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }

  @EventPattern('key.*', GATEWAY)
  keys(@Payload() events: readonly AnyEvent[], @Ctx() batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }
}
