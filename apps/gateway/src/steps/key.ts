import {
  type AcceptedState,
  faultAdvice,
  type FaultyKey,
  isAccepted,
  type KeyState,
  matches,
  type Secret,
  UnreadablePeppers,
} from '#libs/credentials/index'
import { errors, ScimError } from '#libs/scim/index'
import { type Endpoint, findEndpoint } from '../endpoints.ts'
import { type KnownKey, presentState } from '../principal.ts'
import { type CodeOf, refusals } from '../refusals.ts'
import { checkScopes } from '../scopes.ts'
import type { Arrival, Passage, Presented, WayInParts } from '../way-in.ts'
import { checkEnabled, connection } from './connection.ts'

/** The key is read, looked up and compared; then whether it is accepted still, here and for what the address names. */
export async function key(passage: Passage, parts: WayInParts): Promise<void> {
  const { arrival, presented } = passage
  if (presented === undefined) throw errors.internal()
  // Before anything is read: what is remembered from a time in which it was not so may be older than a revocation.
  const isCurrent = parts.currency.look()
  // What has neither been proved nor heard of is looked up within its bounds alone, and this one was let past them.
  if (passage.counted !== undefined) await connection(passage, parts)
  const { known: proved, secret } = await prove(passage, presented, parts)
  passage.key = proved
  checkState(proved, arrival.receivedAt)
  checkCurrent(isCurrent && parts.currency.look())
  if (proved.connection !== arrival.connectionId) {
    throw refusals.forbidden(
      'key-of-another-connection',
      'This key belongs to another connection than the one that is asked for. Use the SCIM base URL or the client_id that was shown with the key, or the key of this connection.',
    )
  }
  await connection(passage, parts)
  checkAddress(proved, arrival.caller)
  const endpoint = endpointOf(arrival)
  if (endpoint !== undefined) checkScopes(proved.policy, endpoint)
  checkEnabled(passage.connection)
  checkMethod(passage, proved)
  if (secret !== undefined) parts.digests.renew(proved, secret)
}

/**
 * Whether a key that was accepted is so still, here and for what the address names: for what comes later, such as the end of a body or another operation of
 * a bulk request. What it may do is from then on what it may do now. Throws the ScimError that refuses it.
 */
export async function acceptedStill(
  passage: Passage,
  { trust, currency, clock }: Pick<WayInParts, 'trust' | 'currency' | 'clock'>,
): Promise<void> {
  const { key: accepted, arrival, endpoint } = passage
  if (accepted === undefined) return
  const isCurrent = currency.look()
  const known = await trust.key(accepted.kid)
  if (known === undefined) throw unknown()
  passage.key = known
  checkState(known, clock())
  const place = await trust.connection(known.connection)
  checkCurrent(isCurrent && currency.look())
  checkAddress(known, arrival.caller)
  if (endpoint !== undefined) checkScopes(known.policy, endpoint)
  checkEnabled(place)
}

async function prove(
  passage: Passage,
  presented: NonNullable<Passage['presented']>,
  { trust, currency, peppers, tokens, failed }: WayInParts,
): Promise<{ known: KnownKey; secret?: Secret }> {
  if (presented.kind === 'fault') throw faulty(presented)
  if (presented.kind === 'token') {
    const read = tokens.read(presented.text, passage.arrival.receivedAt)
    if (read.kind === 'fault') throw faulty(read)
  }
  const known = await trust.key(presented.kid)
  if (known === undefined) {
    if (presented.kind === 'key') matches(peppers, undefined, presented.secret)
    if (!currency.ofMinted) throw unheard('key-not-heard-of', 'This key is not known here')
    throw unknown()
  }
  // Whoever had the token made has proved the key.
  if (presented.kind === 'token') return { known }
  // One that was revoked before it was heard of has no digest, which fits nothing.
  if (known.digest.length > 0 && !peppers.keys.has(known.pepperVersion)) {
    failed(new UnreadablePeppers(`no pepper has version ${known.pepperVersion}`), passage.arrival.traceId)
    throw refusals.undecided(
      'pepper-unknown',
      'This key cannot be compared here, since this service does not have the pepper that it was digested under. Repeat the request in 5 seconds. Its operator gives every gateway all peppers.',
      5,
    )
  }
  if (!matches(peppers, known, presented.secret)) {
    throw refusals.unauthorized(
      'key-wrong-secret',
      'The secret part of this key is not the one that was minted. Copy the key again as it was shown, or mint another.',
    )
  }
  if (known.environment !== presented.environment) {
    // Its secret is right: whose it is goes into the record.
    passage.key = known
    throw refusals.unauthorized(
      'key-of-another-environment',
      'This key was minted for the other environment than the one that it names. Copy the key again as it was shown, or mint another.',
    )
  }
  return { known, secret: presented.secret }
}

/** With these no bearer token came at all. */
const unpresented = ['missing', 'empty', 'other-scheme'] as const

function isUnpresented(fault: FaultyKey['fault']): fault is (typeof unpresented)[number] {
  return unpresented.some((each) => each === fault)
}

function faulty({ fault }: Extract<Presented, { kind: 'fault' }>): ScimError {
  if (fault === 'token-expired') {
    return refusals.unauthorized(
      fault,
      'This access token has expired. Get another at /oauth2/token, and send the request again.',
    )
  }
  if (fault === 'token-of-another-address') {
    return refusals.unauthorized(
      fault,
      'This access token was issued at another public address of this installation than that of this gateway (LATCHKEY_PUBLIC_URL). Get another at /oauth2/token of the address that requests are sent to; its operator gives all gateways and the keys service one address.',
    )
  }
  if (fault === 'token-invalid') {
    return refusals.unauthorized(
      fault,
      'This is no access token of this installation, or it was changed. Get another at /oauth2/token.',
    )
  }
  const { cause, fix } = faultAdvice[fault]
  const detail = `${cause} ${fix}`
  return isUnpresented(fault)
    ? refusals.unauthenticated(`key-${fault}`, detail)
    : refusals.unauthorized(`key-${fault}`, detail)
}

/** A key that is to be exchanged is not to travel with each request, and any other is not to be exchanged. */
function checkMethod({ presented, asksForToken }: Passage, { policy }: KnownKey): void {
  const isExchanged = policy.authentication.method === 'oauth'
  if (presented?.kind === 'token' && !isExchanged) throw faulty({ kind: 'fault', fault: 'token-invalid' })
  if (asksForToken !== undefined && !isExchanged) {
    throw refusals.forbidden(
      'key-takes-no-token',
      'This key is sent with each request as a bearer, and is not exchanged for a token. Send it so, or mint a key whose authentication is oauth.',
    )
  }
  if (asksForToken === undefined && isExchanged && presented?.kind !== 'token') {
    throw refusals.unauthorized(
      'key-needs-token',
      'This key is a client secret: it is exchanged for an access token (POST /oauth2/token, grant client_credentials), and that is sent with each request.',
    )
  }
}

function unknown(): ScimError {
  return refusals.unauthorized(
    'key-unknown',
    'This key is not known here: it was never minted by this service, or a moment ago, or it was deleted with its connection. Mint a key for this connection and paste it into the identity provider.',
  )
}

function checkCurrent(isCurrent: boolean): void {
  if (!isCurrent) throw unheard('revocations-not-heard', 'Whether this key has been revoked is not known here')
}

function checkState(known: KnownKey, now: Date): void {
  const present = presentState(known, now)
  if (isAccepted(present)) return
  throw refusals.unauthorized(`key-${present}`, `${ended[present]} ${mintAnother}`)
}

const ended: Readonly<Record<Exclude<KeyState, AcceptedState>, string>> = {
  expired: 'This key has expired.',
  cancelled: 'This key was cancelled before it was ever used.',
  revoked: 'This key has been revoked.',
}
const mintAnother = 'Mint another key for this connection and paste it into the identity provider.'

function checkAddress({ allowed }: KnownKey, { address, text }: Arrival['caller']): void {
  if (allowed === undefined || (address !== undefined && allowed.has(address))) return
  throw refusals.forbidden(
    'key-address-not-allowed',
    `This key is taken from listed addresses alone, and ${text} is none of them. Send from one of those, or let its operator add this one to the allowlist of the key.`,
  )
}

/** Undefined for what is no endpoint: that is for a later step to tell. */
function endpointOf({ method, path }: Arrival): Endpoint | undefined {
  try {
    return findEndpoint(method, path)
  } catch {
    return undefined
  }
}

/** What nobody could have told us of is not accepted. */
function unheard(code: CodeOf<'undecided'>, cause: string): ScimError {
  return refusals.undecided(
    code,
    `${cause}, since this service has not heard from the others lately. Repeat the request in 5 seconds. Its operator finds at /health/ready what is away.`,
    5,
  )
}
