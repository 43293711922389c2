import type { Subscription } from '#libs/cache/index'

/** Milliseconds for which a service goes on by what it knows of admin tokens when it hears nothing any more. */
const longestSilence = 5_000
const lookEvery = 500

export interface HeardFrom {
  /** Whether the event log is followed at this moment. */
  readonly isFollowing: () => boolean
  readonly clock: () => Date
}

/**
 * Whether a service may go by what it knows of admin tokens: the event log is followed, or was within the last 5 seconds, or the channel
 * has missed nothing since it was followed last. Whoever was cut off from both might not have heard of a revocation.
 */
export class HeardLately {
  readonly #from: HeardFrom
  readonly #timer: NodeJS.Timeout
  #subscription: Pick<Subscription, 'unbrokenSince'> | undefined
  #followedAt = -Infinity

  constructor(from: HeardFrom) {
    this.#from = from
    this.#timer = setInterval(() => this.look(), lookEvery).unref()
  }

  /** From now on the channel counts too. */
  hear(subscription: Pick<Subscription, 'unbrokenSince'>): void {
    this.#subscription = subscription
  }

  get isCurrent(): boolean {
    this.look()
    const since = this.#subscription?.unbrokenSince
    const channelVouches = since !== undefined && since <= this.#followedAt
    return channelVouches || Math.abs(this.#from.clock().getTime() - this.#followedAt) <= longestSilence
  }

  /** Asked now and then by itself, so that the last time that the log was followed is known. */
  look(): void {
    if (this.#from.isFollowing()) this.#followedAt = this.#from.clock().getTime()
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
