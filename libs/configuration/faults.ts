/** What is wrong with one variable. `holds` never carries a secret's text. */
export interface Fault {
  readonly variable: string
  readonly holds: string
  readonly expected: string
}

/** A text of which there is more to say than that it is not what is expected: a line for each reason. */
export class Unfit extends Error {
  override readonly name = 'Unfit'
  readonly reasons: readonly Omit<Fault, 'variable'>[]

  constructor(reasons: readonly Omit<Fault, 'variable'>[]) {
    super(reasons.map(({ holds, expected }) => `${holds}; it should hold ${expected}`).join('\n'))
    this.reasons = reasons
  }
}

/** All faults of an environment at once; the message has one line for each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(
      faults
        .map(({ variable, holds, expected }) => `${variable} holds ${holds}; it should hold ${expected}`)
        .join('\n'),
    )
    this.faults = faults
  }
}
