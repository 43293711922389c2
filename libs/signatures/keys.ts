import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign,
  timingSafeEqual,
} from 'node:crypto'
import { ed25519, isProvingKey } from './ed25519.ts'
import type { SignatureAlgorithm } from './profile.ts'

export interface SigningKey {
  readonly algorithm: SignatureAlgorithm
  sign(base: string): Buffer
}

export interface VerifyingKey {
  readonly algorithm: SignatureAlgorithm
  /** In a time that tells nothing of the key. */
  verify(base: string, signature: Uint8Array): boolean
}

/** Bytes of a shared secret and of an Ed25519 key. */
const keyBytes = 32

/** `text` is the shared secret as it was shown, or an Ed25519 private key as PEM (PKCS #8). Undefined when it is neither. */
export function readSigningKey(algorithm: SignatureAlgorithm, text: string): SigningKey | undefined {
  if (algorithm === 'hmac-sha256') {
    const key = sharedSecret(text)
    return key && { algorithm, sign: (base) => hmac(key, base) }
  }
  const key = orUndefined(() => createPrivateKey(text))
  if (key?.asymmetricKeyType !== 'ed25519') return undefined
  return { algorithm, sign: (base) => sign(null, Buffer.from(base, 'latin1'), key) }
}

/** `text` is the shared secret, or base64url of the 32 bytes of an Ed25519 public key. Undefined when it is neither. */
export function readVerifyingKey(algorithm: SignatureAlgorithm, text: string): VerifyingKey | undefined {
  if (algorithm === 'hmac-sha256') {
    const key = sharedSecret(text)
    if (key === undefined) return undefined
    return { algorithm, verify: (base, signature) => isSame(hmac(key, base), signature) }
  }
  if (!isKeyText(text)) return undefined
  const verify = ed25519(Buffer.from(text, 'base64url'))
  return { algorithm, verify: (base, signature) => verify(Buffer.from(base, 'latin1'), signature) }
}

/** Whether `text` is base64url of the 32 bytes of an Ed25519 public key by which anything can be proved: no placeholder, and no point that fits no signature. */
export function isPublicKey(text: string): boolean {
  return isKeyText(text) && isProvingKey(Buffer.from(text, 'base64url'))
}

/** An Ed25519 public key, or that of a private one, from PEM to base64url of its 32 bytes. Undefined when it is none. */
export function writtenPublicKey(pem: string): string | undefined {
  const key = orUndefined(() => createPublicKey(pem))
  return key?.asymmetricKeyType === 'ed25519' ? key.export({ format: 'jwk' }).x : undefined
}

function sharedSecret(text: string): KeyObject | undefined {
  return isKeyText(text) ? createSecretKey(text, 'base64url') : undefined
}

function isKeyText(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length === keyBytes && bytes.toString('base64url') === text
}

/** Header values reach us as latin1, one character a byte. */
function hmac(key: KeyObject, base: string): Buffer {
  return createHmac('sha256', key).update(base, 'latin1').digest()
}

function isSame(computed: Buffer, sent: Uint8Array): boolean {
  return computed.length === sent.length && timingSafeEqual(computed, sent)
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
