import { isAccepted, type KeyAct, type Kid, type Peppers } from '#libs/credentials/index'
import {
  type AnyEvent,
  type cancelledOutcomes,
  type Event,
  type EventName,
  type finishedOutcomes,
  makeEvent,
  type Payload,
} from '#libs/events/index'
import type { DataKey } from '#libs/sealing/index'
import type { Connection } from './connection.ts'
import type { KeyUses, LastUse } from './last-use.ts'
import { advance, type ProvisioningKey } from './provisioning-key.ts'
import type { RotationMode, RotationPlan } from './rotation-policy.ts'

/** Who or what brought something about. Of a person the audit record `request` tells more; `actor` is the id of the admin token that was proved, `bootstrap` for that of the data folder, and left out where nobody was asked for one. */
export type Initiator =
  | { readonly kind: 'operator'; readonly request: string; readonly address: string; readonly actor?: string }
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
  readonly startedBy: Initiator
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
  readonly endedBy: Initiator | null
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

/** Whether `uses` holds all that was decided before `now`: `not yet` where it may within seconds, `no` where that was waited for in vain. */
export type Heard = 'yes' | 'not yet' | 'no'

export interface Moment {
  readonly now: Date
  readonly heard: Heard
  readonly by: Initiator
  readonly peppers: Peppers
  /** That of the tenant, where a key may be minted that signs by a secret. */
  readonly dataKey?: DataKey | undefined
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

/** @throws RotationRefused */
export function runningOrRefuse(situation: Situation): Rotation {
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
    ...broughtAboutBy(moment),
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
  const event = tell(after, 'rotation.cancelled', moment, {
    ...namedWithKeys(after),
    ...broughtAboutBy(moment),
    outcome,
  })
  return { situation: withKey(withRotation(situation, after), old), events: [event] }
}

/** As the events of a rotation say it. */
export function broughtAboutBy({ by }: Pick<Moment, 'by'>) {
  return { by: by.kind, ...(by.kind === 'operator' && by.actor !== undefined ? { actor: by.actor } : {}) }
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
