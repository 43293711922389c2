import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { type Peppers, UnreadablePeppers } from './peppers.ts'

/** What a sealed text belongs to: it opens nowhere else. */
export interface SealContext {
  /** Each has a key of its own. */
  readonly purpose: string
  /** The names of whom and what it is for. */
  readonly of: readonly string[]
}

/**
 * Encrypts a text that only we may read, or write: AES-256-GCM under a key derived from the current pepper for this purpose. It becomes letters,
 * digits, "-", "_" and one ".", which every URL takes as they are.
 */
export function seal(peppers: Peppers, context: SealContext, text: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', derivedKey(peppers, peppers.current, context), nonce)
  cipher.setAAD(associatedData(context))
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `${peppers.current}.${sealed.toString('base64url')}`
}

/** Undefined when it was altered, sealed for another context, or under a pepper that is not known. */
export function open(peppers: Peppers, context: SealContext, sealed: string): string | undefined {
  const [, version, encoded] = /^([1-9][0-9]*)\.([A-Za-z0-9_-]+)$/.exec(sealed) ?? []
  if (version === undefined || encoded === undefined || !peppers.keys.has(Number(version))) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  // Node reads past bits and letters that belong to no byte.
  if (bytes.length < 28 || bytes.toString('base64url') !== encoded) return undefined
  const key = derivedKey(peppers, Number(version), context)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(associatedData(context))
  decipher.setAuthTag(bytes.subarray(-16))
  try {
    return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

function derivedKey(peppers: Peppers, version: number, { purpose }: SealContext): Uint8Array {
  const pepper = peppers.keys.get(version)
  if (pepper === undefined) throw new UnreadablePeppers(`no pepper has version ${version}`)
  return new Uint8Array(hkdfSync('sha256', pepper, '', `latchkey seal ${purpose}`, 32))
}

function associatedData({ purpose, of }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([...of, purpose]))
}
