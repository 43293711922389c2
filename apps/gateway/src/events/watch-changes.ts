import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { KnownTrust } from '../store/known-trust.ts'

/** Milliseconds; with the way of the event to the gateway that applies it, every gateway knows within a second. */
const lookEvery = 250

/** Keeps a gateway's memory in step with what other gateways have applied. While Postgres is away there is nothing to be in step with. */
@Injectable()
export class WatchChanges implements OnModuleInit, OnModuleDestroy {
  readonly #trust: KnownTrust
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(trust: KnownTrust) {
    this.#trust = trust
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#trust
        .lookForChanges()
        .catch(() => undefined)
        .finally(() => (this.#looking = undefined))
    }, lookEvery)
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }
}
