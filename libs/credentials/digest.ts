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

/** Whether the secret is the one digested, in a time that tells nothing of it. False when the pepper's version is not known. */
export function matches(peppers: Peppers, stored: StoredDigest, secret: Secret): boolean {
  const { pepperVersion, digest: expected } = stored
  if (expected.length !== nothing.length || !peppers.keys.has(pepperVersion)) return dummyMatch(peppers, secret)
  return isDigest(peppers, pepperVersion, expected, secret)
}

const nothing = Buffer.alloc(32)

/** Always false, at the cost of `matches`: for a kid that nobody knows. */
export function dummyMatch(peppers: Peppers, secret: Secret): false {
  isDigest(peppers, peppers.current, nothing, secret)
  return false
}

function isDigest(peppers: Peppers, version: number, expected: Uint8Array, secret: Secret): boolean {
  const key = peppers.keys.get(version)
  return key !== undefined && timingSafeEqual(hmac(key, secret), expected)
}

function hmac(key: KeyObject, secret: Secret): Buffer {
  return createHmac('sha256', key).update(secret).digest()
}
