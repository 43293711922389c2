/** Work on one subject at a time: a batch never holds two pieces of work with the same key. */
export interface Queued {
  /** The subjects that the work changes; pieces of work that share one run in the order in which they came. */
  readonly keys: readonly string[]
}

export interface BatchesOptions<Work extends Queued> {
  readonly largest: number
  /** Batches under way at the same time. */
  readonly parallel: number
  /** Settles the work itself, also when it fails; never rejects. */
  run(batch: readonly Work[]): Promise<void>
}

/**
 * Gathers concurrent writes into batches without a timer: a lone write starts at the end of the turn it came in,
 * and what arrives while all batches are under way forms the next one.
 */
export class Batches<Work extends Queued> {
  readonly #options: BatchesOptions<Work>
  #waiting: Work[] = []
  readonly #busy = new Set<string>()
  #running = 0
  #scheduled = false

  constructor(options: BatchesOptions<Work>) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(work: Work): void {
    this.#waiting.push(work)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  /** Takes out all that waits and has not begun. */
  drop(): Work[] {
    return this.#waiting.splice(0)
  }

  #start(): void {
    while (this.#running < this.#options.parallel && this.#waiting.length > 0) {
      const batch = this.#take()
      if (batch.length === 0) return
      this.#running++
      void this.#options.run(batch).finally(() => {
        this.#running--
        for (const work of batch) for (const key of work.keys) this.#busy.delete(key)
        this.#start()
      })
    }
  }

  #take(): Work[] {
    const batch: Work[] = []
    const left: Work[] = []
    const passedOver = new Set<string>()
    for (const work of this.#waiting) {
      const free = work.keys.every((key) => !this.#busy.has(key) && !passedOver.has(key))
      if (free && batch.length < this.#options.largest) {
        batch.push(work)
        for (const key of work.keys) this.#busy.add(key)
      } else {
        left.push(work)
        for (const key of work.keys) passedOver.add(key)
      }
    }
    this.#waiting = left
    return batch
  }
}
