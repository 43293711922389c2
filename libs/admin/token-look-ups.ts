import { LRUCache } from 'lru-cache'
import { networkIn } from '#libs/addresses/index'
import { type LookUpLimits, LookUps, memoryLimiter } from '#libs/rates/index'
import { problems } from '#libs/http/index'

/** The token was accepted: the call takes nothing from what its network may try. To be told once at the most. */
export type Accepted = () => Promise<void>

/**
 * Bounds what is looked up of admin tokens in one program. One that was accepted here before is looked up whatever else comes; any other
 * counts for the network that it comes from, and for all together.
 */
export class TokenLookUps {
  readonly #lookUps: LookUps
  readonly #accepted = new LRUCache<string, true>({ max: 10_000 })

  /** The clock tells milliseconds, and never goes back. */
  constructor(limits: LookUpLimits, clock = () => performance.now()) {
    this.#lookUps = new LookUps(memoryLimiter(), limits, clock)
  }

  /** Resolves once the token of that id may be looked up, with what is told when it is accepted. Rejects with Problem `tooManyRefused` where it is not to be. */
  async take(id: string, address: string): Promise<Accepted> {
    if (this.#accepted.get(id) !== undefined) return countedNothing
    const taken = await this.#lookUps.take(networkIn(address))
    if (taken.kind === 'too many') throw problems.tooManyRefused(Math.max(1, Math.ceil(taken.milliseconds / 1_000)))
    return async () => {
      this.#accepted.set(id, true)
      await taken.giveBack()
    }
  }
}

const countedNothing: Accepted = async () => undefined
