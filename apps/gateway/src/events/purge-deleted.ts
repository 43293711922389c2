import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { KeptAnswers } from '#libs/admin/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { every, type Repeating } from '#libs/timing/index'
import { DELETED_RECORDS, type DeletedRecords } from '../deleted.ts'
import { gatewaySchema } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { forgetMadeUp } from '../store/trust-writes.ts'

/** Milliseconds. */
const lookEvery = 60_000
const kept = new KeptAnswers(gatewaySchema)

type PurgeParts = Pick<GatewayParts, 'clock' | 'currency' | 'database' | 'deletedRetention' | 'logger'>

/** Removes for good what was deleted longer ago than it is kept, and what was made up, every minute, at each gateway. */
@Injectable()
export class PurgeDeleted implements OnModuleInit, OnModuleDestroy {
  readonly #parts: PurgeParts
  readonly #deleted: DeletedRecords
  #purging: Repeating | undefined

  constructor(@Inject(GATEWAY_PARTS) parts: PurgeParts, @Inject(DELETED_RECORDS) deleted: DeletedRecords) {
    this.#parts = parts
    this.#deleted = deleted
  }

  onModuleInit(): void {
    // Each part of it tells of its own failure.
    this.#purging = every(
      lookEvery,
      () => this.#purge(),
      () => undefined,
      { atOnce: true },
    )
  }

  async onModuleDestroy(): Promise<void> {
    await this.#purging?.end()
  }

  async #purge(): Promise<void> {
    const { clock, currency, database, deletedRetention, logger } = this.#parts
    const before = new Date(clock().getTime() - deletedRetention)
    await this.#tried('users and groups deleted long ago could not be removed', async () => {
      const purged = await this.#deleted.purge(before)
      if (purged > 0) logger.info({ purged }, 'users and groups that were deleted long ago are removed for good')
    })
    await this.#tried('what connections brought that were deleted long ago could not be removed', async () => {
      const connections = await this.#deleted.purgeConnections(before)
      if (connections > 0)
        logger.info({ connections }, 'what connections brought that were deleted long ago is removed')
    })
    // Answers about people who were restored name them.
    await this.#tried('answers kept for repeated calls of the admin API could not be forgotten', () =>
      kept.forget(database, clock()),
    )
    await this.#tried('connections that never were could not be forgotten', async () => {
      const { provenUpTo } = currency
      const madeUp = provenUpTo === undefined ? 0 : await forgetMadeUp(database, provenUpTo)
      if (madeUp > 0) logger.warn({ madeUp }, 'the channel told of connections that never were')
    })
  }

  async #tried(failure: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isConnectionLoss(error)) this.#parts.logger.error({ err: error }, failure)
    }
  }
}
