import { isAccepted, type KeyAct, type Kid, type Peppers } from '#libs/credentials/index'
import {
  type AnyEvent,
  type cancelledOutcomes,
  type Event,
  type EventName,
  type finishedOutcomes,
  type KeyPolicy,
  makeEvent,
  newId,
  type Payload,
} from '#libs/events/index'
import type { Connection } from './connection.ts'
import type { KeyUses, LastUse } from './last-use.ts'
import { acceptedAtMost, advance, keyMinted, mint, type ProvisioningKey, withhold } from './provisioning-key.ts'
import { daysAfter, dueOf, hoursAfter, type RotationMode, type RotationPlan } from './rotation-policy.ts'

/** Who or what brought something about. Of a person the audit record `request` tells more. */
export type Actor =
  | { readonly kind: 'operator'; readonly request: string; readonly address: string }
  | { readonly kind: 'schedule' | 'time' }

export type RotationOutcome = (typeof finishedOutcomes)[number] | (typeof cancelledOutcomes)[number]

/** One key of a connection taking the place of another. At most one of a connection is running. */
export interface Rotation {
  readonly id: string
  readonly connection: string
  readonly tenant: string
  /** The old key. */
  readonly from: Kid
  /** The new one. */
  readonly to: Kid
  /** As the policy was at the start, or as was asked for then. */
  readonly mode: RotationMode
  readonly graceHours: number
  readonly state: 'running' | 'finished' | 'cancelled'
  /** Counts its events. */
  readonly version: number
  readonly startedAt: Date
  readonly startedBy: Actor
  /** By when the new key is to be in use. */
  readonly dueAt: Date
  /** When the old key ends though the new one was never used; null under `safe`. */
  readonly hardEnd: Date | null
  /** First use of the new key. */
  readonly cutOverAt: Date | null
  /** Until when the old key is accepted; null before the new one was used. */
  readonly until: Date | null
  readonly extensions: number
  readonly endedAt: Date | null
  readonly endedBy: Actor | null
  readonly outcome: RotationOutcome | null
}

/** All that bears on the rotation of one connection's keys. */
export interface Situation {
  readonly connection: Connection
  /** Those accepted, and those of the running rotation. */
  readonly keys: readonly ProvisioningKey[]
  readonly uses: ReadonlyMap<string, KeyUses>
  /** The running one, if any, and whatever ended since. */
  readonly rotations: readonly Rotation[]
  readonly plan: RotationPlan
}

export interface Moment {
  readonly now: Date
  /** Whether `uses` holds all that was decided before `now`. */
  readonly heard: boolean
  readonly by: Actor
  readonly peppers: Peppers
  readonly traceparent?: string | undefined
}

/** What came of something: the situation after it, and the events that tell of it, in order. */
export interface Turn {
  readonly situation: Situation
  readonly events: readonly AnyEvent[]
}

/** What cannot be done with the keys of a connection as they are. The message tells cause and fix. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused'
}

export function running({ rotations }: Situation): Rotation | undefined {
  return rotations.find(({ state }) => state === 'running')
}

export function accepted({ keys }: Situation): ProvisioningKey[] {
  return keys.filter(({ state }) => isAccepted(state))
}

export function keyOf({ keys, connection }: Situation, kid: Kid): ProvisioningKey {
  const found = keys.find((key) => key.kid === kid)
  if (found === undefined) throw new TypeError(`key ${kid} of connection ${connection.id} was not read`)
  return found
}

/** The key that identity providers should be using; undefined while none was ever used. */
export function presentKey(situation: Situation): ProvisioningKey | undefined {
  const rotation = running(situation)
  if (rotation !== undefined) return keyOf(situation, rotation.cutOverAt === null ? rotation.from : rotation.to)
  return accepted(situation)
    .filter(({ activatedAt }) => activatedAt !== null)
    .toSorted((a, b) => Number(a.activatedAt) - Number(b.activatedAt))
    .at(0)
}

export interface Order {
  /** End what a running rotation holds, and start anew. */
  readonly force: boolean
  readonly mode?: RotationMode | undefined
  readonly graceHours?: number | undefined
  /** Keep the text of the new key, sealed, for whoever asks first. */
  readonly withheld?: boolean
}

/**
 * Mints the next key, with a policy like that of the present one, and lets the present one go on. With `force` a running rotation gives way: a next
 * key that was never used is cancelled; where the new key is in use already, the old one ends at once.
 * @throws RotationRefused
 */
export function start(
  before: Situation,
  order: Order,
  moment: Moment,
): Turn & { readonly kid: Kid; readonly text: string } {
  const cleared = order.force ? giveWay(before, moment) : { situation: before, events: [] }
  const { situation } = cleared
  const { plan, connection } = situation
  const from = replaceable(situation)
  const { now, by, peppers, traceparent } = moment
  const minted = mint(connection, peppers, now, renewed(from, now))
  const key = order.withheld === true ? withhold(minted.key, minted.text, peppers) : minted.key
  const { mode = plan.mode, graceHours = plan.graceHours } = order
  const enough = daysAfter(now, plan.mintAheadDays)
  const due = dueOf(plan, from)?.at
  const dueAt = due !== undefined && due > enough ? due : enough
  const rotation: Rotation = {
    id: plan.nextRotation ?? newId(now.getTime()),
    connection: connection.id,
    tenant: connection.tenant,
    from: from.kid,
    to: key.kid,
    mode,
    graceHours,
    state: 'running',
    version: plan.nextVersion + 1,
    startedAt: now,
    startedBy: by,
    dueAt,
    hardEnd: mode === 'strict' ? hoursAfter(dueAt, graceHours) : null,
    cutOverAt: null,
    until: null,
    extensions: 0,
    endedAt: null,
    endedBy: null,
    outcome: null,
  }
  const started = tell(rotation, 'rotation.started', moment, {
    ...namedWithKeys(rotation),
    mode,
    graceHours,
    by: by.kind,
    dueAt: dueAt.toISOString(),
    hardEnd: rotation.hardEnd?.toISOString() ?? null,
  })
  return {
    kid: key.kid,
    text: minted.text,
    situation: {
      ...situation,
      keys: [...situation.keys, key],
      rotations: [...situation.rotations, rotation],
      plan: { ...plan, nextRotation: null, nextVersion: 0 },
    },
    events: [...cleared.events, keyMinted(key, traceparent), started],
  }
}

/** The one key that another can be minted for. */
function replaceable(situation: Situation): ProvisioningKey {
  const rotation = running(situation)
  if (rotation !== undefined) {
    throw new RotationRefused(
      `Rotation ${rotation.id} of this connection is running. Finish or cancel it, or start with force (latchkey keys rotate --force): ${
        rotation.cutOverAt === null ? 'its next key, never used, is cancelled then.' : 'its old key ends at once then.'
      }`,
    )
  }
  const [present, other] = accepted(situation)
  if (present === undefined) {
    throw new RotationRefused(
      'The connection has no accepted key that could be rotated. Mint one (latchkey keys mint).',
    )
  }
  if (other !== undefined) throw new RotationRefused(enoughKeys(situation))
  if (present.state === 'pending') {
    throw new RotationRefused(
      `Key ${present.kid} has never been used, so there is nothing to rotate. If its text is lost, cancel it (latchkey keys cancel ${present.kid}) and mint another.`,
    )
  }
  return present
}

/** Why no key can be minted beside those that are there. */
export function enoughKeys(situation: Situation): string {
  const kids = accepted(situation).map(({ kid }) => kid)
  const fix =
    running(situation) === undefined
      ? 'Revoke the one that is no longer used, or cancel the one that never was'
      : 'A rotation is running: finish or cancel it'
  return `The connection has ${acceptedAtMost} accepted keys already, ${kids.join(' and ')}. ${fix}, then try again.`
}

/** The same policy; where it ends by itself, it does so after as long a time as the old one was given. */
function renewed({ policy, createdAt }: ProvisioningKey, now: Date): KeyPolicy {
  if (policy.expiresAt === null) return policy
  const given = Date.parse(policy.expiresAt) - createdAt.getTime()
  return { ...policy, expiresAt: new Date(now.getTime() + given).toISOString() }
}

function giveWay(situation: Situation, moment: Moment): Turn {
  const rotation = running(situation)
  if (rotation === undefined) return { situation, events: [] }
  return rotation.cutOverAt === null ? cancel(situation, moment) : finish(situation, { force: true }, moment)
}

/**
 * Ends the old key at once.
 * @throws RotationRefused when no rotation is running, or, unless forced, the new key was never used
 */
export function finish(situation: Situation, { force }: { readonly force: boolean }, moment: Moment): Turn {
  const rotation = runningOrRefuse(situation)
  if (rotation.cutOverAt === null && !force) {
    throw new RotationRefused(
      `The new key ${rotation.to} has never been used: without the old one no request would be accepted. Put it into the identity provider first, cancel the rotation, or finish with force (latchkey keys finish --force).`,
    )
  }
  return endOld(situation, 'old-ended-by-operator', moment)
}

/**
 * Cancels the next key; the old one goes on.
 * @throws RotationRefused when no rotation is running, or the new key is in use
 */
export function cancel(situation: Situation, moment: Moment): Turn {
  const rotation = runningOrRefuse(situation)
  if (rotation.cutOverAt !== null) {
    throw new RotationRefused(
      `The new key ${rotation.to} is in use since ${rotation.cutOverAt.toISOString()}. Finish the rotation to end the old one, or revoke ${rotation.to}: the old one then goes on.`,
    )
  }
  const { situation: without, event } = move(situation, rotation.to, 'cancel', { at: moment.now, ...moment })
  const ended = breakOff(without, rotation, moment)
  return { ...ended, events: [event, ...ended.events] }
}

function runningOrRefuse(situation: Situation): Rotation {
  const rotation = running(situation)
  if (rotation !== undefined) return rotation
  throw new RotationRefused('No rotation is running. Start one (latchkey keys rotate).')
}

/** The old key expires, and with it the rotation is finished. */
export function endOld(situation: Situation, outcome: (typeof finishedOutcomes)[number], moment: Moment): Turn {
  const rotation = runningOrRefuse(situation)
  const { situation: without, event } = move(situation, rotation.from, 'expire', { at: moment.now, ...moment })
  const finished = conclude(without, rotation, outcome, moment)
  return { ...finished, events: [event, ...finished.events] }
}

/** The old key has ended. */
export function conclude(
  situation: Situation,
  rotation: Rotation,
  outcome: (typeof finishedOutcomes)[number],
  moment: Moment,
): Turn {
  const after = ended(rotation, 'finished', outcome, moment)
  const event = tell(after, 'rotation.finished', moment, {
    ...namedWithKeys(after),
    by: moment.by.kind,
    outcome,
    lastUse: told(situation.uses.get(after.from)?.last),
  })
  return { situation: withRotation(situation, after), events: [event] }
}

const endOfNew = { cancelled: 'new-cancelled', revoked: 'new-revoked', expired: 'new-expired' } as const

/** The new key has ended: the old one is what is left, and is accepted for as long as no other takes its place. */
export function breakOff(situation: Situation, rotation: Rotation, moment: Moment): Turn {
  const { state } = keyOf(situation, rotation.to)
  const outcome = endOfNew[state === 'revoked' || state === 'expired' ? state : 'cancelled']
  const after = ended(rotation, 'cancelled', outcome, moment)
  const old = { ...keyOf(situation, rotation.from), until: null }
  const event = tell(after, 'rotation.cancelled', moment, { ...namedWithKeys(after), by: moment.by.kind, outcome })
  return { situation: withKey(withRotation(situation, after), old), events: [event] }
}

function ended(rotation: Rotation, state: Rotation['state'], outcome: RotationOutcome, { now, by }: Moment): Rotation {
  return { ...rotation, version: rotation.version + 1, state, outcome, endedAt: now, endedBy: by }
}

/** @throws AgainstTheLaw */
export function move(
  situation: Situation,
  kid: Kid,
  act: KeyAct,
  when: { readonly at: Date; readonly until?: Date; readonly traceparent?: string | undefined },
): { readonly situation: Situation; readonly event: AnyEvent } {
  const { key, event } = advance(keyOf(situation, kid), act, when)
  return { situation: withKey(situation, key), event }
}

export function withKey(situation: Situation, key: ProvisioningKey): Situation {
  return { ...situation, keys: situation.keys.map((one) => (one.kid === key.kid ? key : one)) }
}

export function withRotation(situation: Situation, rotation: Rotation): Situation {
  return { ...situation, rotations: situation.rotations.map((one) => (one.id === rotation.id ? rotation : one)) }
}

export function told(use: LastUse | null | undefined) {
  if (use === null || use === undefined) return null
  return { at: use.at.toISOString(), address: use.address, userAgent: use.userAgent }
}

type RotationEvent = Extract<EventName, `rotation.${string}`>
type Named = Pick<Rotation, 'id' | 'version' | 'tenant' | 'connection'>

/** The event that made the rotation what it is now. */
export function tell<Name extends RotationEvent>(
  { id, version, connection }: Named,
  name: Name,
  { now, traceparent }: Pick<Moment, 'now' | 'traceparent'>,
  payload: Payload<Name>,
): Event<Name> {
  const origin = { source: 'keys', subject: id, owner: connection, version, time: now, traceparent } as const
  return makeEvent(name, origin, payload)
}

/** What every event of a rotation names. */
export function named({ id, tenant, connection }: Named) {
  return { tenant, connection, rotation: id }
}

export function namedWithKeys(rotation: Rotation) {
  const { from, to } = rotation
  return { ...named(rotation), from, to }
}
