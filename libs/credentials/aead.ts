import { type CipherKey, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** AES-256-GCM: base64url of nonce, ciphertext and tag, without padding. `associated` must be given again to decrypt it. */
export function encrypt(key: CipherKey, associated: string, plain: Uint8Array): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(associated))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** Undefined when it was altered, or made under another key or for something else. */
export function decrypt(key: CipherKey, associated: string, encrypted: string): Buffer | undefined {
  const bytes = Buffer.from(encrypted, 'base64url')
  // Node reads past bits and letters that belong to no byte.
  if (bytes.length < 28 || bytes.toString('base64url') !== encrypted) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(associated))
  decipher.setAuthTag(bytes.subarray(-16))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
  } catch {
    return undefined
  }
}
