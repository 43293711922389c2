import { z } from 'zod'
import { parseDuration } from '#libs/configuration/index'
import { environments, isId } from '#libs/events/index'
import { type Paging, pagingByAge, pagingQuery, parse } from '#libs/http/index'
import { detectionStates } from '../detections/detection.ts'
import { ruleCodes } from '../detections/rules.ts'
import type { DetectionFilter } from '../store/detections.ts'
import type { RecordFilter, RecordPlace } from '../store/find-records.ts'

const name = z.string().min(1).max(256).optional()
const instant = z.iso
  .datetime({ offset: true, message: 'is not an instant like 2026-11-24T15:00:00Z' })
  .transform((text) => new Date(text))
  .optional()

export const recordsQuery = pagingQuery.extend({
  tenant: z.string().max(256).optional(),
  connection: name,
  environment: z.enum(environments).optional(),
  kid: name,
  /** The id of the admin token that asked, or bootstrap. */
  actor: name,
  operation: name,
  within: name,
  outcome: z.enum(['accepted', 'refused', 'failed']).optional(),
  surface: z.enum(['scim', 'admin']).optional(),
  since: instant,
  until: instant,
})

/** Throws a Problem that names each parameter that is unknown or cannot be read. */
export function readRecordsQuery(query: unknown): {
  filter: RecordFilter
  paging: Paging
  after: RecordPlace | undefined
} {
  const { limit: _limit, after: _after, ...filter } = parse<z.infer<typeof recordsQuery>>(recordsQuery, query)
  const at = pagingByAge(query)
  return { filter, paging: at, after: at.after === undefined ? undefined : readPlace(at.after) }
}

export function placeKey({ receivedAt, id }: RecordPlace): readonly string[] {
  return [receivedAt.toISOString(), id]
}

function readPlace([receivedAt, id]: readonly [instant: string, id: string]): RecordPlace {
  return { receivedAt: new Date(receivedAt), id }
}

export const detectionsQuery = pagingQuery.extend({
  tenant: z.string().max(256).optional(),
  connection: name,
  environment: z.enum(environments).optional(),
  rule: z.enum(ruleCodes).optional(),
  state: z.enum(detectionStates).optional(),
})

/** Throws a Problem that names each parameter that is unknown or cannot be read. */
export function readDetectionsQuery(query: unknown): {
  filter: DetectionFilter
  paging: ReturnType<typeof pagingByAge>
} {
  const { limit: _limit, after: _after, ...filter } = parse<z.infer<typeof detectionsQuery>>(detectionsQuery, query)
  return { filter, paging: pagingByAge(query, z.string().refine(isId)) }
}

export const muteBody = z
  .strictObject({
    for: z
      .string()
      .transform((text) => parseDuration(text) ?? Number.NaN)
      .refine((length) => length >= 1_000 && length <= 36_500 * 86_400_000, 'is not a duration such as 8h or 30d')
      .optional(),
  })
  .default({})

/** For how many milliseconds; undefined for good. Throws a Problem. */
export function readMute(body: unknown): number | undefined {
  return parse<z.infer<typeof muteBody>>(muteBody, body ?? {}).for
}
