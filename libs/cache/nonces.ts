import type { State } from './channel.ts'

/** A nonce, as it came with a signature. */
export interface SignedNonce {
  /** Each has nonces of its own. */
  readonly signer: string
  readonly nonce: string
  /** When the signer says that the signature was made; by its clock, which may be ahead. */
  readonly created: Date
}

/** What may be used once, in all processes. */
export interface Nonces {
  readonly state: State
  /**
   * Takes the nonce, and remembers it for so many milliseconds at least: true when nobody had taken it. Of any processes that take one at the same time, one
   * is told true. Undefined when the store is away, full, refuses, is silent for half a second, or may have been another when the signature was made: then it is
   * not known, and may be taken. Never rejects.
   */
  take(signed: SignedNonce, milliseconds: number): Promise<boolean | undefined>
  close(): Promise<void>
}

/** Where there is no store that all processes share: nothing is ever known. */
export const noNonces: Nonces = {
  state: 'away',
  take: async () => undefined,
  close: async () => {},
}
