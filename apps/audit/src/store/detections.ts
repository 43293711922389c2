import type { Environment } from '#libs/events/index'
import type { Queryable, Statement, Transaction } from '#libs/postgres/index'
import { type Detection, type DetectionState } from '../detections/detection.ts'
import { isRuleCode, type RuleCode } from '../detections/rules.ts'
import type { Subject } from '../detections/sightings.ts'

interface Row {
  id: string
  rule: string
  subject_kind: Subject['kind']
  subject_id: string
  tenant: string
  connection: string | null
  environment: Environment | null
  state: DetectionState
  muted_until: Date | null
  acknowledged_at: Date | null
  first_seen: Date
  last_seen: Date
  count: number
  requests: string[]
  raised_at: Date
  raised: number
  version: number
}

const columns =
  'id, rule, subject_kind, subject_id, tenant, connection, environment, state, muted_until, acknowledged_at, first_seen, last_seen, count, requests, raised_at, raised, version'

const lock: Statement = {
  name: 'audit lock detections',
  text: `
    SELECT ${columns} FROM audit.detection
    WHERE (tenant, rule, subject_kind, subject_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]))
    ORDER BY tenant, rule, subject_kind, subject_id FOR UPDATE`,
}

const store: Statement = {
  name: 'audit store detections',
  text: `
    INSERT INTO audit.detection (${columns})
    SELECT ${columns} FROM jsonb_to_recordset($1::jsonb) AS told (
      id uuid, rule text, subject_kind text, subject_id text, tenant text, connection text, environment text, state text, muted_until timestamptz,
      acknowledged_at timestamptz, first_seen timestamptz, last_seen timestamptz, count bigint, requests text[], raised_at timestamptz, raised integer, version integer)
    ON CONFLICT (tenant, rule, subject_kind, subject_id) DO UPDATE SET
      connection = excluded.connection, environment = excluded.environment, state = excluded.state, muted_until = excluded.muted_until,
      acknowledged_at = excluded.acknowledged_at, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
      count = excluded.count, requests = excluded.requests, raised_at = excluded.raised_at, raised = excluded.raised,
      version = excluded.version`,
}

/** What makes two detections the same. */
export type Identity = Pick<Detection, 'rule' | 'subject' | 'tenant'>

export function identityOf({ rule, subject, tenant }: Identity): string {
  return [tenant ?? '', rule, subject.kind, subject.id].join(' ')
}

/** Those that there are, by their identity. Others that raise wait until the transaction ends. */
export async function lockDetections(
  transaction: Transaction,
  wanted: readonly Identity[],
): Promise<Map<string, Detection>> {
  transaction.send('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', ['latchkey detections'])
  const rows = await transaction.query<Row>(lock, [
    wanted.map(({ tenant }) => tenant ?? ''),
    wanted.map(({ rule }) => rule),
    wanted.map(({ subject }) => subject.kind),
    wanted.map(({ subject }) => subject.id),
  ])
  return new Map(rows.flatMap(detectionOf).map((detection) => [identityOf(detection), detection]))
}

export async function lockDetection(transaction: Transaction, id: string): Promise<Detection | undefined> {
  const rows = await transaction.query<Row>(`SELECT ${columns} FROM audit.detection WHERE id = $1 FOR UPDATE`, [id])
  return rows.flatMap(detectionOf)[0]
}

export async function findDetection(from: Queryable, id: string): Promise<Detection | undefined> {
  const rows = await from.query<Row>(`SELECT ${columns} FROM audit.detection WHERE id = $1`, [id])
  return rows.flatMap(detectionOf)[0]
}

export function storeDetections(transaction: Transaction, detections: readonly Detection[]): void {
  if (detections.length > 0) transaction.send(store, [JSON.stringify(detections.map(rowOf))])
}

/** What this transaction writes is on the disk before it counts as committed, also where its follower is `relaxed`. */
export function writeDurably(transaction: Transaction): void {
  transaction.send('SET LOCAL synchronous_commit TO on')
}

export interface DetectionFilter {
  readonly tenant?: string | undefined
  /** Of these tenants alone; those of none are of none of them. */
  readonly tenants?: readonly string[] | undefined
  readonly connection?: string | undefined
  readonly environment?: Environment | undefined
  readonly rule?: RuleCode | undefined
  readonly state?: DetectionState | undefined
}

/** As `stateAt` has it. */
const present = (now: string): string =>
  `CASE WHEN state <> 'muted' OR muted_until IS NULL OR muted_until > ${now} THEN state
    WHEN acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END`

/** What was raised last comes first. */
export async function findDetections(
  from: Queryable,
  { tenant, tenants, connection, environment, rule, state }: DetectionFilter,
  limit: number,
  after: readonly [instant: string, id: string] | undefined,
  now: Date,
): Promise<Detection[]> {
  const [instant = null, id = null] = after ?? []
  const rows = await from.query<Row>(
    `SELECT ${columns} FROM audit.detection
     WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR connection = $2) AND ($3::text IS NULL OR rule = $3)
       AND ($4::text IS NULL OR ${present('$5')} = $4)
       AND ($6::timestamptz IS NULL OR (raised_at, id) < ($6, $7::uuid))
       AND ($9::text[] IS NULL OR tenant = ANY($9)) AND ($10::text IS NULL OR environment = $10)
     ORDER BY raised_at DESC, id DESC LIMIT $8`,
    [
      tenant ?? null,
      connection ?? null,
      rule ?? null,
      state ?? null,
      now,
      instant,
      id,
      limit,
      tenants ?? null,
      environment ?? null,
    ],
  )
  return rows.flatMap(detectionOf)
}

/** How many are open, by rule. */
export async function countOpen(from: Queryable, now: Date): Promise<Map<string, number>> {
  const rows = await from.query<{ rule: string; open: number }>(
    `SELECT rule, count(*) AS open FROM audit.detection WHERE ${present('$1')} = 'open' GROUP BY rule`,
    [now],
  )
  return new Map(rows.map(({ rule, open }) => [rule, open]))
}

/** None of a rule that is no more. */
function detectionOf(row: Row): Detection[] {
  if (!isRuleCode(row.rule)) return []
  return [
    {
      id: row.id,
      rule: row.rule,
      subject: { kind: row.subject_kind, id: row.subject_id },
      tenant: row.tenant === '' ? null : row.tenant,
      connection: row.connection,
      environment: row.environment,
      state: row.state,
      mutedUntil: row.muted_until,
      acknowledgedAt: row.acknowledged_at,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
      count: row.count,
      requests: row.requests,
      raisedAt: row.raised_at,
      raised: row.raised,
      version: row.version,
    },
  ]
}

function rowOf(detection: Detection) {
  return {
    id: detection.id,
    rule: detection.rule,
    subject_kind: detection.subject.kind,
    subject_id: detection.subject.id,
    tenant: detection.tenant ?? '',
    connection: detection.connection,
    environment: detection.environment,
    state: detection.state,
    muted_until: detection.mutedUntil,
    acknowledged_at: detection.acknowledgedAt,
    first_seen: detection.firstSeen,
    last_seen: detection.lastSeen,
    count: detection.count,
    requests: detection.requests,
    raised_at: detection.raisedAt,
    raised: detection.raised,
    version: detection.version,
  }
}
