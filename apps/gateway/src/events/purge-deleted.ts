import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { KeptAnswers } from '#libs/admin/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { every, type Repeating } from '#libs/timing/index'
import { DELETED_RECORDS, type DeletedRecords } from '../deleted.ts'
import { gatewaySchema } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'

/** Milliseconds. */
const lookEvery = 60_000
const kept = new KeptAnswers(gatewaySchema)

type PurgeParts = Pick<GatewayParts, 'clock' | 'currency' | 'database' | 'deletedRetention' | 'logger'>

/** Removes for good what was deleted longer ago than it is kept, and what was made up, every minute; of several gateways one at a time does. */
@Injectable()
export class PurgeDeleted implements OnModuleInit, OnModuleDestroy {
  readonly #parts: PurgeParts
  readonly #deleted: DeletedRecords
  readonly #trust: KnownTrust
  #purging: Repeating | undefined

  constructor(
    @Inject(GATEWAY_PARTS) parts: PurgeParts,
    @Inject(DELETED_RECORDS) deleted: DeletedRecords,
    trust: KnownTrust,
  ) {
    this.#parts = parts
    this.#deleted = deleted
    this.#trust = trust
  }

  onModuleInit(): void {
    const { logger } = this.#parts
    const failed = (error: unknown): void => {
      if (!isConnectionLoss(error))
        logger.error({ err: error }, 'users and groups deleted long ago could not be removed')
    }
    this.#purging = every(lookEvery, () => this.#purge(), failed, { atOnce: true })
  }

  async onModuleDestroy(): Promise<void> {
    await this.#purging?.end()
  }

  async #purge(): Promise<void> {
    const { clock, currency, database, deletedRetention, logger } = this.#parts
    const before = new Date(clock().getTime() - deletedRetention)
    const purged = await this.#deleted.purge(before)
    if (purged > 0) logger.info({ purged }, 'users and groups that were deleted long ago are removed for good')
    const connections = await this.#deleted.purgeConnections(before)
    if (connections > 0) logger.info({ connections }, 'what connections brought that were deleted long ago is removed')
    // Answers about people who were restored name them.
    await kept.forget(database, clock())
    const { provenUpTo } = currency
    const madeUp = provenUpTo === undefined ? 0 : await this.#trust.forgetMadeUp(provenUpTo)
    if (madeUp > 0) logger.warn({ madeUp }, 'the channel told of connections that never were')
  }
}
