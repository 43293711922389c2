import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { base62, randomDigits } from './base62.ts'

/** Names a key; public, unique, and what a key is looked up by. */
export type Kid = string & { readonly __kid: unique symbol }
/** What proves a key: 256 random bits as 43 base62 digits. */
export type Secret = string & { readonly __secret: unique symbol }
export type KeyEnvironment = 'live' | 'sandbox'

export interface ReadKey {
  readonly kind: 'key'
  readonly environment: KeyEnvironment
  readonly kid: Kid
  readonly secret: Secret
}

export type KeyFault =
  | 'missing'
  | 'empty'
  | 'other-scheme'
  | 'doubled-bearer'
  | 'tab-after-bearer'
  | 'quotes'
  | 'whitespace'
  | 'not-a-key'
  | 'admin-token'
  | 'unknown-environment'
  | 'truncated'
  | 'too-long'
  | 'bad-alphabet'
  | 'bad-checksum'

export interface FaultyKey {
  readonly kind: 'fault'
  readonly fault: KeyFault
}

/** Published for secret scanners: `lk_<live|test>_<kid>_<secret>_<checksum>`. The checksum tells a key from what only looks like one. */
export const keyFormat = /\blk_(live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b/

const whole = /^lk_(live|test)_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/
/** Characters of a key of either environment. */
export const wholeLength = 71
const tail = /[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/
// Header values reach us as latin1, so a typographic character is also met as the two or three bytes of its UTF-8 form.
const quotes = /["'`\u2018-\u201f\u00ab\u00bb]|\u00e2\u0080[\u0098-\u009f]|\u00c2[\u00ab\u00bb]/
const whitespace =
  /[\s\u200b-\u200d\u2060]|\u00c2\u00a0|\u00e2\u0080[\u008b-\u008d]|\u00e2\u0081\u00a0|\u00ef\u00bb\u00bf/

const words = { live: 'live', sandbox: 'test' } as const

/** A new key. `text` is the only form that a client ever holds; it is the caller's duty not to keep it. */
export function mintKey(environment: KeyEnvironment): { kid: Kid; secret: Secret; text: string } {
  const kid = randomDigits(12) as Kid
  const secret = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43) as Secret
  const body = `lk_${words[environment]}_${kid}_${secret}`
  return { kid, secret, text: `${body}_${checksum(body)}` }
}

/** Reads a key without any look-up: what is not exactly a minted form is told apart by the way it got broken. Never throws. */
export function readKey(text: string): ReadKey | FaultyKey {
  const match = whole.exec(text)
  if (match === null) return { kind: 'fault', fault: faultOf(text) }
  const [, word, kid, secret, sum] = match
  if (checksum(text.slice(0, text.lastIndexOf('_'))) !== sum) return { kind: 'fault', fault: 'bad-checksum' }
  return { kind: 'key', environment: word === 'live' ? 'live' : 'sandbox', kid: kid as Kid, secret: secret as Secret }
}

/** Reads the Authorization header: `Bearer <key>`, the scheme in any case (RFC 6750, RFC 9110 section 11.1), or the key alone. Never throws. */
export function readAuthorization(header: string | undefined): ReadKey | FaultyKey {
  if (header === undefined) return { kind: 'fault', fault: 'missing' }
  if (/^bearer *\t/i.test(header)) return { kind: 'fault', fault: 'tab-after-bearer' }
  const scheme = /^([A-Za-z][A-Za-z0-9-]*)(?: +(.*))?$/s.exec(header)
  if (scheme === null) return readKey(header)
  const [, name = '', credentials] = scheme
  if (name.toLowerCase() === 'bearer') return readKey(credentials ?? '')
  if (/^(basic|digest|negotiate|ntlm|dpop|hoba|mutual|token|apikey)$/i.test(name))
    return { kind: 'fault', fault: 'other-scheme' }
  return readKey(header)
}

/** Reads the part of a kid that came from a path or a command line. */
export function readKid(text: string): Kid | undefined {
  return /^[0-9A-Za-z]{12}$/.test(text) ? (text as Kid) : undefined
}

function faultOf(text: string): KeyFault {
  if (text.trim() === '') return 'empty'
  if (/^\s*["']?bearer\b/i.test(text)) return 'doubled-bearer'
  if (whitespace.test(text)) return 'whitespace'
  if (quotes.test(text)) return 'quotes'
  if (text.startsWith('lka_')) return 'admin-token'
  if (!text.startsWith('lk_')) return text.length < wholeLength && tail.test(text) ? 'truncated' : 'not-a-key'
  if (!/^[0-9A-Za-z_]*$/.test(text)) return 'bad-alphabet'
  if (text.length > wholeLength) return 'too-long'
  if (text.length < wholeLength) return 'truncated'
  return /^lk_(live|test)_/.test(text) ? 'not-a-key' : 'unknown-environment'
}

/** Six base62 digits of a CRC-32: they tell a secret of ours from what only looks like one, without any look-up. */
export function checksum(body: string): string {
  return base62(crc32(body), 6)
}
