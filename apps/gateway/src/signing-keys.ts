import { LRUCache } from 'lru-cache'
import {
  dataKeyNamed,
  type DataKeys,
  openUnder,
  SealingError,
  signingPurpose,
  type StoredDataKey,
} from '#libs/sealing/index'
import { readVerifyingKey, type VerifyingKey } from '#libs/signatures/index'
import type { KnownKey } from './principal.ts'

/** Why a signature cannot be verified for now. */
export type Unverifiable =
  /** The data key has not been heard of yet. */
  | { readonly kind: 'unheard' }
  /** The secret cannot be opened: the operator finds out why. */
  | { readonly kind: 'sealed'; readonly error: SealingError }

export interface SigningKeysParts {
  readonly dataKeys: DataKeys
  readonly find: (tenant: string, dataKey: string) => Promise<StoredDataKey | undefined>
  /** Milliseconds for which what was opened is held in memory. */
  readonly lifetime: number
}

/** Keys that are held in memory at the most. */
const mostHeld = 10_000

/** What the signatures of keys are verified with: opened when it is first needed, and held in memory within bounds. */
export class SigningKeys {
  readonly #parts: SigningKeysParts
  readonly #held: LRUCache<string, VerifyingKey>

  constructor(parts: SigningKeysParts) {
    this.#parts = parts
    this.#held = new LRUCache({ max: mostHeld, ttl: parts.lifetime })
  }

  /** Undefined for a key that does not sign. */
  async of(key: KnownKey): Promise<VerifyingKey | Unverifiable | undefined> {
    const { authentication } = key.policy
    if (authentication.method !== 'signed') return undefined
    const kept = authentication.algorithm === 'ed25519' ? authentication.publicKey : authentication.sealed
    const name = `${key.kid} ${kept}`
    const held = this.#held.get(name)
    if (held !== undefined) return held
    const read =
      authentication.algorithm === 'ed25519' ? readVerifyingKey('ed25519', kept) : await this.#opened(key, kept)
    if (read !== undefined && 'verify' in read) this.#held.set(name, read)
    return read ?? { kind: 'sealed', error: unreadable(key) }
  }

  async #opened({ tenant, kid }: KnownKey, sealed: string): Promise<VerifyingKey | Unverifiable | undefined> {
    const { dataKeys, find } = this.#parts
    const id = dataKeyNamed(sealed)
    const stored = await find(tenant, id)
    if (stored === undefined) return { kind: 'unheard' }
    try {
      const dataKey = await dataKeys.unwrapped(stored)
      const secret = openUnder(dataKey, { kid, purpose: signingPurpose }, sealed)
      return secret === undefined ? undefined : readVerifyingKey('hmac-sha256', secret)
    } catch (error) {
      if (error instanceof SealingError) return { kind: 'sealed', error }
      throw error
    }
  }
}

function unreadable({ kid }: KnownKey): SealingError {
  return new SealingError(
    'unreadable',
    `What key ${kid} signs with cannot be read: it was altered in the database. Put back what it was, or mint another key.`,
  )
}
