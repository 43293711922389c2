import { randomUUID } from 'node:crypto'
import { type CompactJWSHeaderParameters, errors, jwtVerify, SignJWT } from 'jose'
import { derivedSecret, type Kid, type Peppers, readKid } from '#libs/credentials/index'
import { scimPrefix } from './names.ts'
import type { KnownKey } from './principal.ts'

/** Seconds for which a token is good at the most. */
const longestLifetime = 600

/** What a token says: which key it was given for. */
export type ReadToken =
  | { readonly kind: 'token'; readonly kid: Kid }
  | { readonly kind: 'fault'; readonly fault: 'token-expired' | 'token-invalid' }

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
  readonly #secrets: ReadonlyMap<string, Uint8Array>
  readonly #current: string
  readonly #issuer: string
  readonly #audience: string

  /** `issuer` is the address that identity providers are given. */
  constructor(peppers: Peppers, issuer: string) {
    const versions = [...peppers.keys.keys()]
    this.#secrets = new Map(
      versions.map((version) => [String(version), derivedSecret(peppers, 'access tokens', version)]),
    )
    this.#current = String(peppers.current)
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
      .sign(this.#secretOf(this.#current))
    return { text, expiresIn: Math.max(0, expires - seconds) }
  }

  /** Never rejects. Of the time nothing but the expiry counts, so that a gateway whose clock is behind takes what another has just issued. */
  async read(text: string, now: Date): Promise<ReadToken> {
    const options = {
      algorithms: [algorithm],
      typ,
      issuer: this.#issuer,
      audience: this.#audience,
      requiredClaims: ['exp', 'sub'],
      currentDate: now,
    }
    try {
      const { payload } = await jwtVerify(
        text,
        ({ kid = '' }: CompactJWSHeaderParameters) => this.#secretOf(kid),
        options,
      )
      const kid = readKid(payload.sub ?? '')
      return kid === undefined ? { kind: 'fault', fault: 'token-invalid' } : { kind: 'token', kid }
    } catch (error) {
      return { kind: 'fault', fault: error instanceof errors.JWTExpired ? 'token-expired' : 'token-invalid' }
    }
  }

  #secretOf(version: string): Uint8Array {
    const secret = this.#secrets.get(version)
    if (secret === undefined) throw new errors.JWTInvalid('no pepper has that version')
    return secret
  }
}

type IssuedFor = Pick<KnownKey, 'kid' | 'connection' | 'policy'>

/** The token of an Authorization header that holds one, as far as its form tells; undefined for a key and anything else. */
export function tokenIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(eyJ[\w-]*\.[\w-]*\.[\w-]*)$/i.exec(authorization ?? '')?.[1]
}
