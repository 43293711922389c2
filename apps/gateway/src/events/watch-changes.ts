import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { every, type Repeating } from '#libs/timing/index'
import type { Currency } from '../currency.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { KnownTrust } from '../store/known-trust.ts'

/** Milliseconds; with the way of the event to the gateway that applies it, every gateway knows within a second. */
const lookEvery = 250
/** Milliseconds, after which keys that are new here are looked up whatever else is. */
const hearEvery = 10_000

interface WatchParts extends Pick<GatewayParts, 'logger' | 'onFailure'> {
  readonly currency: Pick<Currency, 'look' | 'onRegained'>
}

/**
 * Keeps a gateway's memory in step with what other gateways have applied, and forgets all of it after a time in which revocations were not known. While
 * Postgres is away there is nothing to be in step with.
 */
@Injectable()
export class WatchChanges implements OnModuleInit, OnModuleDestroy {
  readonly #trust: KnownTrust
  readonly #parts: WatchParts
  #watching: readonly Repeating[] = []

  constructor(@Inject(GATEWAY_PARTS) parts: WatchParts, trust: KnownTrust) {
    this.#parts = parts
    this.#trust = trust
  }

  onModuleInit(): void {
    const { currency, logger, onFailure } = this.#parts
    const failed = (error: unknown): void =>
      logger.error({ err: error }, 'whether revocations are known could not be looked at')
    currency.onRegained(() => this.#trust.forgetAll())
    // Apart: the first waits for no Postgres.
    this.#watching = [
      every(lookEvery, () => currency.look(), failed),
      every(lookEvery, () => this.#trust.lookForChanges(), onFailure),
      every(hearEvery, () => this.#trust.hear(), onFailure, { atOnce: true }),
    ]
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.#watching.map((watch) => watch.end()))
  }
}
