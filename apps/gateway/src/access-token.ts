import { errors, jwtVerify, SignJWT } from 'jose'
import { derivedSecret, type Kid, type Peppers, readKid } from '#libs/credentials/index'

/** Seconds for which a token is good. */
export const tokenLifetime = 600

/** What a token says: which key it was given for. */
export type ReadToken =
  | { readonly kind: 'token'; readonly kid: Kid }
  | { readonly kind: 'fault'; readonly fault: 'token-expired' | 'token-invalid' }

/**
 * Access tokens of RFC 6749 section 4.4, for identity providers that would rather exchange a key than send it. They are JWTs that every gateway of the
 * installation reads; nothing is kept of them. Whether the key is still accepted is asked with each request, so a token ends with its key.
 */
export class AccessTokens {
  readonly #secret: Uint8Array
  readonly #issuer: string

  /** `issuer` is the address that identity providers are given. */
  constructor(peppers: Peppers, issuer: string) {
    this.#secret = derivedSecret(peppers, 'access tokens')
    this.#issuer = issuer
  }

  /** A token for who has proved that key. */
  issue(kid: string, now: Date): Promise<string> {
    const seconds = Math.floor(now.getTime() / 1_000)
    return new SignJWT()
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .setIssuer(this.#issuer)
      .setSubject(kid)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + tokenLifetime)
      .sign(this.#secret)
  }

  /** Never rejects. */
  async read(text: string, now: Date): Promise<ReadToken> {
    const options = { algorithms: ['HS256'], typ: 'at+jwt', issuer: this.#issuer, currentDate: now }
    try {
      const { payload } = await jwtVerify(text, this.#secret, options)
      const kid = readKid(payload.sub ?? '')
      return kid === undefined ? { kind: 'fault', fault: 'token-invalid' } : { kind: 'token', kid }
    } catch (error) {
      return { kind: 'fault', fault: error instanceof errors.JWTExpired ? 'token-expired' : 'token-invalid' }
    }
  }
}

/** The token of an Authorization header that holds one, as far as its form tells; undefined for a key and anything else. */
export function tokenIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(eyJ[\w-]*\.[\w-]*\.[\w-]*)$/i.exec(authorization ?? '')?.[1]
}
