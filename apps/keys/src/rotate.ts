import type { Kid } from '#libs/credentials/index'
import { type KeyPolicy, newId } from '#libs/events/index'
import { acceptedAtMost, keyMinted, mint, type ProvisioningKey, type Shown, withhold } from './provisioning-key.ts'
import {
  accepted,
  breakOff,
  broughtAboutBy,
  endOld,
  type Moment,
  move,
  namedWithKeys,
  type Rotation,
  RotationRefused,
  running,
  runningOrRefuse,
  type Situation,
  tell,
  type Turn,
} from './rotation.ts'
import { daysAfter, dueOf, earliest, hoursAfter, longestLife, ownExpiry, type RotationMode } from './rotation-policy.ts'

export interface RotationRequest {
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
 * @throws RotationRefused, and TypeError where the next key signs by a secret and there is no data key
 */
export function start(
  before: Situation,
  request: RotationRequest,
  moment: Moment,
): Turn & { readonly kid: Kid } & Shown {
  const cleared = request.force ? giveWay(before, moment) : { situation: before, events: [] }
  const { situation } = cleared
  const { plan, connection } = situation
  const from = replaceable(situation)
  const { now, by, peppers, dataKey, traceparent } = moment
  const minted = mint(connection, peppers, now, renewed(from, now), dataKey)
  const key = request.withheld === true ? withhold(minted, peppers) : minted.key
  const { mode = plan.mode, graceHours = plan.graceHours } = request
  const enough = daysAfter(now, plan.mintAheadDays)
  const due = dueOf(plan, from)?.at
  const wished = due !== undefined && due > enough ? due : enough
  const dueAt = earliest(wished, ownExpiry(from)) ?? wished
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
    ...broughtAboutBy(moment),
    dueAt: dueAt.toISOString(),
    hardEnd: rotation.hardEnd?.toISOString() ?? null,
  })
  return {
    kid: key.kid,
    text: minted.text,
    signingSecret: minted.signingSecret,
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

/** The same policy, but for a signing secret of its own; where it ends by itself, it does so after as long a time as the old one was given. */
function renewed({ policy, createdAt }: ProvisioningKey, now: Date): KeyPolicy {
  if (policy.expiresAt === null) return policy
  const given = Math.min(Date.parse(policy.expiresAt) - createdAt.getTime(), longestLife)
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
