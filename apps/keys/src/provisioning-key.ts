import {
  digest,
  isAccepted,
  type KeyAct,
  type KeyState,
  type Kid,
  mintKey,
  next,
  open,
  type Peppers,
  seal,
} from '#libs/credentials/index'
import {
  type AnyEvent,
  defaultPolicy,
  type Environment,
  type Event,
  type KeyPolicy,
  makeEvent,
} from '#libs/events/index'
import type { DataKey } from '#libs/sealing/index'
import type { Connection } from './connection.ts'
import { needsDataKey, signingSecretOf, type WantedPolicy, withSigningSecret } from './signing-secret.ts'

/** What is kept of a key: never its secret, but for sandbox keys, sealed. */
export interface ProvisioningKey {
  readonly kid: Kid
  readonly connection: string
  readonly tenant: string
  readonly environment: Environment
  readonly state: KeyState
  /** Counts its events. */
  readonly version: number
  readonly policy: KeyPolicy
  readonly pepperVersion: number
  readonly digest: Uint8Array
  /** The whole text of a sandbox key that is accepted; null otherwise. */
  readonly sealed: string | null
  /** The whole text, sealed, of a pending key that nobody has been shown yet; null otherwise. What it signs by is in its policy. */
  readonly unrevealed: string | null
  readonly createdAt: Date
  readonly activatedAt: Date | null
  readonly retiredAt: Date | null
  /** Of a retiring key: until when it is accepted; null while that is not known. */
  readonly until: Date | null
  /** When a request first brought it over plain HTTP; null where none did. */
  readonly exposedAt: Date | null
  /** When it expired, was cancelled or revoked. */
  readonly endedAt: Date | null
}

/** What is to be answered once and kept nowhere in clear. */
export interface Shown {
  /** The whole key. */
  readonly text: string
  /** What its requests are signed by, where its policy has it sign by a secret. */
  readonly signingSecret?: string | undefined
}

export interface Minted extends Shown {
  readonly key: ProvisioningKey
}

/** Two, so that one can replace the other while both work. */
export const acceptedAtMost = 2

/** What the text of a sandbox key is sealed for. */
export const sandboxPurpose = 'sandbox key'
const unrevealedPurpose = 'key to reveal'

/**
 * A new key of the connection, pending. The
 * policy may be that of another key, whose place this one is to take: it then has a signing secret of its own. `dataKey` is that of the tenant.
 * @throws TypeError where the policy `needsDataKey` and there is none
 */
export function mint(
  connection: Connection,
  peppers: Peppers,
  now: Date,
  wanted: WantedPolicy = defaultPolicy,
  dataKey?: DataKey,
): Minted {
  const { kid, secret, text } = mintKey(connection.environment)
  const { policy, ...signing } = withSigningSecret(wanted, kid, dataKey)
  const context = { purpose: sandboxPurpose, of: [connection.tenant, kid] }
  return {
    text,
    ...signing,
    key: {
      kid,
      connection: connection.id,
      tenant: connection.tenant,
      environment: connection.environment,
      state: 'pending',
      version: 1,
      policy,
      pepperVersion: peppers.current,
      digest: digest(peppers, peppers.current, secret),
      sealed: connection.environment === 'sandbox' ? seal(peppers, context, text) : null,
      unrevealed: null,
      createdAt: now,
      activatedAt: null,
      retiredAt: null,
      until: null,
      exposedAt: null,
      endedAt: null,
    },
  }
}

/** The text of an accepted sandbox key, which may be shown again; undefined for any other, and under other peppers. */
export function shownAgain(key: ProvisioningKey, peppers: Peppers): string | undefined {
  if (key.sealed === null) return undefined
  return open(peppers, { purpose: sandboxPurpose, of: [key.tenant, key.kid] }, key.sealed)
}

/** A key that was minted while nobody looked keeps its text, sealed, until it is revealed, used or ended. */
export function withhold({ key, text }: Minted, peppers: Peppers): ProvisioningKey {
  return { ...key, unrevealed: seal(peppers, { purpose: unrevealedPurpose, of: [key.tenant, key.kid] }, text) }
}

/** There is no text to reveal. The message tells cause and fix. */
export class NothingToReveal extends Error {
  override readonly name = 'NothingToReveal'
}

/**
 * What is to be shown of a withheld key, and the key without it, one version on, with the event that tells of it. `dataKey` is the one that its
 * signing secret is sealed under.
 * @throws NothingToReveal
 */
export function reveal(
  key: ProvisioningKey,
  peppers: Peppers,
  { now, traceparent }: { readonly now: Date; readonly traceparent?: string | undefined },
  dataKey?: DataKey,
): Minted & { readonly event: Event<'key.revealed'> } {
  const { kid, unrevealed, policy } = key
  const another = 'If nobody has its text, start a rotation anew (latchkey keys rotate --force): that mints another.'
  if (unrevealed === null && key.sealed !== null) {
    throw new NothingToReveal(
      `Key ${kid} is a sandbox key, whose text is shown whenever it is read: latchkey keys show ${kid}, by whoever may mint keys.`,
    )
  }
  if (unrevealed === null) {
    throw new NothingToReveal(
      `Key ${kid} holds nothing to reveal: its text was answered when it was minted, was revealed before, or the key has been used or has ended since. ${another}`,
    )
  }
  // Those minted before signing secrets had but one place hold theirs after the text.
  const [text] = open(peppers, { purpose: unrevealedPurpose, of: [key.tenant, kid] }, unrevealed)?.split(' ') ?? []
  const signingSecret = signingSecretOf(policy, kid, dataKey)
  if (text !== undefined && needsDataKey(policy) && signingSecret === undefined) {
    throw new NothingToReveal(
      `The secret by which key ${kid} signs does not open under the data key that it names. ${another}`,
    )
  }
  if (text !== undefined) {
    const after = { ...key, unrevealed: null, version: key.version + 1 }
    const payload = { ...of(key), revealedAt: now.toISOString() }
    return {
      key: after,
      text,
      signingSecret,
      event: makeEvent('key.revealed', origin(after, now, traceparent), payload),
    }
  }
  throw new NothingToReveal(
    `The text of key ${kid} was sealed under peppers that this program does not have. ${another}`,
  )
}

/** What the law of its life does not allow: cause and fix in one sentence each. */
export class AgainstTheLaw extends Error {
  override readonly name = 'AgainstTheLaw'

  constructor({ kid, state }: ProvisioningKey, act: KeyAct) {
    super(`Key ${kid} is ${state}, and ${impossible[act]}`)
  }
}

const impossible: Readonly<Record<KeyAct, string>> = {
  activate: 'only a pending key becomes active.',
  retire: 'only an active key can be retired. Revoke it if it must not be used any more.',
  expire: 'only a key that is accepted can expire.',
  cancel: 'only a key that was never used can be cancelled. Revoke it if it must not be used any more.',
  revoke: 'it was revoked before.',
}

/**
 * The key after the act, one version on, and the event that tells of it. `until` is for `retire`: when its time ends.
 * @throws AgainstTheLaw
 */
export function advance(
  key: ProvisioningKey,
  act: KeyAct,
  { at, until = null, traceparent }: { at: Date; until?: Date | null; traceparent?: string | undefined },
): { key: ProvisioningKey; event: AnyEvent } {
  const state = next(key.state, act)
  if (state === undefined) throw new AgainstTheLaw(key, act)
  const accepted = isAccepted(state)
  const after: ProvisioningKey = {
    ...key,
    state,
    version: key.version + 1,
    sealed: accepted ? key.sealed : null,
    unrevealed: state === 'pending' ? key.unrevealed : null,
    activatedAt: act === 'activate' ? at : key.activatedAt,
    retiredAt: act === 'retire' ? at : key.retiredAt,
    until: act === 'retire' ? until : key.until,
    endedAt: accepted ? null : at,
  }
  return { key: after, event: told[act](after, origin(after, at, traceparent)) }
}

/** One version on; undefined when nothing is changed. */
export function changePolicy(
  key: ProvisioningKey,
  policy: KeyPolicy,
  at: Date,
  traceparent: string | undefined,
): { key: ProvisioningKey; event: Event<'key.changed'>; changed: string[] } | undefined {
  const names = Object.keys(policy) as (keyof KeyPolicy)[]
  const changed = names
    .filter((name) => JSON.stringify(policy[name]) !== JSON.stringify(key.policy[name]))
    .map((name) => `policy.${name}`)
  if (changed.length === 0) return undefined
  const after = { ...key, policy, version: key.version + 1 }
  const event = makeEvent('key.changed', origin(after, at, traceparent), { ...of(after), policy, changed })
  return { key: after, event, changed }
}

/** `key` is as marking it left it. */
export function keyExposed(
  key: Pick<ProvisioningKey, 'kid' | 'tenant' | 'connection' | 'version'>,
  { at, address, traceparent }: { at: Date; address: string; traceparent: string | undefined },
): Event<'key.exposed'> {
  return makeEvent('key.exposed', origin(key, at, traceparent), { ...of(key), exposedAt: at.toISOString(), address })
}

export function keyMinted(key: ProvisioningKey, traceparent: string | undefined): Event<'key.minted'> {
  const { environment, pepperVersion, policy } = key
  return makeEvent('key.minted', origin(key, key.createdAt, traceparent), {
    ...of(key),
    environment,
    pepperVersion,
    digest: Buffer.from(key.digest).toString('base64url'),
    policy,
  })
}

type Origin = ReturnType<typeof origin>

const told: Readonly<Record<KeyAct, (key: ProvisioningKey, origin: Origin) => AnyEvent>> = {
  activate: (key, from) => makeEvent('key.activated', from, { ...of(key), activatedAt: from.time.toISOString() }),
  retire: (key, from) =>
    makeEvent('key.retired', from, {
      ...of(key),
      retiredAt: from.time.toISOString(),
      until: key.until?.toISOString() ?? null,
    }),
  expire: (key, from) => makeEvent('key.expired', from, { ...of(key), expiredAt: from.time.toISOString() }),
  cancel: (key, from) => makeEvent('key.cancelled', from, { ...of(key), cancelledAt: from.time.toISOString() }),
  revoke: (key, from) => makeEvent('key.revoked', from, { ...of(key), revokedAt: from.time.toISOString() }),
}

function of({ tenant, connection, kid }: Pick<ProvisioningKey, 'tenant' | 'connection' | 'kid'>) {
  return { tenant, connection, kid }
}

function origin(
  { kid, connection, version }: Pick<ProvisioningKey, 'kid' | 'connection' | 'version'>,
  time: Date,
  traceparent: string | undefined,
) {
  return { source: 'keys', subject: kid, owner: connection, version, time, traceparent } as const
}
