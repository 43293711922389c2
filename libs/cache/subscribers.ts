import { CacheError, type OnFailure } from './errors.ts'

interface Subscriber {
  handler(message: string): void
  onGap(): void
}

/** The subscribers of one channel in this process. One that throws does not keep the others from hearing. */
export class Subscribers {
  readonly #all = new Set<Subscriber>()
  readonly #onFailure: OnFailure

  constructor(onFailure: OnFailure) {
    this.#onFailure = onFailure
  }

  /** Returns the way out. */
  add(subscriber: Subscriber): () => void {
    this.#all.add(subscriber)
    return () => void this.#all.delete(subscriber)
  }

  clear(): void {
    this.#all.clear()
  }

  hear(message: string): void {
    for (const subscriber of this.#all) this.#call(() => subscriber.handler(message))
  }

  gap(): void {
    for (const subscriber of this.#all) this.#call(() => subscriber.onGap())
  }

  #call(handler: () => void): void {
    try {
      handler()
    } catch (error) {
      this.#onFailure(
        new CacheError(
          'handler-failed',
          'A subscriber of the channel failed: what it remembers may be outdated until its lifetime is over.',
          { cause: error },
        ),
      )
    }
  }
}
