import { randomBytes } from 'node:crypto'
import { base62, randomDigits } from './base62.ts'
import { checksum, type Secret } from './key.ts'

/** Names an admin token; public, unique, and what a token is looked up by. */
export type TokenId = string & { readonly __tokenId: unique symbol }

export interface ReadAdminToken {
  readonly id: TokenId
  readonly secret: Secret
}

/** Published for secret scanners: `lka_<id>_<secret>_<checksum>`, made as provisioning keys are. */
export const adminTokenFormat = /\blka_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b/

const whole = /^lka_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/

/** A new admin token with a secret of 256 random bits. `text` is the only form that a client ever holds; it is the caller's duty not to keep it. */
export function mintAdminToken(): { id: TokenId; secret: Secret; text: string } {
  const id = randomDigits(12) as TokenId
  const secret = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43) as Secret
  const body = `lka_${id}_${secret}`
  return { id, secret, text: `${body}_${checksum(body)}` }
}

/** Whether a text means to be an admin token, be it broken. */
export function looksLikeAdminToken(text: string): boolean {
  return text.startsWith('lka_')
}

/** Reads a token without any look-up; undefined for what is not exactly a minted form. Never throws. */
export function readAdminToken(text: string): ReadAdminToken | undefined {
  const [, id, secret, sum] = whole.exec(text) ?? []
  if (id === undefined || secret === undefined || checksum(text.slice(0, text.lastIndexOf('_'))) !== sum)
    return undefined
  return { id: id as TokenId, secret: secret as Secret }
}

/** Reads the id of a token that came from a path or a command line. */
export function readTokenId(text: string): TokenId | undefined {
  return /^[0-9A-Za-z]{12}$/.test(text) ? (text as TokenId) : undefined
}
