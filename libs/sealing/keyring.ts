import type { KekAddress } from './address.ts'
import { SealingError } from './errors.ts'
import { type KekOptions, openKek } from './open-kek.ts'
import type { KekStatus, KeyContext, KeyEncryptionProvider, WrappedKey } from './provider.ts'

/** What to do where another KEK took the place of the one that is asked for. */
const nameFormer =
  'Where LATCHKEY_KEK was set to a new one, nothing is lost: name the one before it in LATCHKEY_FORMER_KEKS, until "latchkey keys rewrap" has moved everything to the new one.'

/**
 * The KEKs of an installation: the present one wraps, those before it unwrap what it has not taken over yet. Each is opened when it is first asked for, so
 * that one which is away or missing keeps nothing else from working.
 */
export class Keyring {
  readonly #present: KekAddress
  readonly #former: readonly KekAddress[]
  readonly #options: KekOptions
  readonly #opened = new Map<KekAddress, KeyEncryptionProvider>()

  constructor(present: KekAddress, former: readonly KekAddress[], options: KekOptions) {
    this.#present = present
    this.#former = former
    this.#options = options
  }

  async wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    return (await this.#open(this.#present)).wrap(key, context)
  }

  /** By whichever KEK wrapped it. */
  async unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Buffer> {
    return (await this.#named(wrapped.kekId)).unwrap(wrapped, context)
  }

  /** Whether the present KEK has been asked for. */
  get isInUse(): boolean {
    return this.#opened.has(this.#present)
  }

  /** Of the present KEK. */
  async status(): Promise<KekStatus> {
    return (await this.#open(this.#present)).status()
  }

  /** Resolves when the KEK with this id is one of ours; rejects with SealingError otherwise. */
  async holds(kekId: string): Promise<void> {
    await this.#named(kekId)
  }

  async #named(kekId: string): Promise<KeyEncryptionProvider> {
    let failure: unknown
    for (const address of [this.#present, ...this.#former]) {
      try {
        const provider = await this.#open(address)
        if (provider.id === kekId) return provider
      } catch (error) {
        if (kekId.startsWith(`${address.kind}:`)) failure ??= error
      }
    }
    if (failure instanceof SealingError && failure.fault === 'kek-missing') {
      throw new SealingError('kek-missing', `${failure.message} ${nameFormer}`)
    }
    if (failure instanceof Error) throw failure
    throw new SealingError(
      'kek-missing',
      `A data key is wrapped by the KEK ${kekId}, which is not set here. ${nameFormer} Else set LATCHKEY_KEK to it.`,
    )
  }

  async #open(address: KekAddress): Promise<KeyEncryptionProvider> {
    const opened = this.#opened.get(address) ?? (await openKek(address, this.#options))
    this.#opened.set(address, opened)
    return opened
  }
}
