import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { GATEWAY } from '../names.ts'
import { KnownTrust } from '../store/known-trust.ts'

/** Keeps the gateway's own knowledge of connections and keys. */
@Follows()
export class FollowTrust {
  readonly #trust: KnownTrust

  constructor(trust: KnownTrust) {
    this.#trust = trust
  }

  @EventPattern('connection.*', GATEWAY)
  connections(events: readonly Heard<'connection.*'>[], batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }

  @EventPattern('key.*', GATEWAY)
  keys(events: readonly Heard<'key.*'>[], batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }
}
