import { type AnyEvent, type Environment, type Event, makeEvent, newId } from '#libs/events/index'
import { ruleOf, type RuleCode } from './rules.ts'
import type { Subject } from './sightings.ts'
import type { Occurrence } from './watched.ts'

export const detectionStates = ['open', 'acknowledged', 'muted'] as const
export type DetectionState = (typeof detectionStates)[number]

/** One rule, broken by one subject: as long as it goes on it is one, and told once. */
export interface Detection {
  readonly id: string
  readonly rule: RuleCode
  readonly subject: Subject
  readonly tenant: string | null
  readonly connection: string | null
  /** Of the connection; null where none is known. */
  readonly environment: Environment | null
  readonly state: DetectionState
  /** Null while it is muted for good, or not at all. */
  readonly mutedUntil: Date | null
  readonly acknowledgedAt: Date | null
  readonly firstSeen: Date
  readonly lastSeen: Date
  readonly count: number
  /** Ids of the last requests. */
  readonly requests: readonly string[]
  readonly raisedAt: Date
  /** How often it was raised. */
  readonly raised: number
  /** Counts its events. */
  readonly version: number
}

/** Of the requests of a detection so many are named. */
export const mostRequests = 5
/** What comes again so long after it was last seen, in milliseconds, is another matter than the one that was acknowledged. */
const over = 24 * 60 * 60 * 1000

/** A mute whose time is over leaves it as it would be without. */
export function stateAt({ state, mutedUntil, acknowledgedAt }: Detection, now: Date): DetectionState {
  if (state !== 'muted' || mutedUntil === null || mutedUntil > now) return state
  return acknowledgedAt === null ? 'open' : 'acknowledged'
}

/**
 * What becomes of a detection when its rule is broken again, or for the first time. It is raised when there was none, when its mute is
 * over, and when it was acknowledged and a day has passed without it; otherwise it only counts on.
 */
export function occur(
  before: Detection | undefined,
  occurrence: Occurrence,
  now: Date,
): { readonly detection: Detection; readonly isRaised: boolean } {
  const { rule, subject, tenant, connection, environment } = occurrence
  const last = new Date(Math.max(occurrence.last, before?.lastSeen.getTime() ?? 0))
  if (before === undefined || isAnew(before, occurrence, now)) {
    const detection: Detection = {
      id: before?.id ?? newId(now.getTime()),
      rule,
      subject,
      tenant,
      connection,
      environment,
      state: 'open',
      mutedUntil: null,
      acknowledgedAt: null,
      firstSeen: new Date(occurrence.first),
      lastSeen: last,
      count: occurrence.total,
      requests: [...occurrence.earlier, ...occurrence.requests].slice(-mostRequests),
      raisedAt: now,
      raised: (before?.raised ?? 0) + 1,
      version: (before?.version ?? 0) + 1,
    }
    return { detection, isRaised: true }
  }
  const detection: Detection = {
    ...before,
    firstSeen: new Date(Math.min(occurrence.first, before.firstSeen.getTime())),
    lastSeen: last,
    count: before.count + occurrence.fresh,
    requests: [...before.requests, ...occurrence.requests].slice(-mostRequests),
  }
  return { detection, isRaised: false }
}

function isAnew(before: Detection, occurrence: Occurrence, now: Date): boolean {
  switch (stateAt(before, now)) {
    case 'open':
      return before.state === 'muted'
    case 'acknowledged':
      return occurrence.last - before.lastSeen.getTime() > over
    case 'muted':
      return false
  }
}

/** What a person decided about a detection, and the event that tells of it; undefined where it was so before. */
export interface Decided {
  readonly detection: Detection
  readonly event: AnyEvent
}

/** One that is muted stays so. */
export function acknowledge(before: Detection, now: Date): Decided | undefined {
  if (before.acknowledgedAt !== null) return undefined
  const isMuted = stateAt(before, now) === 'muted'
  const detection = next(before, {
    ...(isMuted ? {} : { state: 'acknowledged', mutedUntil: null }),
    acknowledgedAt: now,
  })
  const payload = { ...named(detection), acknowledgedAt: now.toISOString() }
  return { detection, event: makeEvent('detection.acknowledged', originOf(detection, now), payload) }
}

/** `until` null is for good. */
export function mute(before: Detection, until: Date | null, now: Date): Decided | undefined {
  if (before.state === 'muted' && before.mutedUntil?.getTime() === until?.getTime()) return undefined
  const detection = next(before, { state: 'muted', mutedUntil: until })
  const payload = { ...named(detection), mutedAt: now.toISOString(), until: until?.toISOString() ?? null }
  return { detection, event: makeEvent('detection.muted', originOf(detection, now), payload) }
}

/** As when the time of the mute is over. */
export function unmute(before: Detection, now: Date): Decided | undefined {
  if (stateAt(before, now) !== 'muted') return undefined
  const detection = next(before, { mutedUntil: now })
  const payload = { ...named(detection), unmutedAt: now.toISOString() }
  return { detection, event: makeEvent('detection.unmuted', originOf(detection, now), payload) }
}

function next(before: Detection, change: Partial<Detection>): Detection {
  return { ...before, ...change, version: before.version + 1 }
}

function named({ id, rule, tenant, connection, environment }: Detection) {
  return { detection: id, rule, tenant, connection, environment }
}

function originOf({ id, tenant, connection, version }: Detection, time: Date) {
  return { source: 'audit', subject: id, owner: connection ?? tenant ?? '', version, time } as const
}

export function detectionRaised(detection: Detection): Event<'detection.raised'> {
  const { rule, subject, count, firstSeen, lastSeen, requests, raisedAt } = detection
  const { severity, cause, fix } = ruleOf(rule)
  return makeEvent('detection.raised', originOf(detection, raisedAt), {
    ...named(detection),
    severity,
    subject: { ...subject },
    count,
    firstSeen: firstSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
    requests: [...requests],
    cause,
    fix,
  })
}
