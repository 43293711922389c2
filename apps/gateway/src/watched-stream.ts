import { brokenOff, type Outcome, type TextStream } from './answer.ts'

/** What became of an answer that was sent as it was read. */
export interface StreamEnd {
  readonly outcome: Outcome
  /** Set when it had to be broken off. */
  readonly failure?: unknown
}

/** A stream that tells, once it is closed, whether all of it was sent. */
export class WatchedStream implements TextStream {
  /** Resolves when the stream is closed, or all of it was read where something is to be done then; does not reject. */
  readonly ended: Promise<StreamEnd>
  readonly pieces: AsyncIterable<string>
  readonly #stream: TextStream
  readonly #end: (end: StreamEnd) => void
  #known: StreamEnd
  #last: (() => Promise<void>) | undefined

  constructor(stream: TextStream, outcome: Outcome) {
    const { promise, resolve } = Promise.withResolvers<StreamEnd>()
    this.#stream = stream
    this.ended = promise
    this.#end = resolve
    this.#known = { outcome: brokenOff(outcome, "the client's") }
    this.pieces = this.#watch(outcome)
  }

  /** To be done once all of it was read; its end is told after that. Must not reject. */
  beforeEnd(last: () => Promise<void>): void {
    this.#last = last
  }

  async *#watch(outcome: Outcome): AsyncGenerator<string> {
    try {
      yield* this.#stream.pieces
      this.#known = { outcome }
      if (this.#last === undefined) return
      this.#end(this.#known)
      await this.#last()
    } catch (failure) {
      this.#known = { outcome: brokenOff(outcome, 'ours'), failure }
      throw failure
    }
  }

  async close(): Promise<void> {
    await this.#stream.close()
    this.#end(this.#known)
  }
}
