import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Secret } from './key.ts'
import { type Peppers, UnreadablePeppers } from './peppers.ts'

export interface StoredDigest {
  readonly pepperVersion: number
  readonly digest: Uint8Array
}

/** HMAC-SHA-256 of the secret: 32 bytes. The secret has full entropy, so no slow hash is needed. Throws when the version is not known. */
export function digest(peppers: Peppers, version: number, secret: Secret): Buffer {
  const key = peppers.keys.get(version)
  if (key === undefined) throw new UnreadablePeppers(`no pepper has version ${version}`)
  return hmac(key, secret)
}

const nothing: Uint8Array = Buffer.alloc(32)

/**
 * Whether the secret is the one digested, in a time that tells nothing of it. False where nothing is stored, for an id that nobody knows, and where the
 * pepper's version is not known: at the same cost, by the same steps.
 */
export function matches(peppers: Peppers, stored: StoredDigest | undefined, secret: Secret): boolean {
  const { pepperVersion, digest: expected } = stored ?? { pepperVersion: peppers.current, digest: nothing }
  const own = peppers.keys.get(pepperVersion)
  const key = own ?? peppers.keys.get(peppers.current)
  if (key === undefined) return false
  const isComparable = own !== undefined && expected.length === nothing.length
  const isSame = timingSafeEqual(hmac(key, secret), isComparable ? expected : nothing)
  return isSame && isComparable && stored !== undefined
}

function hmac(key: KeyObject, secret: Secret): Buffer {
  return createHmac('sha256', key).update(secret).digest()
}
