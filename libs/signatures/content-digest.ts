import { hash, timingSafeEqual } from 'node:crypto'
import { parseDictionary, serializeDictionary } from 'structured-headers'

const hashes = [
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
] as const

/** The Content-Digest of a body (RFC 9530 section 2), by SHA-256. */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}

/**
 * What keeps a Content-Digest from being that of the body: undefined for nothing. Each digest of an algorithm that we know must fit, and there must be
 * one; those of others are passed over (section 2).
 */
export function digestFault(
  header: string,
  body: Uint8Array,
): 'digest-malformed' | 'digest-unsupported' | 'digest-mismatch' | undefined {
  const digests = readDigests(header)
  if (digests === undefined) return 'digest-malformed'
  if (digests.length === 0) return 'digest-unsupported'
  const fits = digests.every(({ algorithm, sent }) => {
    const computed = hash(algorithm, body, 'buffer')
    return sent.length === computed.length && timingSafeEqual(sent, computed)
  })
  return fits ? undefined : 'digest-mismatch'
}

function readDigests(header: string): { algorithm: string; sent: Buffer }[] | undefined {
  try {
    const parsed = parseDictionary(header)
    if (serializeDictionary(parsed) !== header) return undefined
    return hashes.flatMap(([name, algorithm]) => {
      const [value] = parsed.get(name) ?? []
      if (value === undefined) return []
      if (!(value instanceof ArrayBuffer)) throw new TypeError('a digest is a byte sequence')
      return [{ algorithm, sent: Buffer.from(value) }]
    })
  } catch {
    return undefined
  }
}
