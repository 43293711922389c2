/** What the event log tells of itself. All instants are of this process's clock, but for `provenUpTo`, which may be the publishers'. */
export interface HeardLog {
  /** Everything that was committed before this instant, published or not, is known here. */
  provenUpTo(): Date | undefined
  /** Everything that was published before this instant is known here. */
  caughtUpAt(): Date | undefined
  /** Since when it has been read without interruption. */
  unbrokenSince(): Date | undefined
}

/** Milliseconds for which the gateway goes on by what it knows when it hears nothing any more: within them a revoked key is refused. */
const longestSilence = 5_000
/** The same of keys that were minted: soon after it nobody is told that a key does not exist. */
const shortSilence = 2_500

/**
 * Whether the gateway may go by what it knows of keys. Whoever was cut off from everything that could tell of a revocation must not
 * accept a key before the publishers themselves have said that there is nothing more to tell: it might be revoked.
 */
export class Currency {
  readonly #log: HeardLog
  readonly #clock: () => Date
  #channelUnbrokenSince: () => number | undefined = () => undefined
  #missedAt = -Infinity
  #hasLapsed = false
  #forget: () => void = () => undefined

  constructor(log: HeardLog, clock: () => Date) {
    this.#log = log
    this.#clock = clock
  }

  /** From now on the channel of revocations counts too; it answers since when it has missed nothing, in milliseconds of the clock. */
  hear(unbrokenSince: () => number | undefined): void {
    this.#channelUnbrokenSince = unbrokenSince
  }

  /** `forget` is called by `look`: what was remembered while revocations were not known may lack them. */
  onRegained(forget: () => void): void {
    this.#forget = forget
  }

  /** Something that the channel said is not known here: what it said before counts no more. */
  missed(): void {
    this.#missedAt = this.#clock().getTime()
  }

  /** Whether every key that was minted is known, those of the last seconds excepted. */
  get ofMinted(): boolean {
    return this.#isWithin(shortSilence, this.#log.caughtUpAt()) && (this.#isProven || this.#logVouches)
  }

  /**
   * Whether every revocation is known, those of the last 5 seconds excepted: proven by the publishers within that time; or, since they
   * last proved it, either the channel has missed nothing or the log was read without interruption.
   */
  get ofRevoked(): boolean {
    return this.#isProven || this.#channelVouches || this.#logVouches
  }

  /**
   * The same, for whoever is to accept something by what is remembered: asked before that is read, and again after. When revocations are known again that
   * were not for a while, what was remembered meanwhile is forgotten first: the tables may have them by now, written by another process. A lapse in which
   * nobody looked goes unnoticed, so that it is to be called at short intervals too.
   */
  look(): boolean {
    const isKnown = this.ofRevoked
    if (isKnown && this.#hasLapsed) this.#forget()
    this.#hasLapsed = !isKnown
    return isKnown
  }

  /** Whether the publishers have proved it since the channel came into force, where it is: from then on the log may go away. */
  get isSettled(): boolean {
    const since = this.#channelUnbrokenSince()
    return since === undefined ? this.#isProven : this.#channelVouches
  }

  /** Everything that was committed before this instant is known here; by the publishers' clock. */
  get provenUpTo(): Date | undefined {
    return this.#log.provenUpTo()
  }

  get #isProven(): boolean {
    return this.#isWithin(longestSilence, this.#log.provenUpTo())
  }

  get #channelVouches(): boolean {
    const since = this.#channelUnbrokenSince()
    return since !== undefined && this.#isProvenSince(Math.max(since, this.#missedAt))
  }

  get #logVouches(): boolean {
    const since = this.#log.unbrokenSince()
    return (
      since !== undefined &&
      this.#isProvenSince(since.getTime()) &&
      this.#isWithin(longestSilence, this.#log.caughtUpAt())
    )
  }

  #isProvenSince(instant: number): boolean {
    return (this.#log.provenUpTo()?.getTime() ?? -Infinity) >= instant
  }

  /** An instant that lies ahead by as much is of a clock that was set back: it tells nothing. */
  #isWithin(milliseconds: number, instant: Date | undefined): boolean {
    return instant !== undefined && Math.abs(this.#clock().getTime() - instant.getTime()) <= milliseconds
  }
}
