import { LRUCache } from 'lru-cache'
import type { Keyring } from './keyring.ts'
import type { WrappedKey } from './provider.ts'
import { type DataKey, dataKeyOf } from './seal.ts'

export interface StoredDataKey extends WrappedKey {
  readonly id: string
  readonly tenant: string
}

/** Data keys that are held in memory at the most. */
const mostHeld = 1_000

/**
 * Unwraps data keys, and holds them in memory for `lifetime` milliseconds after that. What is asked for by many at once is unwrapped once.
 */
export class DataKeys {
  readonly #keyring: Pick<Keyring, 'unwrap'>
  readonly #held: LRUCache<string, DataKey>
  readonly #coming = new Map<string, Promise<DataKey>>()

  constructor(keyring: Pick<Keyring, 'unwrap'>, { lifetime, limit = mostHeld }: { lifetime: number; limit?: number }) {
    this.#keyring = keyring
    this.#held = new LRUCache({ max: limit, ttl: lifetime })
  }

  /** What is in memory, without asking who holds the KEK. */
  held(tenant: string, id: string): DataKey | undefined {
    return this.#held.get(nameOf(tenant, id))
  }

  /** Rejects with SealingError. */
  unwrapped(stored: StoredDataKey): Promise<DataKey> {
    const name = nameOf(stored.tenant, stored.id)
    const held = this.#held.get(name)
    if (held !== undefined) return Promise.resolve(held)
    const coming = this.#coming.get(name) ?? this.#unwrap(name, stored)
    this.#coming.set(name, coming)
    return coming
  }

  forget(tenant: string, id: string): void {
    this.#held.delete(nameOf(tenant, id))
  }

  async #unwrap(name: string, stored: StoredDataKey): Promise<DataKey> {
    try {
      const bytes = await this.#keyring.unwrap(stored, { tenant: stored.tenant, dataKey: stored.id })
      const dataKey = dataKeyOf(stored.id, stored.tenant, bytes)
      bytes.fill(0)
      this.#held.set(name, dataKey)
      return dataKey
    } finally {
      this.#coming.delete(name)
    }
  }
}

/** Both are words without a space. */
function nameOf(tenant: string, id: string): string {
  return `${tenant} ${id}`
}
