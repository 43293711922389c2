import { dummyMatch, faultAdvice, matches, type Peppers, readAuthorization } from '#libs/credentials/index'
import type { StepDecision } from '#libs/events/index'
import {
  contradiction,
  deviations,
  Diagnosis,
  dialectOf,
  errors,
  isScimMediaType,
  namesAnotherCharset,
  type JsonValue,
  parseJson,
  ScimError,
} from '#libs/scim/index'
import type { Currency } from './currency.ts'
import { type Endpoint, findEndpoint, writes } from './endpoints.ts'
import { asksForDryRun } from './rehearsal.ts'
import type { KnownConnection, KnownKey, Principal } from './principal.ts'
import type { Doubt } from './record-store.ts'

/** What HTTP brought, before anything of it is believed. */
export interface Arrival {
  readonly requestId: string
  readonly method: string
  /** The connection that the address names, and what follows it. */
  readonly connectionId: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly address: string
  readonly receivedAt: Date
  readonly began: number
  readonly traceId: string
  readonly traceparent: string
  /** The whole body; rejects with a ScimError when it is longer than `limit` bytes, breaks off or takes too long. */
  readBody(limit: number): Promise<Buffer>
}

/** What the way in has to ask of others. */
export interface WayInParts {
  readonly trust: {
    key(kid: string): Promise<KnownKey | undefined>
    connection(id: string): Promise<KnownConnection | undefined>
  }
  /** Whether what `trust` answers is no older than it may be. */
  readonly currency: Pick<Currency, 'ofMinted' | 'ofRevoked'>
  readonly peppers: Peppers
  readonly bodyLimit: number
}

/** One request on its way in: each step adds what it found out. */
export interface Passage {
  readonly arrival: Arrival
  readonly steps: StepDecision[]
  /** True once the request's record is stored together with what the request wrote. */
  recorded: boolean
  /** Set when it is not known whether it is. */
  doubt?: Doubt
  /** Set for an operation of a bulk request: the id of that request. */
  readonly within?: { readonly requestId: string }
  /** Set when an operator sends a captured request again: the id of that request. */
  readonly replayOf?: string
  connection?: KnownConnection
  key?: KnownKey
  endpoint?: Endpoint
  /** True when nothing but the request's record may be stored. */
  isRehearsal?: boolean
  body?: JsonValue | undefined
  /** Bytes of it, where it is that of an HTTP request. */
  bodySize?: number
  /** Set once it is known who speaks. */
  diagnosis?: Diagnosis
}

/** A request whose endpoint is found. */
export interface Placed extends Passage {
  readonly endpoint: Endpoint
  readonly diagnosis: Diagnosis
  readonly resourceId: string | undefined
}

/** A request that got past every step. */
export interface Admitted extends Placed {
  readonly principal: Principal
}

type Step = (passage: Passage, parts: WayInParts) => void | Promise<void>

/**
 * The way in, in order. A step returns or throws the ScimError that is the answer; its name, decision and time go
 * into the request's record. The body is not read before the key has been proved.
 */
const wayIn: readonly (readonly [name: string, step: Step])[] = [
  ['connection', connection],
  ['size', size],
  ['key', key],
  ['currency', currency],
  ['binding', binding],
  ['endpoint', endpoint],
  ['dry-run', dryRun],
  ['body', body],
]

/** The same for what everyone may read: no key is asked for, and whether there is such a connection is not told. */
const openIn: typeof wayIn = [
  ['connection', connection],
  ['size', size],
  ['endpoint', endpoint],
]

/** The same for a request that an operator sends again: in place of a key, it takes that the connection is a sandbox. */
const replayIn: typeof wayIn = [
  ['connection', connection],
  ['sandbox', sandbox],
  ['endpoint', endpoint],
  ['dry-run', dryRun],
  ['body', body],
]

/** Takes the request past every step, or refuses it. Where no key is asked for it becomes no more than placed. */
export async function admit(passage: Passage, parts: WayInParts): Promise<Placed | Admitted> {
  const open = passage.replayOf === undefined && isOpen(passage.arrival)
  const steps = open ? openIn : passage.replayOf === undefined ? wayIn : replayIn
  for (const [name, step] of steps) await take(passage, name, () => step(passage, parts))
  const { connection: known, endpoint: found, diagnosis } = passage
  if (found === undefined || diagnosis === undefined) throw errors.internal()
  const placed = Object.assign(passage, {
    endpoint: found,
    diagnosis,
    resourceId: found.hasId ? passage.arrival.path.split('/')[2] : undefined,
  })
  if (open) return placed
  if (known === undefined) throw errors.internal()
  return Object.assign(placed, { principal: known })
}

/**
 * RFC 7643 section 5: how to authenticate can be read without having done so, and it tells nothing of the connection in the address. Whoever
 * presents a key there hears whether it is accepted, as people who try out a new one expect.
 */
function isOpen({ method, path, headers }: Arrival): boolean {
  return (
    path === '/ServiceProviderConfig' &&
    (method === 'GET' || method === 'HEAD') &&
    headers['authorization'] === undefined
  )
}

/** Runs one named step and records what it decided; the service's own failures are recorded as refusals too. */
export async function take<T>(passage: Passage, name: string, step: () => T | Promise<T>): Promise<T> {
  const began = performance.now()
  const record = (decision: StepDecision['decision'], code?: string): void => {
    const microseconds = Math.round((performance.now() - began) * 1000)
    passage.steps.push({ step: name, decision, microseconds, ...(code === undefined ? {} : { code }) })
  }
  try {
    const result = await step()
    record('passed')
    return result
  } catch (error) {
    record('refused', error instanceof ScimError ? error.code : 'internal')
    throw error
  }
}

function size({ arrival }: Passage, { bodyLimit }: WayInParts): void {
  if (Number(arrival.headers['content-length'] ?? 0) > bodyLimit) throw errors.payloadTooLarge(bodyLimit)
}

/** What is unknown is remembered too: nobody may have us remember long texts. */
const longestConnectionId = 64

/** Who the address names; whether there is such a connection is not told to anyone without its key. */
async function connection(passage: Passage, { trust }: WayInParts): Promise<void> {
  if (passage.arrival.connectionId.length > longestConnectionId) return
  const known = await trust.connection(passage.arrival.connectionId)
  if (known !== undefined) passage.connection = known
}

async function key(passage: Passage, { trust, currency, peppers }: WayInParts): Promise<void> {
  const presented = readAuthorization(passage.arrival.headers['authorization'])
  if (presented.kind === 'fault') {
    const { cause, fix } = faultAdvice[presented.fault]
    throw errors.unauthorized(`key-${presented.fault}`, `${cause} ${fix}`)
  }
  const known = await trust.key(presented.kid)
  if (known === undefined) {
    dummyMatch(peppers, presented.secret)
    if (!currency.ofMinted) throw unheard('key-not-heard-of', 'This key is not known here')
    throw errors.unauthorized(
      'key-unknown',
      'This key is not known here: it was never minted by this service, or it was deleted with its connection. Mint a key for this connection and paste it into the identity provider.',
    )
  }
  if (!matches(peppers, known, presented.secret)) {
    throw errors.unauthorized(
      'key-wrong-secret',
      'The secret part of this key is not the one that was minted. Copy the key again as it was shown, or mint another.',
    )
  }
  passage.key = known
  if (known.revoked) {
    throw errors.unauthorized(
      'key-revoked',
      'This key has been revoked. Mint another key for this connection and paste it into the identity provider.',
    )
  }
}

/** A key that nobody could have told us is revoked is not accepted. */
function currency(_passage: Passage, { currency: known }: WayInParts): void {
  if (!known.ofRevoked) {
    throw unheard('revocations-not-heard', 'Whether this key has been revoked is not known here')
  }
}

function unheard(code: string, cause: string): ScimError {
  return errors.undecided(
    code,
    `${cause}, since this service has not heard from the others lately. Repeat the request in 5 seconds. Its operator finds at /health/ready what is away.`,
    5,
  )
}

function binding({ key: proved, connection: known, arrival }: Passage): void {
  if (proved?.connection !== arrival.connectionId) {
    throw errors.forbidden(
      'key-of-another-connection',
      'This key belongs to another connection than the one in the address. Use the SCIM base URL that was shown with the key, or the key of this connection.',
    )
  }
  checkEnabled(known)
}

function sandbox({ connection: known }: Passage): void {
  if (known?.environment !== 'sandbox') {
    throw errors.forbidden(
      'not-a-sandbox',
      'Only a request of a sandbox can be sent again. Use a connection of that environment.',
    )
  }
  checkEnabled(known)
}

function checkEnabled(known: KnownConnection | undefined): void {
  if (known === undefined || !known.enabled) {
    throw errors.forbidden(
      'connection-disabled',
      'This connection is disabled. Enable it again before provisioning goes on.',
    )
  }
}

function endpoint(passage: Passage): void {
  diagnose(passage)
  passage.endpoint = findEndpoint(passage.arrival.method, passage.arrival.path)
}

function dryRun(passage: Passage): void {
  const asked = asksForDryRun(passage.arrival) || passage.connection?.settings.mode === 'dry-run'
  passage.isRehearsal = asked && passage.endpoint !== undefined && writes(passage.endpoint)
}

async function body(passage: Passage, { bodyLimit }: WayInParts): Promise<void> {
  if (passage.endpoint?.takesBody !== true) return
  const { arrival } = passage
  const contentType = arrival.headers['content-type']
  if (!isScimMediaType(contentType)) throw errors.unsupportedMediaType(contentType)
  const encoding = arrival.headers['content-encoding']
  if (encoding !== undefined && !/^identity$/i.test(encoding)) throw errors.unsupportedContentEncoding(encoding)
  const bytes = await arrival.readBody(bodyLimit)
  passage.bodySize = bytes.length
  passage.body = parseJson(decode(bytes))
  diagnose(passage)
  if (namesAnotherCharset(contentType)) passage.diagnosis?.push(deviations.anotherCharset(''))
}

/** Who speaks: by the connection, once it is proved that its caller does, and by as much of the request as is known. */
function diagnose(passage: Passage): void {
  const { arrival, connection: known, key: proved, replayOf, body: read } = passage
  const { method, path, query, headers } = arrival
  const traits = { method, path, query, userAgent: headers['user-agent'], body: read }
  const isTheirs = proved !== undefined || replayOf !== undefined
  const kind = (isTheirs ? known?.identityProvider : undefined) ?? 'other'
  passage.diagnosis = new Diagnosis(dialectOf(kind, traits))
  const other = contradiction(kind, traits)
  if (other !== undefined) passage.diagnosis.push(deviations.anotherDialect('', other))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw errors.invalidSyntax('The body is not UTF-8. Encode it as UTF-8 (RFC 7644 section 3.8).')
  }
}
