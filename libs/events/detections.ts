import { z } from 'zod'
import { environments } from './trust.ts'

/** What the audit service tells of requests that should not be as they are. Holds no key, no name and no address of a person. */

export const detectionSeverities = ['low', 'medium', 'high', 'critical'] as const
export type DetectionSeverity = (typeof detectionSeverities)[number]

/** What a detection is about: a key by its id, a connection, or a network address where neither is known. */
export const detectionSubjects = ['key', 'connection', 'address'] as const
export type DetectionSubject = (typeof detectionSubjects)[number]

const named = {
  /** The same each time that the rule is broken by this subject. */
  detection: z.string(),
  /** Stable, from the list in docs/detections.md. */
  rule: z.string(),
  tenant: z.string().nullable(),
  connection: z.string().nullable(),
  /** Of the connection; null where none is known. */
  environment: z.enum(environments).nullable().optional(),
}

const detection = z.object({
  ...named,
  severity: z.enum(detectionSeverities),
  subject: z.object({ kind: z.enum(detectionSubjects), id: z.string() }),
  /** How many requests have broken the rule so far. */
  count: z.int().nonnegative(),
  firstSeen: z.iso.datetime(),
  lastSeen: z.iso.datetime(),
  /** Ids of the last of these requests. */
  requests: z.array(z.string()),
  cause: z.string(),
  fix: z.string(),
})

export const detectionEvents = {
  'detection.raised': detection,
  /** A person has seen to it. */
  'detection.acknowledged': z.object({ ...named, acknowledgedAt: z.iso.datetime() }),
  /** A person wants to be told of it no more until then; null: for good. */
  'detection.muted': z.object({ ...named, mutedAt: z.iso.datetime(), until: z.iso.datetime().nullable() }),
  'detection.unmuted': z.object({ ...named, unmutedAt: z.iso.datetime() }),
}
