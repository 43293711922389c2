import type { Subscription } from '#libs/cache/index'
import { every, type Repeating } from '#libs/timing/index'

/** Milliseconds for which a service goes on by what it knows of admin tokens when it hears nothing any more. */
const longestSilence = 5_000
const lookEvery = 500

export interface HeardFrom {
  /** Whether the event log is followed at this moment, as far as it is known: a silent server is found out late. */
  readonly isFollowing: () => boolean
  /** When the event log last answered. */
  readonly answeredAt: () => Date | undefined
  /** Everything that was committed before this instant, published or not, is known here. */
  readonly provenUpTo: () => Date | undefined
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
}

/**
 * Whether a service may go by what it knows of admin tokens. The proof that every revocation is known is that of the publishers; it
 * holds for 5 seconds, and for longer while, since before it, the event log was followed, which answered within 5 seconds each time, or the
 * channel has missed nothing. Whoever was cut off from both is not current again before the publishers have proved it anew: what was revoked
 * meanwhile may wait with them.
 */
export class HeardLately {
  readonly #from: HeardFrom
  readonly #looking: Repeating
  #subscription: Pick<Subscription, 'unbrokenSince'> | undefined
  #followingSince: number | undefined
  #missedAt = -Infinity

  constructor(from: HeardFrom) {
    this.#from = from
    this.#looking = every(lookEvery, () => this.look(), from.onFailure)
  }

  /** From now on the channel counts too. */
  hear(subscription: Pick<Subscription, 'unbrokenSince'>): void {
    this.#subscription = subscription
  }

  /** Something that the channel said is not known here: what it said before counts no more. */
  missed(): void {
    this.#missedAt = this.#from.clock().getTime()
  }

  get isCurrent(): boolean {
    this.look()
    const provenUpTo = this.#from.provenUpTo()
    if (this.#isRecent(provenUpTo, this.#from.clock().getTime())) return true
    const proven = provenUpTo?.getTime() ?? -Infinity
    return [this.#followingSince, this.#channelSince].some((since) => since !== undefined && proven >= since)
  }

  get #channelSince(): number | undefined {
    const since = this.#subscription?.unbrokenSince
    return since === undefined ? undefined : Math.max(since, this.#missedAt)
  }

  /** Asked now and then by itself, so that no interruption of some length goes unnoticed. */
  look(): void {
    const now = this.#from.clock().getTime()
    if (this.#from.isFollowing() && this.#isRecent(this.#from.answeredAt(), now)) this.#followingSince ??= now
    else this.#followingSince = undefined
  }

  #isRecent(instant: Date | undefined, now: number): boolean {
    return instant !== undefined && Math.abs(now - instant.getTime()) <= longestSilence
  }

  end(): Promise<void> {
    return this.#looking.end()
  }
}
