import { createHmac, createSecretKey, type KeyObject, randomUUID, timingSafeEqual } from 'node:crypto'
import { SignJWT } from 'jose'
import { derivedSecret, type Kid, type Peppers, readKid } from '#libs/credentials/index'
import { scimPrefix } from './names.ts'
import type { KnownKey } from './principal.ts'

/** Seconds for which a token is good at the most. */
const longestLifetime = 600

/** What a token says: which key it was given for. */
export type ReadToken = { readonly kind: 'token'; readonly kid: Kid } | TokenFault

export interface TokenFault {
  readonly kind: 'fault'
  readonly fault: 'token-expired' | 'token-of-another-address' | 'token-invalid'
}

export interface IssuedToken {
  readonly text: string
  /** In seconds. */
  readonly expiresIn: number
}

const algorithm = 'HS256'
/** RFC 9068 section 2.1. */
const typ = 'at+jwt'

/**
 * Access tokens of RFC 6749 section 4.4, for identity providers that would rather exchange a key than send it. They are JWTs by the profile of
 * RFC 9068, which every gateway of the installation reads; nothing is kept of them. Whether the key is still accepted is asked with each request, so a token ends with its key.
 */
export class AccessTokens {
  /** By the version of the pepper that each is derived from: what was issued before a pepper was added is read after it. */
  readonly #secrets: ReadonlyMap<string, KeyObject>
  readonly #current: string
  readonly #signing: KeyObject
  readonly #issuer: string
  readonly #audience: string

  /** `issuer` is the address that identity providers are given. */
  constructor(peppers: Peppers, issuer: string) {
    const versions = [...peppers.keys.keys()]
    this.#secrets = new Map(
      versions.map((version) => [String(version), createSecretKey(derivedSecret(peppers, 'access tokens', version))]),
    )
    this.#current = String(peppers.current)
    this.#signing = createSecretKey(derivedSecret(peppers, 'access tokens'))
    this.#issuer = issuer
    this.#audience = `${issuer}${scimPrefix}`
  }

  /** A token for who has proved that key; it holds nothing of the key's secret, and is not good for longer than the key. */
  async issue({ kid, connection, policy }: IssuedFor, now: Date): Promise<IssuedToken> {
    const seconds = Math.floor(now.getTime() / 1_000)
    const end = policy.expiresAt === null ? Infinity : Math.floor(Date.parse(policy.expiresAt) / 1_000)
    const expires = Math.min(seconds + longestLifetime, end)
    const text = await new SignJWT({ client_id: connection })
      .setProtectedHeader({ alg: algorithm, typ, kid: this.#current })
      .setIssuer(this.#issuer)
      .setAudience(this.#audience)
      .setSubject(kid)
      .setJti(randomUUID())
      .setIssuedAt(seconds)
      .setExpirationTime(expires)
      .sign(this.#signing)
    return { text, expiresIn: Math.max(0, expires - seconds) }
  }

  /** Never throws. Of the time nothing but the expiry counts, so that a gateway whose clock is behind takes what another has just issued. */
  read(text: string, now: Date): ReadToken {
    const [header = '', claims = '', signature = ''] = text.split('.')
    const { alg, typ: type, kid: version, crit } = partOf(header)
    const secret = typeof version === 'string' ? this.#secrets.get(version) : undefined
    if (alg !== algorithm || type !== typ || crit !== undefined || secret === undefined) return invalid
    // As texts: of several that are read as the same bytes the one that was written is taken.
    const made = Buffer.from(createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url'))
    const sent = Buffer.from(signature)
    if (sent.length !== made.length || !timingSafeEqual(sent, made)) return invalid
    const { iss, aud, exp, sub } = partOf(claims)
    const kid = typeof sub === 'string' ? readKid(sub) : undefined
    if (iss !== this.#issuer) return { kind: 'fault', fault: 'token-of-another-address' }
    if (aud !== this.#audience || typeof exp !== 'number' || kid === undefined) return invalid
    return exp <= Math.floor(now.getTime() / 1_000) ? { kind: 'fault', fault: 'token-expired' } : { kind: 'token', kid }
  }
}

const invalid = { kind: 'fault', fault: 'token-invalid' } as const

/** A part that is no JSON object holds nothing. */
function partOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const part: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof part === 'object' && part !== null ? { ...part } : {}
  } catch {
    return {}
  }
}

/** What a token claims to be; it is to be read before that is believed. */
export interface ClaimedToken {
  readonly kind: 'token'
  readonly kid: Kid
  readonly text: string
}

export function claimOf(text: string): ClaimedToken | TokenFault {
  const { sub } = partOf(text.split('.', 2)[1] ?? '')
  const kid = typeof sub === 'string' ? readKid(sub) : undefined
  return kid === undefined ? invalid : { kind: 'token', kid, text }
}

type IssuedFor = Pick<KnownKey, 'kid' | 'connection' | 'policy'>

/** The token of an Authorization header that holds one, as far as its form tells; undefined for a key and anything else. */
export function tokenIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(eyJ[\w-]*\.[\w-]*\.[\w-]*)$/i.exec(authorization ?? '')?.[1]
}
