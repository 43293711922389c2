import { z } from 'zod'

/** How one key of a connection takes the place of another. */

/** The new key was used and the old one ended, or the old one ended otherwise: the new one is the connection's key. */
export const finishedOutcomes = [
  /** It was not used for its whole grace. */
  'old-unused',
  /** Its time was up, though it was used: `strict`. */
  'old-still-used',
  /** Its time was up, and whether it was used could not be known then: `strict`. */
  'old-ended-unheard',
  /** Its time was up, though the new one had never been seen: `strict`. */
  'new-never-used',
  'old-ended-by-operator',
  'old-revoked',
  /** By its own policy. */
  'old-expired',
] as const

/** The new key ended, and the old one goes on. */
export const cancelledOutcomes = ['new-cancelled', 'new-revoked', 'new-expired'] as const

export const noticeKinds = [
  /** The present key is to be replaced in so many days. */
  'due',
  /** The same, for it expires then. */
  'expires',
  /** It should have been replaced so many days ago. */
  'overdue',
  /** The next key has not been used yet. */
  'unused-next',
  /** The old key is still used, and was given so many days more. */
  'still-used',
  /** The schedule cannot mint: two keys are accepted already. */
  'blocked',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

const of = { tenant: z.string(), connection: z.string(), rotation: z.string() }
const keys = { from: z.string(), to: z.string() }
const by = z.enum(['operator', 'schedule', 'time'])
/** Id of the admin token by which an operator asked; `bootstrap` for that of the data folder. */
const actor = z.string().optional()
const use = z.object({ at: z.iso.datetime(), address: z.string(), userAgent: z.string().nullable() })

/** How the keys of a connection are rotated, as a person said it. The subject is the connection; versions are counted apart from its own. */
export const rotationPolicyEvents = {
  'rotation-policy.changed': z.object({
    tenant: z.string(),
    connection: z.string(),
    mode: z.enum(['safe', 'strict']),
    everyDays: z.int().positive().nullable(),
    graceHours: z.int().nonnegative(),
    mintAheadDays: z.int().positive(),
    changed: z.array(z.string()),
  }),
}

export const rotationEvents = {
  /** `from` goes on, `to` waits for its first use, which is to come by `dueAt`. At `hardEnd`, where there is one, `from` ends in any case. */
  'rotation.started': z.object({
    ...of,
    ...keys,
    mode: z.enum(['safe', 'strict']),
    graceHours: z.int().nonnegative(),
    by,
    actor,
    dueAt: z.iso.datetime(),
    hardEnd: z.iso.datetime().nullable(),
  }),
  /** The new key was used for the first time; the old one is accepted until then. */
  'rotation.cut-over': z.object({
    ...of,
    ...keys,
    firstUse: use,
    lastUse: use.nullable(),
    until: z.iso.datetime(),
  }),
  /** The old key is still used: `lastUse` says from where. */
  'rotation.extended': z.object({
    ...of,
    ...keys,
    until: z.iso.datetime(),
    extensions: z.int().positive(),
    lastUse: use.nullable(),
  }),
  'rotation.finished': z.object({
    ...of,
    ...keys,
    by,
    actor,
    outcome: z.enum(finishedOutcomes),
    lastUse: use.nullable(),
  }),
  'rotation.cancelled': z.object({ ...of, ...keys, by, actor, outcome: z.enum(cancelledOutcomes) }),
  /** Before a rotation is started, `to` is null, and `rotation` is the one to come. */
  'rotation.notice': z.object({
    ...of,
    from: z.string(),
    to: z.string().nullable(),
    kind: z.enum(noticeKinds),
    days: z.int().nonnegative(),
  }),
}
