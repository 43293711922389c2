/** What is to happen once a transaction is durable, in the order in which it was asked for. */
export class AfterCommit {
  readonly #callbacks: (() => void)[] = []

  get length(): number {
    return this.#callbacks.length
  }

  add(run: () => void): void {
    this.#callbacks.push(run)
  }

  /** Forgets what was asked for since there were `length`: that part of the transaction was rolled back. */
  cutTo(length: number): void {
    this.#callbacks.length = length
  }

  /**
   * Runs each, whatever becomes of the others. The transaction stands, so that a failure is only told of: thrown on, it
   * would look like a failure to commit, and the work would be done twice.
   */
  run(onFailure: ((error: Error) => void) | undefined): void {
    for (const run of this.#callbacks) {
      try {
        run()
      } catch (error) {
        onFailure?.(error instanceof Error ? error : new Error('a callback after commit failed', { cause: error }))
      }
    }
  }
}
