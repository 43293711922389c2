import type { State } from './channel.ts'

/** What may be used once, in all processes. */
export interface Nonces {
  readonly state: State
  /**
   * Nothing is remembered of what was taken before this instant, where that is known: the store began then. Undefined for one that others keep.
   */
  readonly since: Date | undefined
  /**
   * Takes the nonce, and remembers it for so many milliseconds at least: true when nobody had taken it. Of any processes that take one at the same time, one
   * is told true. Undefined when the store is away, full, refuses, or is silent for half a second: then it is not known, and may be taken. Never rejects.
   */
  take(nonce: string, milliseconds: number): Promise<boolean | undefined>
  close(): Promise<void>
}

/** Where there is no store that all processes share: nothing is ever known. */
export const noNonces: Nonces = {
  state: 'away',
  since: undefined,
  take: async () => undefined,
  close: async () => {},
}
