import { hkdfSync } from 'node:crypto'
import { decrypt, encrypt } from './aead.ts'
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
  const key = derivedKey(peppers, peppers.current, context)
  return `${peppers.current}.${encrypt(key, associatedData(context), Buffer.from(text))}`
}

/** Undefined when it was altered, sealed for another context, or under a pepper that is not known. */
export function open(peppers: Peppers, context: SealContext, sealed: string): string | undefined {
  const [, version, encoded] = /^([1-9][0-9]*)\.([A-Za-z0-9_-]+)$/.exec(sealed) ?? []
  if (version === undefined || encoded === undefined || !peppers.keys.has(Number(version))) return undefined
  return decrypt(derivedKey(peppers, Number(version), context), associatedData(context), encoded)?.toString('utf8')
}

function derivedKey(peppers: Peppers, version: number, { purpose }: SealContext): Uint8Array {
  const pepper = peppers.keys.get(version)
  if (pepper === undefined) throw new UnreadablePeppers(`no pepper has version ${version}`)
  return new Uint8Array(hkdfSync('sha256', pepper, '', `latchkey seal ${purpose}`, 32))
}

function associatedData({ purpose, of }: SealContext): string {
  return JSON.stringify([...of, purpose])
}
