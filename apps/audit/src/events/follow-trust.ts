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

  /** By rotations alone: all that makes an old key one that should not be used any more, and undoes it, is told in order of the one that replaces it. */
  @EventPattern('rotation.*', AUDIT)
  async rotations(events: readonly Heard<'rotation.*'>[], { transaction }: EventBatch): Promise<void> {
    for (const { name, payload, time } of events) {
      switch (name) {
        case 'rotation.cut-over':
          await this.#detective.replaced(transaction, payload.from, payload.tenant, new Date(payload.firstUse.at))
          break
        case 'rotation.finished':
        case 'rotation.cancelled':
          await this.#detective.notReplaced(transaction, payload.from, new Date(time))
          break
        case 'rotation.started':
        case 'rotation.extended':
        case 'rotation.notice':
      }
    }
  }

  @EventPattern('connection.*', AUDIT)
  async connections(events: readonly Heard<'connection.*'>[], { transaction }: EventBatch): Promise<void> {
    for (const { name, payload, time } of events) {
      if (name === 'connection.deleted') await this.#detective.connectionGone(transaction, payload.connection)
      else await this.#detective.connectionIs(transaction, payload, new Date(time))
    }
  }
}
