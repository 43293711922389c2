import type { Deviation } from './deviation.ts'
import type { Dialect } from './quirks/dialect.ts'
import { standard } from './quirks/dialect.ts'
import type { Tolerances } from './quirks/quirk.ts'

/** Enough to find the mapping that is wrong, not a copy of the body. */
const mostDeviations = 50
const mostOfOneCode = 10

/**
 * What one request has that is not as the RFC has it, gathered while it is read by the rules of the caller's dialect. It keeps
 * 50 deviations at the most, and 10 of one code.
 */
export class Diagnosis {
  readonly dialect: Dialect
  /** JSON pointer to what is read, where that is not the whole body. */
  readonly place: string
  readonly #own: Deviation[] = []
  readonly #counts: Map<string, number>
  #room: number
  #attempt: Diagnosis | undefined

  constructor(dialect: Dialect = standard, place = '', earlier?: Diagnosis) {
    this.dialect = dialect
    this.place = place
    this.#counts = new Map(earlier === undefined ? [] : earlier.#counts)
    this.#room = earlier === undefined ? mostDeviations : earlier.#room
  }

  /** Which rules are loosened for this caller. */
  get tolerances(): Tolerances {
    return this.dialect.tolerances
  }

  /** In the order in which they were found. */
  get deviations(): readonly Deviation[] {
    return this.#attempt === undefined ? this.#own : [...this.#own, ...this.#attempt.deviations]
  }

  push(deviation: Deviation): void {
    const count = this.#counts.get(deviation.code) ?? 0
    if (this.#room === 0 || count >= mostOfOneCode) return
    this.#room--
    this.#counts.set(deviation.code, count + 1)
    const explained = this.dialect.explain(deviation.code)
    this.#own.push(explained === undefined ? deviation : { ...deviation, ...explained })
  }

  /** Of what all parts of a request may have alike the first is enough. */
  pushOnce(deviation: Deviation): void {
    if (!this.#counts.has(deviation.code)) this.push(deviation)
  }

  /** For what may be done again: the deviations of the last attempt are those that count. */
  attempt(): Diagnosis {
    return (this.#attempt = new Diagnosis(this.dialect, this.place, this))
  }
}
