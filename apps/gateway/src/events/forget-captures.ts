import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { isConnectionLoss } from '#libs/postgres/index'
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
  #timer: NodeJS.Timeout | undefined
  #forgetting: Promise<void> | undefined

  constructor(@Inject(GATEWAY_PARTS) parts: ForgetParts, @Inject(CAPTURES) captures: Captures) {
    this.#parts = parts
    this.#captures = captures
  }

  onModuleInit(): void {
    const look = (): void => {
      this.#forgetting ??= this.#forget().finally(() => (this.#forgetting = undefined))
    }
    look()
    this.#timer = setInterval(look, lookEvery)
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#forgetting, this.#captures.settled()])
  }

  async #forget(): Promise<void> {
    const { clock, captureRetention, logger } = this.#parts
    try {
      await this.#captures.purge(new Date(clock().getTime() - captureRetention))
    } catch (error) {
      if (!isConnectionLoss(error)) logger.error({ err: error }, 'captured requests could not be forgotten')
    }
  }
}
