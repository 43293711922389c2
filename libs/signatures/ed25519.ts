import { createPublicKey, verify } from 'node:crypto'
import { createRequire } from 'node:module'

/** Whether it is the signature of the message by the key whose 32 bytes were given. RFC 8032 section 5.1.7: one of any other than 64 bytes is none. */
export type Ed25519Verify = (message: Uint8Array, signature: Uint8Array) => boolean
export type Ed25519 = (publicKey: Uint8Array) => Ed25519Verify

/** Of the functions of `sodium-native`, which has no types. It throws where one of the lengths is not as it should be, and reads the first 64 bytes of a longer signature. */
interface Libsodium {
  crypto_core_ed25519_is_valid_point(point: Uint8Array): boolean
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

const signatureBytes = 64

/** Undefined where libsodium was not built for the machine, as for musl. */
export function libsodium(): Ed25519 | undefined {
  const native = loaded()
  return (
    native &&
    ((publicKey) => (message, signature) =>
      signature.length === signatureBytes && native.crypto_sign_verify_detached(signature, message, publicKey))
  )
}

export const openssl: Ed25519 = (publicKey) => {
  const x = Buffer.from(publicKey).toString('base64url')
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
  return (message, signature) => verify(null, message, key, signature)
}

/** Whether signatures by those 32 bytes can be proved at all: they are a point of the curve, as RFC 8032 writes it, and of no small order. True where there is no libsodium to tell. */
export function isProvingKey(publicKey: Uint8Array): boolean {
  return loaded()?.crypto_core_ed25519_is_valid_point(publicKey) ?? true
}

let fastest: Ed25519 | undefined

/** By libsodium, which takes half the time of OpenSSL; by OpenSSL where there is none. */
export const ed25519: Ed25519 = (publicKey) => {
  fastest ??= libsodium() ?? openssl
  return fastest(publicKey)
}

function loaded(): Libsodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Libsodium
  } catch {
    return undefined
  }
}
