import { crc32 } from 'node:zlib'
import { mintKey } from '#libs/credentials/index'

/** A key or admin token of the same id with another secret, one at random unless told, and with a checksum that is right. */
export function withOtherSecret(key: string, secret: string = mintKey('live').secret): string {
  return whole([...key.split('_').slice(0, -2), secret])
}

/** The same key as if it had been minted for the other environment, with a checksum that is right. */
export function withOtherEnvironment(key: string): string {
  const [lk, word, kid, secret] = key.split('_')
  return whole([lk, word === 'live' ? 'test' : 'live', kid, secret])
}

function whole(parts: readonly (string | undefined)[]): string {
  const body = parts.join('_')
  return `${body}_${checksumOf(body)}`
}

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** As the form of keys is published: written apart from the code that is tested. */
function checksumOf(body: string): string {
  const sum = crc32(body)
  return Array.from({ length: 6 }, (_, place) => digits[Math.floor(sum / 62 ** (5 - place)) % 62]).join('')
}
