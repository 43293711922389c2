import type { Nonces } from '#libs/cache/index'
import type { FaultyKey, Peppers, ReadKey, Secret } from '#libs/credentials/index'
import type { StepDecision } from '#libs/events/index'
import type { Breach, Caller } from '#libs/http/index'
import type { Counted } from '#libs/rates/index'
import { type Diagnosis, errors, type JsonValue, ScimError } from '#libs/scim/index'
import type { AccessTokens, ClaimedToken, TokenFault } from './access-token.ts'
import { certificate } from './certificate.ts'
import type { Currency } from './currency.ts'
import { type GuardRules, isOfGuard } from './deprovisioning.ts'
import type { Endpoint } from './endpoints.ts'
import type { KnownConnection, KnownKey, Principal } from './principal.ts'
import { proved, proving } from './proof.ts'
import type { Rates } from './rates.ts'
import type { BodyLimits } from './read-body.ts'
import type { Doubt } from './record-store.ts'
import { address } from './steps/address.ts'
import { client } from './steps/client.ts'
import { connection, sandbox } from './steps/connection.ts'
import { guard } from './steps/guard.ts'
import { acceptedStill, key } from './steps/key.ts'
import { payload } from './steps/payload.ts'
import { rate } from './steps/rate.ts'
import { shape } from './steps/shape.ts'
import { signature } from './steps/signature.ts'
import type { SigningKeys } from './signing-keys.ts'
import { transport } from './steps/transport.ts'

/** What HTTP brought, before anything of it is believed. */
export interface Arrival {
  readonly requestId: string
  readonly method: string
  /** The connection that the address names, and what follows it. */
  readonly connectionId: string
  readonly path: string
  readonly query: URLSearchParams
  /** Path and query as they were sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The rule of HTTP that it breaks; undefined for none. */
  readonly breach: Breach | undefined
  readonly caller: Caller
  readonly receivedAt: Date
  readonly began: number
  readonly traceId: string
  readonly traceparent: string
  /** The whole body; rejects with a ScimError when it is longer than `limit` bytes, breaks off or takes too long. */
  readBody(limit: number): Promise<Buffer>
}

/** Digests keys under the current pepper when they are used: only then their secret is known. */
export interface DigestRenewal {
  /** `key` has just been proved by the secret. Nobody waits for it; it never throws. */
  renew(key: KnownKey, secret: Secret): void
}

/** What the way in has to ask of others. */
export interface WayInParts {
  readonly trust: {
    key(kid: string): Promise<KnownKey | undefined>
    connection(id: string): Promise<KnownConnection | undefined>
    remembered(id: string): KnownConnection | undefined
  }
  /** Whether what `trust` answers is no older than it may be. */
  readonly currency: Pick<Currency, 'ofMinted' | 'look'>
  readonly peppers: Peppers
  readonly rates: Pick<Rates, 'recognises' | 'unread' | 'forgive' | 'refusal' | 'count' | 'failed'>
  readonly bodyLimits: BodyLimits
  readonly signatures: {
    /** The address that identity providers are given. */
    readonly publicUrl: URL
    readonly keys: Pick<SigningKeys, 'of'>
    readonly nonces: Pick<Nonces, 'take'>
  }
  readonly digests: DigestRenewal
  readonly tokens: Pick<AccessTokens, 'read' | 'issue'>
  readonly clock: () => Date
  /** Told of what an operator must mend. */
  readonly failed: (error: unknown, traceId: string) => void
}

/** A key or a token, or what is wrong with it; neither has been proved. */
export type Presented = ReadKey | FaultyKey | ClaimedToken | TokenFault

/** One request on its way in: each step adds what it found out. */
export interface Passage {
  /** Of a request for a token as of one that presents the client's secret to the connection that is its id, as soon as these are read. */
  arrival: Arrival
  readonly steps: StepDecision[]
  /** True once the request's record is stored together with what the request wrote. */
  recorded: boolean
  /** Set when it is not known whether it is. */
  doubt?: Doubt
  /** Set for an operation of a bulk request: the id of that request. */
  readonly within?: { readonly requestId: string }
  /** Set when an operator sends a captured request again: the id of that request. */
  readonly replayOf?: string
  /** In its Authorization header, or in the body of a request for a token. */
  presented?: Presented
  /** Set when the key is presented to be exchanged for a token. */
  readonly asksForToken?: {
    /** Reads the body for its client; once, whoever asks. Rejects with the ScimError that says what is wrong with it. */
    client(): Promise<Arrival>
  }
  /** Set while it counts for its network, as one whose key has neither been proved nor heard of here; nothing is looked up for others of that kind. Undefined again once it has turned out to be good. */
  counted?: Counted
  /** For one that is refused as too much: how many such were left out of the record before it, or that it is one of them. */
  alike?: number | 'left out'
  /** For the same: what is waited for before it is answered. */
  turn?: () => Promise<boolean>
  connection?: KnownConnection
  key?: KnownKey
  endpoint?: Endpoint
  /** True when nothing but the request's record may be stored. */
  isRehearsal?: boolean
  /** The body as it came, once it is read. */
  bytes?: Buffer
  /** By what it is counted, should it deactivate or delete somebody. */
  guard?: GuardRules
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

/** What a step says that had nothing to ask of the request: its record is not to claim that something was proved. */
export type Skipped = 'skipped'

export type Step = (passage: Passage, parts: WayInParts) => void | Skipped | Promise<void | Skipped>

/**
 * The way in, in order. A step returns or throws the ScimError that is the answer; its name, decision and time go
 * into the request's record. The body is not read before the key has been proved.
 */
const wayIn: readonly (readonly [name: string, step: Step])[] = [
  ['shape', shape],
  ['transport', transport],
  ['address', address],
  ['rate', rate],
  ['key', proving(key)],
  ['signature', proved(signature)],
  ['payload', payload],
  ['guard', guard],
]

/** The same for a key that is to be exchanged for a token. Where it is in the body, that is read in the step `client`. */
const tokenIn: typeof wayIn = [
  ['shape', shape],
  ['transport', transport],
  ['address', address],
  ['rate', rate],
  ['client', client],
  ['key', proved(key)],
]

/** The same for what everyone may read: no key is asked for, and whether there is such a connection is not told. */
const openIn: typeof wayIn = [
  ['shape', shape],
  ['transport', transport],
  ['address', address],
  ['rate', rate],
  ['connection', connection],
  ['payload', payload],
]

/** The same for a request that an operator sends again: in place of a key, it takes that the connection is a sandbox. */
const replayIn: typeof wayIn = [
  ['sandbox', sandbox],
  ['payload', payload],
  ['guard', guard],
]

/** Takes the key past every step that a token is asked of. Throws the ScimError that refuses it. */
export async function admitForToken(passage: Passage, parts: WayInParts): Promise<KnownKey> {
  const named = parts.trust.remembered(passage.arrival.connectionId)
  if (named !== undefined) passage.connection = named
  for (const [name, step] of tokenIn) await take(passage, name, () => step(passage, parts))
  if (passage.key === undefined) throw errors.internal()
  return passage.key
}

/** Takes the request past every step, or refuses it. Where no key is asked for it becomes no more than placed. */
export async function admit(passage: Passage, parts: WayInParts): Promise<Placed | Admitted> {
  const open = passage.replayOf === undefined && isOpen(passage.arrival)
  const steps = open ? openIn : passage.replayOf === undefined ? wayIn : replayIn
  const named = parts.trust.remembered(passage.arrival.connectionId)
  if (named !== undefined) passage.connection = named
  for (const [name, step] of steps) await take(passage, name, () => step(passage, parts))
  if (passage.bytes !== undefined) await lookAgain(passage, parts)
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
  const record = (decision: StepDecision['decision'], code?: string, step = name): void => {
    const microseconds = Math.round((performance.now() - began) * 1000)
    passage.steps.push({ step, decision, microseconds, ...(code === undefined ? {} : { code }) })
  }
  try {
    const result = await step()
    record(result === 'skipped' ? 'skipped' : 'passed')
    return result
  } catch (error) {
    const isGuard = error instanceof ScimError && isOfGuard(error)
    if (isGuard) takeBack(passage, 'guard')
    record('refused', error instanceof ScimError ? error.code : 'internal', isGuard ? 'guard' : name)
    throw error
  }
}

/** The key, and the certificate where it asks for one, once more: the body may have taken long, and either been withdrawn meanwhile. Another decision takes the place of the first. */
export async function lookAgain(
  passage: Passage,
  parts: Pick<WayInParts, 'trust' | 'currency' | 'clock'>,
): Promise<void> {
  await again(passage, 'key', () => acceptedStill(passage, parts))
  const authentication = passage.key?.policy.authentication
  if (authentication?.method !== 'mtls') return
  await again(passage, 'signature', () => certificate(passage, authentication.certificates, parts.clock()))
}

async function again(passage: Passage, name: string, step: () => void | Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    takeBack(passage, name)
    await take(passage, name, () => Promise.reject(error))
  }
}

/** The guard speaks while the write is decided, and the key may be looked at again: the step that let the request go on as far as that has had its last word then. */
function takeBack({ steps }: Passage, name: string): void {
  const before = steps.findIndex(({ step }) => step === name)
  if (before !== -1) steps.splice(before, 1)
}
