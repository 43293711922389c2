import { networkIn, networkOf } from '#libs/addresses/index'
import { memoryLimiter, type Rate } from '#libs/rates/index'
import { RefusalRecords } from '#libs/eventlog/index'
import type { Caller } from '#libs/http/index'

const seconds = 10
/** So many networks may use up what each may. */
const networks = 10

export interface TooMany {
  readonly retryAfterSeconds: number
  /** How many were too many since the last of them that left a record; undefined for one that leaves none. */
  readonly alike: number | undefined
}

/**
 * Counts calls for which no token was accepted and that changed nothing, in this process: refusals, and answers to whoever asks. It is asked once
 * the answer is known, so that a good token, and a report of a key that is one, are taken however much else comes from their network.
 */
export class UnprovedCalls {
  readonly #limiter = memoryLimiter()
  readonly #ofOne: Rate
  readonly #ofAll: Rate
  readonly #records: RefusalRecords

  /**
   * Within ten seconds so many of one token, or else from one network, are answered as they are, each with its record, and ten times as many in all.
   * The clock tells milliseconds, and never goes back.
   */
  constructor(unproved: number, clock = () => performance.now()) {
    this.#ofOne = { points: unproved, seconds }
    this.#ofAll = { points: networks * unproved, seconds }
    this.#records = new RefusalRecords(clock)
  }

  /** One more, of the token that was proved and is not accepted, where one was; undefined where that is not too many. */
  async count({ address, text }: Pick<Caller, 'address' | 'text'>, token?: string): Promise<TooMany | undefined> {
    const network = address === undefined ? networkIn(text) : networkOf(address)
    const one = token === undefined ? `network ${network}` : `token ${token}`
    return (await this.#over(one, this.#ofOne)) ?? (await this.#over('all', this.#ofAll))
  }

  async #over(subject: string, rate: Rate): Promise<TooMany | undefined> {
    const wait = await this.#limiter.take(subject, rate)
    if (wait === undefined) return undefined
    return { retryAfterSeconds: Math.max(1, Math.ceil(wait / 1_000)), alike: this.#records.alike(subject) }
  }
}
