import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { isConnectionLoss } from '#libs/postgres/index'
import { every, type Repeating } from '#libs/timing/index'
import { CAPTURES, type Captures } from '../capture.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'

/** Milliseconds. */
const lookEvery = 15 * 60_000

type ForgetParts = Pick<GatewayParts, 'clock' | 'captureRetention' | 'logger'>

/** Forgets captured requests once they are older than they may be; every gateway does, and there is no harm in that. */
@Injectable()
export class ForgetCaptures implements OnModuleInit, OnModuleDestroy {
  readonly #parts: ForgetParts
  readonly #captures: Captures
  #forgetting: Repeating | undefined

  constructor(@Inject(GATEWAY_PARTS) parts: ForgetParts, @Inject(CAPTURES) captures: Captures) {
    this.#parts = parts
    this.#captures = captures
  }

  onModuleInit(): void {
    const { logger } = this.#parts
    const failed = (error: unknown): void => {
      if (!isConnectionLoss(error)) logger.error({ err: error }, 'captured requests could not be forgotten')
    }
    this.#forgetting = every(lookEvery, () => this.#forget(), failed, { atOnce: true })
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#forgetting?.end(), this.#captures.settled()])
  }

  async #forget(): Promise<void> {
    const { clock, captureRetention } = this.#parts
    await this.#captures.purge(new Date(clock().getTime() - captureRetention))
  }
}
