import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import type { Currency } from '../currency.ts'
import { GATEWAY_PARTS } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'

/** Milliseconds; with the way of the event to the gateway that applies it, every gateway knows within a second. */
const lookEvery = 250

/**
 * Keeps a gateway's memory in step with what other gateways have applied, and forgets all of it after a time in which revocations were not known. While
 * Postgres is away there is nothing to be in step with.
 */
@Injectable()
export class WatchChanges implements OnModuleInit, OnModuleDestroy {
  readonly #trust: KnownTrust
  readonly #currency: Currency
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(@Inject(GATEWAY_PARTS) { currency }: { readonly currency: Currency }, trust: KnownTrust) {
    this.#trust = trust
    this.#currency = currency
  }

  onModuleInit(): void {
    this.#currency.onRegained(() => this.#trust.forgetAll())
    this.#timer = setInterval(() => {
      this.#currency.look()
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
