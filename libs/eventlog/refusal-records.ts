import { LRUCache } from 'lru-cache'

/** Of refusals that are alike one in so many milliseconds leaves a record. */
const silence = 1_000
/** So many leave one in that time, whatever they are refused for: a flood may come from many networks. */
const mostTold = 50

/** Which of many refusals leave a record, so that a flood of them fills no trail. */
export class RefusalRecords {
  readonly #clock: () => number
  readonly #subjects = new LRUCache<string, { toldAt: number; untold: number }>({ max: 10_000 })
  #telling = { since: -Infinity, told: 0 }

  /** The clock tells milliseconds, and never goes back. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** One more was refused for this: how many since the last of them that left a record; undefined where this one leaves none. */
  alike(subject: string): number | undefined {
    const now = this.#clock()
    const { toldAt, untold } = this.#subjects.get(subject) ?? { toldAt: -Infinity, untold: 0 }
    const isTold = now - toldAt >= silence && this.#mayTell(now)
    this.#subjects.set(subject, isTold ? { toldAt: now, untold: 0 } : { toldAt, untold: untold + 1 })
    return isTold ? untold : undefined
  }

  #mayTell(now: number): boolean {
    if (now - this.#telling.since >= silence) this.#telling = { since: now, told: 0 }
    return this.#telling.told++ < mostTold
  }
}
