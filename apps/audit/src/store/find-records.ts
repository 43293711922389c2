import type { Environment, RequestDecided } from '#libs/events/index'
import type { Queryable } from '#libs/postgres/index'

/** What records may be searched by; every filter that is set must hold. */
export interface RecordFilter {
  readonly tenant?: string | undefined
  /** Requests with its keys, those that named it without a proved key, and those that named it with a key of another one. */
  readonly connection?: string | undefined
  readonly environment?: Environment | undefined
  readonly kid?: string | undefined
  /** Id of the admin token that asked. */
  readonly actor?: string | undefined
  /** Of these tenants alone; records of none are of none of them. */
  readonly tenants?: readonly string[] | undefined
  readonly outcome?: string | undefined
  readonly operation?: string | undefined
  readonly surface?: string | undefined
  /** The id of the request that they are parts of: operations of a bulk request, or shares of tenants. */
  readonly within?: string | undefined
  /** Received at this instant or later. */
  readonly since?: Date | undefined
  /** Received before this instant. */
  readonly until?: Date | undefined
}

/** The place of a record in the order of the trail. */
export interface RecordPlace {
  readonly receivedAt: Date
  readonly id: string
}

export interface AuditRecord {
  readonly id: string
  readonly tenant: string
  readonly receivedAt: Date
  readonly decision: RequestDecided
}

interface Row {
  id: string
  tenant: string
  received_at: Date
  payload: string
}

/** The newest records first, after `after`. */
export async function findRecords(
  database: Queryable,
  filter: RecordFilter,
  limit: number,
  after: RecordPlace | undefined,
): Promise<AuditRecord[]> {
  const { text, values } = recordsStatement(filter, limit, after)
  return (await database.query<Row>(text, values)).map(recordOf)
}

/** The text depends on which filters are set, and on the environment, so that each form has its own plan and index. */
export function recordsStatement(
  filter: RecordFilter,
  limit: number,
  after: RecordPlace | undefined,
): { readonly text: string; readonly values: readonly unknown[] } {
  const values: unknown[] = []
  const conditions: string[] = []
  const also = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined) return
    values.push(value)
    conditions.push(condition(`$${values.length}`))
  }
  also((place) => `tenant = ${place}`, filter.tenant)
  // Not a parameter: the planner must see that it is what the index of sandboxes holds.
  if (filter.environment !== undefined) conditions.push(`environment = '${filter.environment}'`)
  also((place) => `kid = ${place}`, filter.kid)
  also((place) => `actor = ${place}`, filter.actor)
  also((place) => `tenant = ANY(${place})`, filter.tenants)
  also((place) => `outcome = ${place}`, filter.outcome)
  also((place) => `operation = ${place}`, filter.operation)
  also((place) => `surface = ${place}`, filter.surface)
  also((place) => `within_request = ${place}`, filter.within)
  also((place) => `received_at >= ${place}`, filter.since)
  also((place) => `received_at < ${place}`, filter.until)
  if (after !== undefined) {
    values.push(after.receivedAt, after.id)
    conditions.push(`(received_at, id) < ($${values.length - 1}, $${values.length})`)
    // Says the same once more, in the words by which whole partitions are left out.
    conditions.push(`received_at <= $${values.length - 1}`)
  }
  values.push(limit)
  const newest = `ORDER BY received_at DESC, id DESC LIMIT $${values.length}`
  const select = (all: readonly string[]): string => `
    SELECT id, tenant, received_at, payload FROM audit.record
    ${all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`}
    ${newest}`
  if (filter.connection === undefined) return { text: select(conditions), values }
  values.push(filter.connection)
  // Apart, so that each walks an index of its own in the order of the trail. No record is in both.
  const [own, named] = ['connection', 'addressed'].map((column) =>
    select([`${column} = $${values.length}`, ...conditions]),
  )
  return { text: `SELECT * FROM ((${own}) UNION ALL (${named})) AS found ${newest}`, values }
}

export async function findRecord(database: Queryable, id: string): Promise<AuditRecord | undefined> {
  const [row] = await database.query<Row>(
    'SELECT id, tenant, received_at, payload FROM audit.record WHERE id = $1 LIMIT 1',
    [id],
  )
  return row === undefined ? undefined : recordOf(row)
}

function recordOf(row: Row): AuditRecord {
  return {
    id: row.id,
    tenant: row.tenant,
    receivedAt: row.received_at,
    decision: JSON.parse(row.payload) as RequestDecided,
  }
}
