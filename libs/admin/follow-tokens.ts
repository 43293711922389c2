import { Inject, type Type } from '@nestjs/common'
import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { KNOWN_TOKENS } from './hear-tokens.ts'
import type { KnownTokens } from './store/known-tokens.ts'

/** The controller by which a service's consumer group keeps what it knows of admin tokens. */
export function followTokens(transport: symbol): Type {
  @Follows()
  class FollowTokens {
    readonly #tokens: KnownTokens

    constructor(@Inject(KNOWN_TOKENS) tokens: KnownTokens) {
      this.#tokens = tokens
    }

    @EventPattern('admin-token.*', transport)
    apply(events: readonly Heard<'admin-token.*'>[], { transaction }: EventBatch): Promise<void> {
      return this.#tokens.apply(transaction, events)
    }

    @EventPattern('admin-token-digest.*', transport)
    renew(events: readonly Heard<'admin-token-digest.*'>[], { transaction }: EventBatch): Promise<void> {
      return this.#tokens.renew(transaction, events)
    }
  }
  return FollowTokens
}
