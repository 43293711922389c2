import { networkOf, readAddress } from '#libs/addresses/index'
import { memoryLimiter, type Rate } from '#libs/cache/index'
import { problems } from '#libs/http/index'

/** Reports from one network, to one process. */
const ofOne: Rate = { points: 60, seconds: 60 }
/** Reports that are looked up, of all networks together. */
const ofAll: Rate = { points: 600, seconds: 60 }

/** Counts reports of leaked keys: anybody may send them, from as many networks as he has, and each costs look-ups. */
export class ReportLimit {
  readonly #limiter = memoryLimiter()

  /** Counts one from that address. Rejects with Problem `tooManyRequests`. */
  async take(caller: string): Promise<void> {
    const address = readAddress(caller)
    const network = address === undefined ? caller : networkOf(address)
    await this.#take(`network ${network}`, ofOne, 'reports came from this network')
  }

  /** Counts one that holds something to look up: what holds nothing keeps nobody else from reporting. Rejects likewise. */
  takeLookUp(): Promise<void> {
    return this.#take('all', ofAll, 'reports came from all networks together')
  }

  async #take(subject: string, rate: Rate, what: string): Promise<void> {
    const wait = await this.#limiter.take(subject, rate)
    if (wait !== undefined) throw problems.tooManyRequests(what, Math.ceil(wait / 1_000))
  }
}
