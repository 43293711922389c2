import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { GATEWAY } from '../names.ts'
import { KnownDataKeys } from '../store/known-data-keys.ts'
import { KnownTrust } from '../store/known-trust.ts'

/** Keeps the gateway's own knowledge of connections, keys and data keys. */
@Follows()
export class FollowTrust {
  readonly #trust: KnownTrust
  readonly #dataKeys: KnownDataKeys

  constructor(trust: KnownTrust, dataKeys: KnownDataKeys) {
    this.#trust = trust
    this.#dataKeys = dataKeys
  }

  @EventPattern('connection.*', GATEWAY)
  connections(events: readonly Heard<'connection.*'>[], batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }

  @EventPattern('key.*', GATEWAY)
  keys(events: readonly Heard<'key.*'>[], batch: EventBatch): Promise<void> {
    return this.#trust.apply(batch.transaction, events)
  }

  @EventPattern('data-key.*', GATEWAY)
  dataKeys(events: readonly Heard<'data-key.*'>[], batch: EventBatch): Promise<void> {
    return this.#dataKeys.apply(batch.transaction, events)
  }
}
