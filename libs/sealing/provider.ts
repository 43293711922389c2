/** A data key as it is stored and published. */
export interface WrappedKey {
  /** Which KEK wrapped it, and which version of that. */
  readonly kekId: string
  readonly kekVersion: string
  readonly wrapped: string
}

/** What a data key is for: wrapped for one, it is not unwrapped for another. */
export interface KeyContext {
  readonly tenant: string
  readonly dataKey: string
}

export interface KekStatus {
  readonly id: string
  /** The version that `wrap` uses now. */
  readonly version: string
}

/**
 * Holds a key encryption key, or speaks to who does. All calls reject with a SealingError, `kek-away` within 5 seconds where there is no answer; nothing is
 * kept, and each call is safe to repeat.
 */
export interface KeyEncryptionProvider {
  /** The same for the same KEK, in every process and after every restart; no other has it. */
  readonly id: string
  /** Under the newest version of the KEK. `wrapped` is new each time. */
  wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey>
  /** What this KEK wrapped in any version that it still has, for the same context: rejects as `unreadable` otherwise. */
  unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Buffer>
  /** Resolves when the KEK can be used, as far as can be told without using it. */
  status(): Promise<KekStatus>
}
