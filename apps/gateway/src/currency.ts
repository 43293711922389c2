import type { HealthCheck } from '#libs/http/index'

/** Milliseconds for which the gateway goes on by what it knows when it hears nothing any more: within them a revoked key is refused. */
const longestSilence = 5_000

/**
 * Whether the gateway may go by what it knows of keys. Whoever is cut off from everything that could tell of a revocation must not
 * accept a key: it might be revoked.
 */
export class Currency {
  readonly #logCaughtUpAt: () => Date | undefined
  readonly #clock: () => Date
  #channelUnbrokenSince: () => number | undefined = () => undefined

  /** `logCaughtUpAt` answers when all that the event log then held was known here, by the same clock. */
  constructor(logCaughtUpAt: () => Date | undefined, clock: () => Date) {
    this.#logCaughtUpAt = logCaughtUpAt
    this.#clock = clock
  }

  /** From now on the channel of revocations counts too; it answers since when it has missed nothing, in milliseconds of the clock. */
  hear(unbrokenSince: () => number | undefined): void {
    this.#channelUnbrokenSince = unbrokenSince
  }

  /** Whether every key that was minted is known, those of the last 5 seconds excepted. */
  get ofMinted(): boolean {
    const caughtUpAt = this.#logCaughtUpAt()
    return caughtUpAt !== undefined && this.#clock().getTime() - caughtUpAt.getTime() <= longestSilence
  }

  /**
   * Whether every revocation is known, those of the last 5 seconds excepted: from the event log; or, while that is away, from a channel
   * that has missed nothing since before the log was last read to its end.
   */
  get ofRevoked(): boolean {
    if (this.ofMinted) return true
    const caughtUpAt = this.#logCaughtUpAt()
    const since = this.#channelUnbrokenSince()
    return caughtUpAt !== undefined && since !== undefined && since <= caughtUpAt.getTime()
  }
}

/** A gateway that cannot tell which keys are revoked answers 503 to everyone. */
export function currencyCheck(currency: Currency): HealthCheck {
  return {
    name: 'trust',
    async check() {
      if (!currency.ofRevoked) throw new Error('neither Kafka nor Redis tells which keys are revoked')
    },
  }
}
