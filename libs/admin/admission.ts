import { createHash, timingSafeEqual } from 'node:crypto'
import { AddressRanges, readAddress } from '#libs/addresses/index'
import {
  looksLikeAdminToken,
  matches,
  type Peppers,
  readAdminToken,
  type Secret,
  UnreadablePeppers,
} from '#libs/credentials/index'
import { type Problem, problems } from '#libs/http/index'
import { hideSecret } from '#libs/telemetry/index'
import type { KnownToken, KnownTokens } from './store/known-tokens.ts'
import { type Actor, bootstrap } from './powers.ts'
import type { TokenLookUps } from './token-look-ups.ts'

/** Nest provider: who is let into the admin APIs of a service. */
export const ADMISSION = Symbol('ADMISSION')

/** What is known of the tokens that were made. */
export type TokenSource = Pick<KnownTokens, 'find' | 'forgetAll'>

export interface AdmissionParts<Tokens extends TokenSource = KnownTokens> {
  /** The tokens of the data folder or the environment: all powers, for as long as they are set. */
  readonly bootstrap: readonly string[]
  readonly tokens: Tokens
  /** Bounds the look-ups of tokens that nobody has proved to be the bearer of. */
  readonly lookUps: TokenLookUps
  readonly peppers: Peppers
  readonly clock: () => Date
  /** Whether every revocation is known here, those of the last 5 seconds excepted. */
  readonly isCurrent: () => boolean
  /** Told of who was let in by a digest under an older pepper than the current: only then the secret is known. */
  readonly outdated?: (token: KnownToken, secret: Secret) => void
  /** Told of what its operator has to mend, at each use of a token that it keeps from being let in. */
  readonly onFailure: (error: unknown) => void
}

const whereFound =
  'It is the value of LATCHKEY_ADMIN_TOKEN, the content of the file admin-token in the data folder, or a token made with latchkey tokens create.'

/** Who presents an admin token, and whether it is accepted still. */
export class Admission<Tokens extends TokenSource = KnownTokens> {
  readonly #parts: AdmissionParts<Tokens>
  readonly #bootstrap: readonly Buffer[]
  #hasLapsed = false

  constructor(parts: AdmissionParts<Tokens>) {
    // Whoever puts it into an address must not find it in a record or a log.
    for (const token of parts.bootstrap) hideSecret(token)
    this.#parts = parts
    this.#bootstrap = parts.bootstrap.map(digest)
  }

  /** The tokens that it goes by. */
  get tokens(): Tokens {
    return this.#parts.tokens
  }

  /**
   * The bearer of the token in the Authorization header. `proved` is told of him also where he is refused after that, for the record.
   * @throws Problem `unauthorized`, `tokenRevoked`, `tokenExpired`, `addressRefused`; `tooManyRefused` before it is looked up; `pepperUnknown`; `unavailable` while revocations may be unknown here
   */
  async admit(
    authorization: string | undefined,
    address: string,
    proved: (actor: Actor) => void = () => undefined,
  ): Promise<Actor> {
    const text = tokenIn(authorization)
    const actor = this.isBootstrap(text) ? bootstrap : await this.#prove(text, address, proved)
    proved(actor)
    return actor
  }

  /** Whether it is the token of the data folder or the environment. */
  isBootstrap(text: string): boolean {
    const given = digest(text)
    return this.#bootstrap.filter((expected) => timingSafeEqual(expected, given)).length > 0
  }

  async #prove(text: string, address: string, proved: (actor: Actor) => void): Promise<Actor> {
    if (!looksLikeAdminToken(text)) throw problems.unauthorized(`The admin token is wrong. ${whereFound}`)
    const { tokens, lookUps, peppers, clock, outdated } = this.#parts
    const presented = readAdminToken(text)
    if (presented === undefined) {
      throw problems.unauthorized(
        'The admin token is damaged: a part of it is missing or was changed. Copy it again, 67 characters from lka_ to the end.',
      )
    }
    const accepted = await lookUps.take(presented.id, address)
    // Before anything is read: what is remembered from a time in which it was not so may be older than a revocation.
    const wasCurrent = this.#isCurrent()
    const known = await tokens.find(presented.id)
    const isCurrent = this.#isCurrent() && wasCurrent
    if (known === undefined) {
      matches(peppers, undefined, presented.secret)
      if (!isCurrent) throw unheard()
      throw problems.unauthorized(`The admin token is not known here: it was never made by this service. ${whereFound}`)
    }
    // A pepper may be left out that revoked tokens alone were digested under: those are refused as wrong.
    if (!known.isRevoked && !peppers.keys.has(known.pepperVersion)) throw this.#pepperUnknown(known.pepperVersion)
    if (!matches(peppers, known, presented.secret)) {
      throw problems.unauthorized('The secret part of the admin token is wrong. Copy it again as it was shown.')
    }
    proved(known)
    if (known.isRevoked) throw problems.tokenRevoked()
    if (known.expiresAt !== null && known.expiresAt <= clock()) throw problems.tokenExpired()
    if (!isCurrent) throw unheard()
    if (known.allowlist.length > 0 && !isIn(known.allowlist, address)) throw problems.addressRefused()
    await accepted()
    if (known.pepperVersion < peppers.current) outdated?.(known, presented.secret)
    return known
  }

  #pepperUnknown(version: number): Problem {
    this.#parts.onFailure(
      new UnreadablePeppers(
        `no pepper has version ${version}, under which an admin token was digested: give this service all peppers`,
      ),
    )
    return problems.pepperUnknown()
  }

  /** Told after a lapse once what was remembered meanwhile is forgotten: the table may have the revocations that it lacks by now. */
  #isCurrent(): boolean {
    const { tokens, isCurrent } = this.#parts
    const isKnown = isCurrent()
    if (isKnown && this.#hasLapsed) tokens.forgetAll()
    this.#hasLapsed = !isKnown
    return isKnown
  }
}

function isIn(ranges: readonly string[], text: string): boolean {
  const address = readAddress(text)
  return address !== undefined && AddressRanges.reading(ranges).has(address)
}

function tokenIn(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw problems.unauthorized(
      `The request has no Authorization header. Send "Authorization: Bearer <admin token>". ${whereFound}`,
    )
  }
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (token !== undefined) return token
  throw problems.unauthorized(`The Authorization header is not of the form "Bearer <admin token>". ${whereFound}`)
}

/** What nobody could have told us of is not accepted. */
function unheard() {
  return problems.unavailable(
    'Whether this admin token has been revoked is not known here, since this service has not heard from the others lately. Repeat the request in 5 seconds. Its operator finds at /health/ready what is away.',
    5,
  )
}

/** Digests have one length, so that comparing them tells nothing about the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
