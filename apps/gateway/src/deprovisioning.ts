import { type AnyEvent, type EventName, makeEvent } from '#libs/events/index'
import type { ScimError } from '#libs/scim/index'
import type { KnownConnection, Scope } from './principal.ts'
import type { Intent } from './provisioning.ts'
import { refusals } from './refusals.ts'

/**
 * The guard against mass deprovisioning. Deactivations and deletions of one connection are counted in a window; what goes beyond its rules
 * waits, and all that follows, until a person allows or denies it: `counting -> held -> allowed or denied -> counting`.
 */

/** More than `most`, and more than `percent` of the connection's users, in `window` milliseconds is too much. */
export interface GuardRules {
  readonly most: number
  readonly percent: number
  readonly window: number
}

/** The guard of one connection. */
export type Guard = GuardIn<'counting'> | ChangedGuard
/** One whose last change brought about an event. */
export type ChangedGuard = GuardIn<'held' | 'allowed' | 'denied'>

interface GuardIn<State> {
  readonly connection: string
  readonly state: State
  /** Counts its events. */
  readonly version: number
  /** When the window began, and what passed in it. */
  readonly began: Date
  readonly count: number
  readonly heldSince: Date | null
  /** How many were refused since, and the first of them. */
  readonly tried: number
  readonly examples: readonly Example[]
  /** Until when it is allowed or denied; null where a number is allowed. */
  readonly until: Date | null
  /** Of an allowed number, what is left. */
  readonly left: number | null
}

/** Never with a name. */
export interface Example {
  readonly kind: 'User' | 'Group'
  readonly id: string
}

const mostExamples = 10
/** Seconds after which an identity provider may ask again whether a person has decided. */
const askAgain = 300
/** Milliseconds of a window where the connection has no rules. */
const usualWindow = 3_600_000

/** Undefined where the connection is not guarded. */
export function rulesOf({ environment, settings }: KnownConnection): GuardRules | undefined {
  const { guard, guardMost: most, guardPercent: percent, guardMinutes } = settings
  const isOn = guard === 'auto' ? environment === 'live' : guard === 'on'
  return isOn ? { most, percent, window: guardMinutes * 60_000 } : undefined
}

const deprovisioning: ReadonlySet<EventName> = new Set(['user.deactivated', 'user.deprovisioned', 'group.deleted'])

/** Whether it takes somebody's access away, or a group. */
export function deprovisions({ events }: Pick<Intent, 'events'>): boolean {
  return events.some(({ name }) => deprovisioning.has(name))
}

export function newGuard(connection: string, now: Date): GuardIn<'counting'> {
  return {
    connection,
    state: 'counting',
    version: 0,
    began: now,
    count: 0,
    heldSince: null,
    tried: 0,
    examples: [],
    until: null,
    left: null,
  }
}

/** The guard as that time finds it: a window, an allowance and a denial end by themselves, what is held does not. */
export function present(guard: Guard, now: Date, window: number): Guard {
  const isOver =
    guard.state === 'counting'
      ? now.getTime() - guard.began.getTime() >= window
      : guard.state !== 'held' && (guard.left === 0 || (guard.until !== null && guard.until <= now))
  return isOver ? { ...newGuard(guard.connection, now), version: guard.version } : guard
}

/** How many users the connection must have for `more` to pass by its share of them; undefined when they pass anyway. */
export function usersNeeded(guard: Guard, more: number, { most, percent }: GuardRules): number | undefined {
  const wanted = counted(guard, more)
  if (wanted <= most || percent === 0) return undefined
  return Math.ceil((wanted * 100) / percent)
}

/** How many would be counted in the window: behind an allowed number a new one begins. */
function counted({ state, count, left }: Guard, more: number): number {
  if (state === 'counting') return count + more
  return state === 'allowed' && left !== null ? Math.max(0, more - left) : 0
}

export interface Verdict {
  readonly after: Guard
  /** Of the acts, in their order, so many pass. */
  readonly passed: number
}

/**
 * What becomes of acts that come together. `users` is how many the connection has, or at least as many as `usersNeeded` asked for.
 * `before` is as `present` gives it.
 */
export function judge(before: Guard, acts: readonly Example[], rules: GuardRules, users: number, now: Date): Verdict {
  const limit = Math.max(rules.most, Math.floor((users * rules.percent) / 100))
  const room = roomIn(before, limit, acts.length)
  const refused = acts.slice(room)
  const passing = passed(before, room)
  if (refused.length === 0) return { after: passing, passed: room }
  // A number that was allowed is used up: the rest counts as if it had just begun.
  if (passing.state === 'allowed') {
    const next = judge(present(passing, now, rules.window), refused, rules, users, now)
    return { after: next.after, passed: room + next.passed }
  }
  const held: Guard =
    passing.state === 'counting'
      ? { ...passing, state: 'held', heldSince: now, version: passing.version + 1, tried: 0, examples: [] }
      : passing
  const examples = [...held.examples, ...refused].slice(0, mostExamples)
  return { after: { ...held, tried: held.tried + refused.length, examples }, passed: room }
}

function roomIn({ state, count, left }: Guard, limit: number, wanted: number): number {
  if (state === 'held' || state === 'denied') return 0
  const room = state === 'allowed' ? (left ?? wanted) : Math.max(0, limit - count)
  return Math.min(wanted, room)
}

function passed(guard: Guard, count: number): Guard {
  if (guard.state === 'counting') return { ...guard, count: guard.count + count }
  return guard.left === null ? guard : { ...guard, left: guard.left - count }
}

export type Allowance = { readonly until: Date } | { readonly count: number }

export function allow(guard: Guard, allowance: Allowance, now: Date): ChangedGuard {
  return {
    ...newGuard(guard.connection, now),
    version: guard.version + 1,
    state: 'allowed',
    until: 'until' in allowance ? allowance.until : null,
    left: 'count' in allowance ? allowance.count : null,
  }
}

/** For one window, whatever was held, allowed or counted. */
export function deny(before: Guard, now: Date, window: number): ChangedGuard {
  const guard = present(before, now, window)
  const until = new Date(now.getTime() + window)
  return { ...guard, version: guard.version + 1, state: 'denied', until, left: null }
}

/** The event that the guard's last change brought about. */
export function guardEvent(
  guard: ChangedGuard,
  scope: Scope,
  rules: GuardRules | undefined,
  now: Date,
  traceparent?: string,
): AnyEvent {
  const { connection, version, until, left, count } = guard
  const origin = { source: 'gateway', subject: connection, owner: connection, version, time: now, traceparent } as const
  const facts = { tenant: scope.tenant, connection, environment: scope.environment }
  const at = now.toISOString()
  switch (guard.state) {
    case 'allowed':
      return makeEvent('guard.allowed', origin, {
        ...facts,
        allowedAt: at,
        until: until?.toISOString() ?? null,
        count: left,
      })
    case 'denied':
      return makeEvent('guard.denied', origin, { ...facts, deniedAt: at, until: (until ?? now).toISOString() })
    case 'held':
      return makeEvent('guard.held', origin, {
        ...facts,
        heldAt: at,
        passed: count,
        windowSeconds: Math.round((rules?.window ?? usualWindow) / 1_000),
      })
  }
}

const held = 'deprovisioning-held'
const denied = 'deprovisioning-denied'

/** Whether the guard refused it. */
export function isOfGuard({ code }: { readonly code: string | null }): boolean {
  return code === held || code === denied
}

/** What an act that did not pass is answered with. */
export function refusalBy({ state, connection }: Guard, { most, percent, window }: GuardRules): ScimError {
  if (state === 'denied') {
    return refusals.forbidden(
      denied,
      `A person has denied deactivations and deletions through this connection, so this was not done. Correct what the identity provider sends; an administrator can still allow it: latchkey guard allow ${connection}`,
    )
  }
  return refusals.limited(
    held,
    `More than ${most} users and groups, and more than ${percent} % of its users, were to be deactivated or deleted through this connection within ${window / 60_000} min. What goes beyond that waits for a person, so this was not done yet. An administrator sees what waits with latchkey guard list, and lets it go on with latchkey guard allow ${connection}; then send it again.`,
    askAgain,
  )
}
