export type SealingFault =
  /** What holds the KEK cannot be reached, or cannot answer for now: it may later. */
  | 'kek-away'
  /** It does not allow us to use the KEK. */
  | 'kek-refused'
  /** The KEK is not where it should be, or is not configured. */
  | 'kek-missing'
  /** The KEK is there and does not open what it is said to have wrapped. */
  | 'unreadable'

/** A secret or a data key could not be sealed or opened. The message is one line with cause and fix, and holds no secret. */
export class SealingError extends Error {
  override readonly name = 'SealingError'
  readonly fault: SealingFault

  constructor(fault: SealingFault, message: string, options?: ErrorOptions) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options)
    this.fault = fault
  }
}
