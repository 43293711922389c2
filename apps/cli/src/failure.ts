/** What the exit code tells a script. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notAllowed: 3, notFound: 4 } as const
export type FailureKind = Exclude<keyof typeof exitCodes, 'done'>

/** Ends the command with one line that says cause and fix. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** The system's code of a failed call, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined
}
