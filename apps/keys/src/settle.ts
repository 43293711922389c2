import { isAccepted } from '#libs/credentials/index'
import { nextNotice, notify, raiseNotice } from './notices.ts'
import type { ProvisioningKey } from './provisioning-key.ts'
import { start } from './rotate.ts'
import {
  accepted,
  breakOff,
  conclude,
  endOld,
  keyOf,
  type Moment,
  move,
  namedWithKeys,
  presentKey,
  type Rotation,
  running,
  type Situation,
  tell,
  told,
  type Turn,
  withKey,
  withRotation,
} from './rotation.ts'
import { day, daysAfter, dueOf, earliest, hoursAfter, ownExpiry } from './rotation-policy.ts'
import { needsDataKey } from './signing-secret.ts'

/** One thing that has come to pass; undefined when it has not. */
type Step = (situation: Situation, moment: Moment) => Turn | undefined

/** In this order: what was used counts before what time has brought, and what has ended before what is to end. */
const steps: readonly Step[] = [
  activate,
  expire,
  newHasEnded,
  oldHasEnded,
  cutOver,
  deadline,
  hardEnd,
  raiseNotice,
  startBySchedule,
]

/** Far more than can come to pass at once. */
const most = 100

export interface Settled extends Turn {
  /**
   * The next instant at which there may be something to do, unless a key is used before; undefined when there is none. It is not
   * after `now` where something waits for uses to be heard of.
   */
  readonly lookAt: Date | undefined
  /** The schedule is to mint a key now, which it does once it is given the data key of the tenant. */
  readonly wantsDataKey: boolean
}

/** All that uses and time have brought about by now, until there is nothing more to do. Settling again at the same moment changes nothing. */
export function settle(before: Situation, moment: Moment): Settled {
  let situation = before
  const events: Turn['events'][number][] = []
  for (let count = 0; count < most; count++) {
    const turn = next(situation, moment)
    if (turn === undefined) {
      const lookAt = nextLook(situation, moment)
      return { situation: withDue(situation), events, lookAt, wantsDataKey: wantsDataKey(situation, moment) }
    }
    situation = turn.situation
    events.push(...turn.events)
  }
  throw new Error(`the keys of connection ${before.connection.id} do not settle`)
}

function next(situation: Situation, moment: Moment): Turn | undefined {
  for (const step of steps) {
    const turn = step(situation, moment)
    if (turn !== undefined) return turn
  }
  return undefined
}

/** A pending key that was used. The gateway's clock may be behind ours, or ahead: no key was used before it was minted, nor is one used after now. */
function activate(situation: Situation, { now, traceparent }: Moment): Turn | undefined {
  for (const { kid, state, createdAt } of situation.keys) {
    const first = situation.uses.get(kid)?.first
    if (state !== 'pending' || first === null || first === undefined) continue
    const at = first.at < createdAt ? createdAt : first.at > now ? now : first.at
    const { situation: after, event } = move(situation, kid, 'activate', { at, traceparent })
    return { situation: after, events: [event] }
  }
  return undefined
}

/** A key whose own time is up, whatever rotation says. */
function expire(situation: Situation, { now, traceparent }: Moment): Turn | undefined {
  for (const key of accepted(situation)) {
    const at = ownExpiry(key)
    if (at === undefined || at > now) continue
    const { situation: after, event } = move(situation, key.kid, 'expire', { at, traceparent })
    return { situation: after, events: [event] }
  }
  return undefined
}

function newHasEnded(situation: Situation, moment: Moment): Turn | undefined {
  const rotation = running(situation)
  if (rotation === undefined || isAccepted(keyOf(situation, rotation.to).state)) return undefined
  if (!isAccepted(keyOf(situation, rotation.from).state)) return undefined
  return breakOff(situation, rotation, moment)
}

function oldHasEnded(situation: Situation, moment: Moment): Turn | undefined {
  const rotation = running(situation)
  if (rotation === undefined) return undefined
  const { state } = keyOf(situation, rotation.from)
  if (isAccepted(state)) return undefined
  return conclude(situation, rotation, state === 'revoked' ? 'old-revoked' : 'old-expired', moment)
}

/** The new key was used for the first time: from that instant on the grace of the old one is counted. */
function cutOver(situation: Situation, moment: Moment): Turn | undefined {
  const rotation = running(situation)
  if (rotation === undefined || rotation.cutOverAt !== null) return undefined
  const { activatedAt: at } = keyOf(situation, rotation.to)
  const firstUse = told(situation.uses.get(rotation.to)?.first)
  if (at === null || firstUse === null) return undefined
  const old = keyOf(situation, rotation.from)
  const until = capped(hoursAfter(at, rotation.graceHours), ownExpiry(old))
  const retired =
    old.state === 'active'
      ? move(situation, old.kid, 'retire', { at, until, traceparent: moment.traceparent })
      : { situation: withKey(situation, { ...old, until }), event: undefined }
  const after: Rotation = { ...rotation, version: rotation.version + 1, cutOverAt: at, until }
  const event = tell(after, 'rotation.cut-over', moment, {
    ...namedWithKeys(after),
    firstUse,
    lastUse: told(situation.uses.get(rotation.from)?.last),
    until: until.toISOString(),
  })
  return {
    situation: withRotation(retired.situation, after),
    events: retired.event === undefined ? [event] : [retired.event, event],
  }
}

/** The grace of the old key is over. Whether it was used within it is known only once all uses until now are; `strict` ends it also where they cannot be. */
function deadline(situation: Situation, moment: Moment): Turn | undefined {
  const rotation = running(situation)
  if (rotation === undefined || rotation.until === null || rotation.until > moment.now) return undefined
  if (isStillUsed(situation, rotation)) {
    return rotation.mode === 'strict'
      ? endOld(situation, 'old-still-used', moment)
      : extend(situation, rotation, rotation.until, moment)
  }
  if (moment.heard === 'yes') return endOld(situation, 'old-unused', moment)
  if (rotation.mode === 'strict' && moment.heard === 'no') return endOld(situation, 'old-ended-unheard', moment)
  return undefined
}

/** Whether the old key was used within its last grace, which begins with the cut-over; where it has none, within the hour before it was to end. */
export function isStillUsed(
  { uses }: Pick<Situation, 'uses'>,
  { from, until, graceHours, cutOverAt }: Rotation,
): boolean {
  const last = uses.get(from)?.last
  if (until === null || last === undefined || last.at <= hoursAfter(until, -watched(graceHours))) return false
  return graceHours === 0 || cutOverAt === null || last.at > cutOverAt
}

/** Hours in which a use of the old key is looked for, and by which its life is extended for one: an hour at least. */
function watched(graceHours: number): number {
  return Math.max(graceHours, 1)
}

/** By one grace; by as many as it takes where none of them was seen to end. */
function extend(situation: Situation, rotation: Rotation, until: Date, moment: Moment): Turn {
  const old = keyOf(situation, rotation.from)
  const last = situation.uses.get(old.kid)?.last
  const hours = watched(rotation.graceHours)
  let [begins, wanted] = [until, hoursAfter(until, hours)]
  while (wanted <= moment.now && last !== undefined && last.at > begins) {
    ;[begins, wanted] = [wanted, hoursAfter(wanted, hours)]
  }
  const extended = capped(wanted, ownExpiry(old))
  const after: Rotation = {
    ...rotation,
    version: rotation.version + 1,
    until: extended,
    extensions: rotation.extensions + 1,
  }
  const event = tell(after, 'rotation.extended', moment, {
    ...namedWithKeys(after),
    until: extended.toISOString(),
    extensions: after.extensions,
    lastUse: told(last),
  })
  const days = Math.max(0, Math.ceil((extended.getTime() - moment.now.getTime()) / day))
  const noticed = notify(
    withKey(withRotation(situation, after), { ...old, until: extended }),
    'still-used',
    days,
    moment,
  )
  return { ...noticed, events: [event, ...noticed.events] }
}

/** Under `strict` the old key ends though the new one was never seen, unless a use of it may just not have been heard of. */
function hardEnd(situation: Situation, moment: Moment): Turn | undefined {
  const rotation = running(situation)
  if (rotation === undefined || rotation.cutOverAt !== null || rotation.hardEnd === null) return undefined
  if (rotation.hardEnd > moment.now || moment.heard !== 'yes') return undefined
  return endOld(situation, 'new-never-used', moment)
}

/** Once for each key: where a person cancelled what the schedule began, it is for a person to go on. */
function startBySchedule(situation: Situation, moment: Moment): Turn | undefined {
  const key = scheduledNext(situation)
  if (key === undefined || key.at > moment.now) return undefined
  const { plan } = situation
  if (accepted(situation).length > 1) {
    if (plan.blockedFor === key.kid || isAboutToEnd(situation, moment)) return undefined
    const days = Math.max(0, Math.ceil((key.due.getTime() - moment.now.getTime()) / day))
    return notify({ ...situation, plan: { ...plan, blockedFor: key.kid } }, 'blocked', days, moment)
  }
  // Left to the worker, which asks for the data key and settles again.
  if (lacksDataKey(key, moment)) return undefined
  const planned = { ...situation, plan: { ...plan, scheduledFor: key.kid } }
  return start(planned, { force: false, withheld: true }, { ...moment, by: { kind: 'schedule' } })
}

/** The grace of an old key is over, and it ends as soon as its uses are heard of. */
function isAboutToEnd(situation: Situation, { now, heard }: Moment): boolean {
  const until = running(situation)?.until ?? null
  return until !== null && until <= now && heard === 'not yet'
}

/** The key that the schedule will mint another for, and when: while the next key is waited for, it has. */
function scheduledNext(situation: Situation) {
  const { plan, connection } = situation
  if (plan.everyDays === null || connection.state === 'disabled') return undefined
  if (running(situation)?.cutOverAt === null) return undefined
  const present = presentKey(situation)
  const due = present && dueOf(plan, present)
  if (present === undefined || due === undefined || plan.scheduledFor === present.kid) return undefined
  return { kid: present.kid, policy: present.policy, due: due.at, at: daysAfter(due.at, -plan.mintAheadDays) }
}

function wantsDataKey(situation: Situation, moment: Moment): boolean {
  const scheduled = scheduledNext(situation)
  if (scheduled === undefined || scheduled.at > moment.now || accepted(situation).length > 1) return false
  return lacksDataKey(scheduled, moment)
}

function lacksDataKey({ policy }: Pick<ProvisioningKey, 'policy'>, { dataKey }: Moment): boolean {
  return dataKey === undefined && needsDataKey(policy)
}

function capped(until: Date, expiry: Date | undefined): Date {
  return earliest(until, expiry) ?? until
}

function withDue(situation: Situation): Situation {
  const { plan, connection } = situation
  const hasSchedule = plan.everyDays !== null && connection.state === 'enabled'
  const rotation = running(situation)
  const present = presentKey(situation)
  const waits = rotation !== undefined && rotation.cutOverAt === null
  const due = waits ? rotation.dueAt : present && dueOf(plan, present)?.at
  const dueAt = hasSchedule ? (due ?? null) : null
  const mintAt = mintingOf(situation) ?? null
  const isSame = dueAt?.getTime() === plan.dueAt?.getTime() && mintAt?.getTime() === plan.mintAt?.getTime()
  return isSame ? situation : { ...situation, plan: { ...plan, dueAt, mintAt } }
}

/** When the schedule mints the next key, where nobody does anything: of two accepted keys one has to end before. */
function mintingOf(situation: Situation): Date | undefined {
  const at = scheduledNext(situation)?.at
  const keys = accepted(situation)
  if (at === undefined || keys.length < 2) return at
  const end = earliest(running(situation)?.until, ...keys.map(ownExpiry))
  return end !== undefined && end < at ? at : end
}

function nextLook(situation: Situation, moment: Moment): Date | undefined {
  const { now } = moment
  const rotation = running(situation)
  const scheduled = scheduledNext(situation)
  const isBlocked = scheduled !== undefined && scheduled.at <= now && accepted(situation).length > 1
  return earliest(
    ...accepted(situation).map(ownExpiry),
    rotation?.until,
    rotation?.cutOverAt === null ? rotation.hardEnd : undefined,
    nextNotice(situation, moment),
    isBlocked ? undefined : scheduled?.at,
  )
}
