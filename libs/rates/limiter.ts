/** So many in a window that begins with the first of them. */
export interface Rate {
  readonly points: number
  /** At least 1. */
  readonly seconds: number
}

/** Counts what comes, to refuse what is too much. What it says is said at once; nothing is waited for. */
export interface Limiter {
  /** Counts one, and answers milliseconds until the window ends where that is more than the rate allows; undefined where it is not. */
  take(subject: string, rate: Rate): Promise<number | undefined>
  /** What `take` would answer for one more, counting nothing. */
  look(subject: string, rate: Rate): Promise<number | undefined>
  close(): Promise<void>
}

/** One that counts for its own process alone. */
export interface OwnLimiter extends Limiter {
  /** One that was counted turned out not to count. */
  giveBack(subject: string): Promise<void>
}
