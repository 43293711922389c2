import type { OwnLimiter } from './limiter.ts'
import { Turns } from './turns.ts'

export interface LookUpLimits {
  /** What one network may try within ten seconds. */
  readonly unproved: number
  /** What may be looked up of all networks within a second. */
  readonly lookUps: number
}

/** Why something is not looked up. */
export interface TooManyLookUps {
  readonly from: 'this network' | 'all networks'
  /** What was counted. */
  readonly subject: string
  /** Until it is worth trying again. */
  readonly milliseconds: number
}

const seconds = 10

/**
 * Bounds what is looked up for callers who have proved nothing here: for each network, and for all of them together, in turns. Networks that have just come up share
 * one half of these: whoever sends much from few does not keep them waiting.
 */
export class LookUps {
  readonly #limiter: OwnLimiter
  readonly #unproved: number
  readonly #turns: Readonly<Record<'new' | 'known', Turns>>

  /** The clock tells milliseconds. */
  constructor(limiter: OwnLimiter, { unproved, lookUps }: LookUpLimits, clock: () => number) {
    this.#limiter = limiter
    this.#unproved = unproved
    const half = (): Turns => new Turns({ perSecond: Math.max(1, Math.floor(lookUps / 2)), longestWait: 1 }, clock)
    this.#turns = { new: half(), known: half() }
  }

  /** Counts one for its network, and waits for its turn, a second at the most; undefined once it may be looked up. */
  async take(network: string): Promise<TooManyLookUps | undefined> {
    const refused = await this.count(network)
    if (refused !== undefined) return refused
    const isNew = (await this.#limiter.look(subjectOf(network), { points: 2, seconds })) === undefined
    const age = isNew ? 'new' : 'known'
    if (await this.#turns[age].take()) return undefined
    return { from: 'all networks', subject: `look-ups of ${age} networks`, milliseconds: 1_000 }
  }

  /** Counts one that is not looked up. */
  async count(network: string): Promise<TooManyLookUps | undefined> {
    const subject = subjectOf(network)
    const milliseconds = await this.#limiter.take(subject, { points: this.#unproved, seconds })
    return milliseconds === undefined ? undefined : { from: 'this network', subject, milliseconds }
  }

  /** One of that network turned out not to count. */
  async giveBack(network: string): Promise<void> {
    await this.#limiter.giveBack(subjectOf(network))
  }
}

function subjectOf(network: string): string {
  return `network ${network}`
}
