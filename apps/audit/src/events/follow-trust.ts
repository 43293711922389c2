import { Inject } from '@nestjs/common'
import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { Detective } from '../detective.ts'
import { AUDIT } from '../names.ts'

/** Knows which keys are to be replaced, and which connections may be silent. */
@Follows()
export class FollowTrust {
  readonly #detective: Detective

  constructor(@Inject(Detective) detective: Detective) {
    this.#detective = detective
  }

  @EventPattern('key.*', AUDIT)
  async keys(events: readonly Heard<'key.*'>[], { transaction }: EventBatch): Promise<void> {
    for (const { name, payload } of events) {
      switch (name) {
        case 'key.retired':
          await this.#detective.retired(transaction, payload)
          break
        case 'key.expired':
        case 'key.cancelled':
        case 'key.revoked':
          await this.#detective.notRetiring(transaction, payload.kid)
          break
        case 'key.minted':
        case 'key.changed':
        case 'key.activated':
        case 'key.exposed':
        case 'key.revealed':
      }
    }
  }

  @EventPattern('connection.*', AUDIT)
  async connections(events: readonly Heard<'connection.*'>[], { transaction }: EventBatch): Promise<void> {
    for (const { name, payload } of events) {
      if (name === 'connection.deleted') await this.#detective.connectionGone(transaction, payload.connection)
      else await this.#detective.connectionIs(transaction, payload)
    }
  }
}
