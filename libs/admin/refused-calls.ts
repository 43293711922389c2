import { networkOf, readAddress } from '#libs/addresses/index'
import { memoryLimiter, RefusalRecords } from '#libs/cache/index'
import type { Caller } from '#libs/http/index'

/** Calls refused before a token was accepted: so many from one network are answered as they are, and each leaves its record. */
const ofNetwork = { points: 100, seconds: 10 }
/** And of all networks. */
const ofAll = { points: 1_000, seconds: 10 }

export interface TooMany {
  readonly retryAfterSeconds: number
  /** How many were too many since the last of them that left a record; undefined for one that leaves none. */
  readonly alike: number | undefined
}

/**
 * Counts calls that are refused before a token was accepted, in this process. It is asked once the call has been refused, so that a good
 * token is taken however many bad ones come from its network.
 */
export class RefusedCalls {
  readonly #limiter = memoryLimiter()
  readonly #records: RefusalRecords

  /** The clock tells milliseconds, and never goes back. */
  constructor(clock = () => performance.now()) {
    this.#records = new RefusalRecords(clock)
  }

  /** One more was refused; undefined where that is not too many. */
  async count({ address, text }: Pick<Caller, 'address' | 'text'>): Promise<TooMany | undefined> {
    const known = address ?? readAddress(text)
    const network = `network ${known === undefined ? 'unknown' : networkOf(known)}`
    return (await this.#over(network, ofNetwork)) ?? (await this.#over('all networks', ofAll))
  }

  async #over(subject: string, rate: typeof ofNetwork): Promise<TooMany | undefined> {
    const wait = await this.#limiter.take(subject, rate)
    if (wait === undefined) return undefined
    return { retryAfterSeconds: Math.max(1, Math.ceil(wait / 1_000)), alike: this.#records.alike(subject) }
  }
}
