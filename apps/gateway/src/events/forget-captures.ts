import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { Captures } from '../store/captures.ts'

/** Milliseconds. */
const lookEvery = 15 * 60_000

/** Forgets captured requests once they are older than they may be; every gateway does, and there is no harm in that. */
@Injectable()
export class ForgetCaptures implements OnModuleInit, OnModuleDestroy {
  readonly #parts: GatewayParts
  readonly #captures: Captures
  #timer: NodeJS.Timeout | undefined
  #forgetting: Promise<void> = Promise.resolve()

  constructor(@Inject(GATEWAY_PARTS) parts: GatewayParts, captures: Captures) {
    this.#parts = parts
    this.#captures = captures
  }

  onModuleInit(): void {
    this.#forget()
    this.#timer = setInterval(() => this.#forget(), lookEvery)
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#forgetting, this.#captures.settled()])
  }

  #forget(): void {
    const { clock, captureRetention } = this.#parts
    // While Postgres is away there is another time.
    this.#forgetting = this.#captures.purge(new Date(clock().getTime() - captureRetention)).catch(() => undefined)
  }
}
