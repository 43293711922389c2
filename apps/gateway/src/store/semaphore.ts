import { errors } from '#libs/scim/index'

/**
 * Lets so many pieces of work run at a time, so that slow ones leave connections for the others. The rest wait for their turn, in order, for
 * as many milliseconds as told.
 */
export class Semaphore {
  readonly #patience: number
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(atOnce: number, patience: number) {
    this.#free = atOnce
    this.#patience = patience
  }

  /** Resolves with what gives the place back, to be called once. Throws tooManyRequests when none came. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await this.#wait()
    return () => this.#giveBack()
  }

  #wait(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const next = (): void => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(() => {
      this.#waiting.delete(next)
      reject(errors.tooManyRequests(1))
    }, this.#patience)
    this.#waiting.add(next)
    return promise
  }

  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
