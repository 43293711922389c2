export interface TurnsOptions {
  readonly perSecond: number
  /** As many wait as can go on within so many seconds. */
  readonly longestWait: number
}

/** Milliseconds after which it is looked who may go on. */
const step = 5
/** Milliseconds whose turns are saved up, and made up for when the process was busy. */
const saved = 20

/** Lets so many go on within a second, evenly, in the order in which they came; the others wait. */
export class Turns {
  readonly #perSecond: number
  readonly #mostSaved: number
  readonly #mostWaiting: number
  readonly #clock: () => number
  readonly #waiting: (() => void)[] = []
  #goesOn = false
  #isOver = false
  #left: number
  #filledAt: number

  /** The clock tells milliseconds. */
  constructor({ perSecond, longestWait }: TurnsOptions, clock: () => number) {
    this.#perSecond = perSecond
    this.#mostSaved = Math.max(1, (perSecond * saved) / 1_000)
    this.#mostWaiting = Math.ceil(perSecond * longestWait)
    this.#clock = clock
    this.#left = this.#mostSaved
    this.#filledAt = clock()
  }

  /** True when it is this one's turn; false at once where too many wait already, since waiting costs memory. */
  take(): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(true)
    if (this.#waiting.length >= this.#mostWaiting) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#waiting.push(() => resolve(true))
    if (this.#waiting.length === 1) this.#goOn()
    return promise
  }

  /** One that went on turned out not to count: another goes on in its place. */
  giveBack(): void {
    this.#left++
    this.#goOn()
  }

  /** All that wait go on at once, and so does whoever comes from now on: as the process is to end. */
  end(): void {
    this.#isOver = true
    for (const go of this.#waiting.splice(0)) go()
  }

  #goOn(): void {
    const now = this.#clock()
    this.#left = Math.min(this.#mostSaved, this.#left + ((now - this.#filledAt) * this.#perSecond) / 1_000)
    this.#filledAt = now
    const going = this.#waiting.splice(0, Math.floor(this.#left))
    this.#left -= going.length
    for (const go of going) go()
    if (this.#waiting.length === 0 || this.#goesOn) return
    this.#goesOn = true
    setTimeout(() => {
      this.#goesOn = false
      this.#goOn()
    }, step)
  }
}
