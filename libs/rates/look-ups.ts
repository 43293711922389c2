import type { OwnLimiter } from './limiter.ts'
import { Turns } from './turns.ts'

export interface LookUpLimits {
  /** What one network may try within ten seconds. */
  readonly unproved: number
  /** What may be looked up of all networks within a second and turn out not to be good. */
  readonly lookUps: number
}

/** One that counts, until it turns out to be good. */
export interface Counted {
  readonly kind: 'counted'
  /** It is good, and counts for nothing any more. To be told once at the most. */
  readonly giveBack: () => Promise<void>
}

/** Why something is not looked up. */
export interface TooManyLookUps {
  readonly kind: 'too many'
  readonly from: 'this network' | 'all networks'
  /** What was counted. */
  readonly subject: string
  /** Until it is worth trying again. */
  readonly milliseconds: number
}

const seconds = 10

/**
 * Bounds what is looked up for callers who have proved nothing here: for each network, and for all of them together, in turns. Networks that have just come up share
 * one half of these: whoever sends much from few does not keep them waiting. What turns out to be good takes nothing from either bound.
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

  /** Counts one for its network, and waits for its turn, a second at the most: it may be looked up once it is counted. */
  async take(network: string): Promise<Counted | TooManyLookUps> {
    const counted = await this.count(network)
    if (counted.kind === 'too many') return counted
    const isNew = (await this.#limiter.look(subjectOf(network), { points: 2, seconds })) === undefined
    const age = isNew ? 'new' : 'known'
    const turns = this.#turns[age]
    if (!(await turns.take())) {
      return { kind: 'too many', from: 'all networks', subject: `look-ups of ${age} networks`, milliseconds: 1_000 }
    }
    const giveBack = async (): Promise<void> => {
      turns.giveBack()
      await counted.giveBack()
    }
    return { kind: 'counted', giveBack }
  }

  /** Counts one that is not looked up. */
  async count(network: string): Promise<Counted | TooManyLookUps> {
    const subject = subjectOf(network)
    const milliseconds = await this.#limiter.take(subject, { points: this.#unproved, seconds })
    return milliseconds === undefined
      ? { kind: 'counted', giveBack: () => this.#limiter.giveBack(subject) }
      : { kind: 'too many', from: 'this network', subject, milliseconds }
  }
}

function subjectOf(network: string): string {
  return `network ${network}`
}
