import type { Kid } from '#libs/credentials/index'
import { type Event, makeEvent } from '#libs/events/index'
import type { ProvisioningKey } from './provisioning-key.ts'

/** `safe` never ends a key by time while it is used; `strict` ends it at its deadline in any case. */
export const rotationModes = ['safe', 'strict'] as const
export type RotationMode = (typeof rotationModes)[number]

/** How the keys of a connection are rotated. A day is 24 hours: no calendar and no time zone has a say. */
export interface RotationPolicy {
  readonly mode: RotationMode
  /** Days after the first use of a key by which another should be in its place; null: only when a person says so. */
  readonly everyDays: number | null
  /** Hours for which the old key goes on, counted from the first use of the new one. */
  readonly graceHours: number
  /** Days that people have to put a new key in place, before it is due. */
  readonly mintAheadDays: number
}

export const defaultRotationPolicy: RotationPolicy = {
  mode: 'safe',
  everyDays: null,
  graceHours: 72,
  mintAheadDays: 14,
}

/** What is kept of a connection for its rotations to come. */
export interface RotationPlan extends RotationPolicy {
  readonly connection: string
  /** Counts the changes of the policy. */
  readonly policyVersion: number
  /** When the present key should have been replaced; null without a schedule. */
  readonly dueAt: Date | null
  /** When the schedule mints the next key, where nobody does anything; null where it does not. */
  readonly mintAt: Date | null
  /** The rotation that notices speak of before it is started, and how many did. */
  readonly nextRotation: string | null
  readonly nextVersion: number
  /** Which notice of which due instant was the last: `told` counts days before it, and below zero after it. */
  readonly toldOf: Date | null
  readonly told: number | null
  /** The key for which the schedule has started a rotation: it does so once for each. */
  readonly scheduledFor: Kid | null
  /** The key of which it was told that the schedule could not. */
  readonly blockedFor: Kid | null
}

/** What of a plan is a person's to say. */
export function policyIn({ mode, everyDays, graceHours, mintAheadDays }: RotationPlan): RotationPolicy {
  return { mode, everyDays, graceHours, mintAheadDays }
}

/** The plan with that policy, one version on, and the names of what differs; the same plan when nothing does. */
export function changePlan(
  plan: RotationPlan,
  wanted: RotationPolicy,
): { readonly plan: RotationPlan; readonly changed: readonly (keyof RotationPolicy)[] } {
  const names = Object.keys(policyIn(plan)) as (keyof RotationPolicy)[]
  const changed = names.filter((name) => wanted[name] !== plan[name])
  if (changed.length === 0) return { plan, changed }
  return { plan: { ...plan, ...wanted, policyVersion: plan.policyVersion + 1 }, changed }
}

/** `plan` as it is after the change. */
export function rotationPolicyChanged(
  plan: RotationPlan,
  tenant: string,
  changed: readonly string[],
  { now, traceparent }: { readonly now: Date; readonly traceparent?: string | undefined },
): Event<'rotation-policy.changed'> {
  const { connection, policyVersion: version } = plan
  const origin = { source: 'keys', subject: connection, owner: tenant, version, time: now, traceparent } as const
  const payload = { tenant, connection, ...policyIn(plan), changed: [...changed] }
  return makeEvent('rotation-policy.changed', origin, payload)
}

export function defaultPlan(connection: string): RotationPlan {
  return {
    ...defaultRotationPolicy,
    connection,
    policyVersion: 0,
    dueAt: null,
    mintAt: null,
    nextRotation: null,
    nextVersion: 0,
    toldOf: null,
    told: null,
    scheduledFor: null,
    blockedFor: null,
  }
}

const hour = 3_600_000
export const day = 24 * hour

/** Milliseconds. Nothing is given a longer life: what is counted from its end has a form in RFC 3339 still, where years have four digits. */
export const longestLife = 36_500 * day

/** Whether that is further away than anything may end. */
export function isBeyondLife(end: Date, now: Date): boolean {
  return end.getTime() > now.getTime() + longestLife
}

export function hoursAfter(instant: Date, hours: number): Date {
  return new Date(instant.getTime() + hours * hour)
}

export function daysAfter(instant: Date, days: number): Date {
  return new Date(instant.getTime() + days * day)
}

export function earliest(...instants: readonly (Date | null | undefined)[]): Date | undefined {
  const times = instants.flatMap((instant) => (instant === null || instant === undefined ? [] : [instant.getTime()]))
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}

/** When the key stops by its own policy, whatever else is decided about it. */
export function ownExpiry({ policy }: ProvisioningKey): Date | undefined {
  return policy.expiresAt === null ? undefined : new Date(policy.expiresAt)
}

/** By when the key should be replaced, and whether that is so for its own expiry; undefined when nothing asks for it. */
export function dueOf(
  { everyDays }: RotationPolicy,
  key: ProvisioningKey,
): { readonly at: Date; readonly expires: boolean } | undefined {
  const bySchedule = everyDays === null || key.activatedAt === null ? undefined : daysAfter(key.activatedAt, everyDays)
  const byExpiry = ownExpiry(key)
  const at = earliest(bySchedule, byExpiry)
  return at === undefined ? undefined : { at, expires: at.getTime() !== bySchedule?.getTime() }
}
