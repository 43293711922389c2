import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** The secret keys of this installation, by version: digests name the version they were made under, so that a new one can be added. */
export interface Peppers {
  readonly current: number
  readonly keys: ReadonlyMap<number, KeyObject>
}

export class UnreadablePeppers extends Error {
  override readonly name = 'UnreadablePeppers'
}

const leastBytes = 32

/** One new pepper, version 1. */
export function generatePeppers(): Peppers {
  return { current: 1, keys: new Map([[1, createSecretKey(randomBytes(leastBytes))]]) }
}

/** The same peppers and a new one, which becomes the current. */
export function addPepper(peppers: Peppers): Peppers {
  const next = Math.max(...peppers.keys.keys()) + 1
  return { current: next, keys: new Map([...peppers.keys, [next, createSecretKey(randomBytes(leastBytes))]]) }
}

/** Reads `1:<base64>,2:<base64>`; the last is the current. Throws UnreadablePeppers, which names the place and never the value. */
export function parsePeppers(text: string): Peppers {
  const keys = new Map<number, KeyObject>()
  let current = 0
  for (const [index, entry] of text.trim().split(',').entries()) {
    const place = `entry ${index + 1} of the pepper`
    const [, version, encoded] = /^\s*([1-9][0-9]{0,8}):([A-Za-z0-9+/]+=*)\s*$/.exec(entry) ?? []
    if (version === undefined || encoded === undefined) {
      throw new UnreadablePeppers(`${place} is not of the form <version>:<base64>`)
    }
    const bytes = Buffer.from(encoded, 'base64')
    if (bytes.length < leastBytes)
      throw new UnreadablePeppers(`${place} holds ${bytes.length} bytes; it needs at least ${leastBytes}`)
    current = Number(version)
    if (keys.has(current)) throw new UnreadablePeppers(`${place} repeats version ${current}`)
    keys.set(current, createSecretKey(bytes))
  }
  return { current, keys }
}

/** The text that `parsePeppers` reads, the current one last. */
export function formatPeppers(peppers: Peppers): string {
  const versions = [...peppers.keys].sort(
    ([a], [b]) => Number(a === peppers.current) - Number(b === peppers.current) || a - b,
  )
  return versions.map(([version, key]) => `${version}:${key.export().toString('base64')}`).join(',')
}

/**
 * By version, 32 bytes that tell one pepper from another and nothing more: to be kept beside the digests. No secret of a key
 * is the text that is digested here, so that a fingerprint is never a digest.
 */
export function fingerprints(peppers: Peppers): ReadonlyMap<number, Buffer> {
  const fingerprint = (key: KeyObject): Buffer =>
    createHmac('sha256', key).update('latchkey pepper fingerprint').digest()
  return new Map([...peppers.keys].map(([version, key]) => [version, fingerprint(key)]))
}

/**
 * A secret of this installation for one purpose, 32 bytes made from the pepper of that version: all programs that have the peppers have the
 * same, and none tells anything of another or of the pepper.
 */
export function derivedSecret(peppers: Peppers, purpose: string, version = peppers.current): Buffer {
  const pepper = peppers.keys.get(version)
  if (pepper === undefined) throw new TypeError('there is no such pepper')
  return createHmac('sha256', pepper).update(`latchkey secret for ${purpose}`).digest()
}
