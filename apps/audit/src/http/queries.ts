import { z } from 'zod'
import { type Paging, pagingByAge, pagingQuery, parse } from '#libs/http/index'
import type { RecordFilter, RecordPlace } from '../store/find-records.ts'

const name = z.string().min(1).max(256).optional()
const instant = z.iso
  .datetime({ offset: true, message: 'is not an instant like 2026-11-24T15:00:00Z' })
  .transform((text) => new Date(text))
  .optional()

export const recordsQuery = pagingQuery.strict().extend({
  tenant: z.string().max(256).optional(),
  connection: name,
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
