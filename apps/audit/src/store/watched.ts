import { type Queryable, type Statement, textArray, type Transaction } from '#libs/postgres/index'
import type { Place } from '../detections/rule.ts'
import type { Subject } from '../detections/sightings.ts'
import { type Watched, watched } from '../detections/watched.ts'

/** One row: what is remembered of a subject. */
export interface Row {
  readonly subject: Subject
  readonly tenant: string | null
  readonly state: Watched
}

export interface Remembered extends Row {
  /** When it is to be looked at again by itself. */
  readonly silentFrom: number | undefined
}

interface Stored {
  id: string
  kind: Subject['kind']
  tenant: string | null
  state: string
}

/** `(SELECT $1)` hides the array's length from the planner, which would else plan anew for each. */
const lock: Statement = {
  name: 'audit lock watched',
  text: `
    SELECT id, kind, tenant, state FROM audit.watched
    WHERE (id, kind) IN (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[])))
    ORDER BY id, kind FOR UPDATE`,
}

const insert: Statement = {
  name: 'audit insert watched',
  text: `
    INSERT INTO audit.watched (id, kind, state, touched_at)
    SELECT id, kind, '{}', $3 FROM unnest($1::text[], $2::text[]) AS new (id, kind) ORDER BY id, kind
    ON CONFLICT DO NOTHING`,
}

const store: Statement = {
  name: 'audit store watched',
  text: `
    UPDATE audit.watched AS known
    SET tenant = seen.tenant, state = seen.state, silent_from = seen.silent_from, touched_at = $6
    FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), $3::text[], $4::text[], $5::timestamptz[]) AS seen (id, kind, tenant, state, silent_from)
    WHERE known.id = seen.id AND known.kind = seen.kind`,
}

/** What is remembered of these, locked until the transaction ends, in one order for all; what is not known is made, unless only the known are wanted. */
export async function lockWatched(
  transaction: Transaction,
  subjects: readonly Subject[],
  now: Date,
  wanted: 'all' | 'known' = 'all',
): Promise<Map<string, Row>> {
  const found = new Map<string, Row>()
  const add = (rows: readonly Stored[]): void => {
    for (const row of rows) found.set(keyOf(row), rowOf(row))
  }
  if (subjects.length === 0) return found
  add(await transaction.query<Stored>(lock, columnsOf(subjects)))
  const unknown = subjects.filter((subject) => !found.has(keyOf(subject)))
  if (unknown.length > 0 && wanted === 'all') {
    transaction.send(insert, [...columnsOf(unknown), now])
    add(await transaction.query<Stored>(lock, columnsOf(unknown)))
  }
  return found
}

export function storeWatched(transaction: Transaction, rows: readonly Remembered[], now: Date): void {
  if (rows.length === 0) return
  transaction.send(store, [
    ...columnsOf(rows.map(({ subject }) => subject)),
    rows.map(({ tenant }) => tenant),
    textArray(rows.map(({ state }) => JSON.stringify(state))),
    rows.map(({ silentFrom }) => (silentFrom === undefined ? null : new Date(silentFrom))),
    now,
  ])
}

/** Whether this transaction is the one that looks for silence: until it ends no other is, in any process. */
export async function isAloneWithSilence(transaction: Transaction): Promise<boolean> {
  const [lease] = await transaction.query<{ held: boolean }>(
    'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
    ['latchkey silence of connections'],
  )
  return lease?.held === true
}

/** Locks connections of which nothing was heard for longer than usual, as of an instant up to which all was heard; a thousand at the most. */
export async function lockSilent(transaction: Transaction, upTo: Date): Promise<Row[]> {
  const rows = await transaction.query<Stored>(
    `SELECT id, kind, tenant, state FROM audit.watched WHERE kind = 'connection' AND silent_from < $1
     ORDER BY id, kind LIMIT 1000 FOR UPDATE`,
    [upTo],
  )
  return rows.map(rowOf)
}

/** Whose those of these connections are that are known. */
export async function placesOf(from: Queryable, ids: readonly string[]): Promise<Map<string, Place>> {
  const rows = await from.query<Stored>(
    `SELECT id, kind, tenant, state FROM audit.watched WHERE kind = 'connection' AND id = ANY($1)`,
    [ids],
  )
  return new Map(
    rows.flatMap(({ id, tenant, state }): [string, Place][] => {
      const { connection } = readState(state)
      return connection === undefined || tenant === null ? [] : [[id, { tenant, environment: connection.environment }]]
    }),
  )
}

export async function forgetWatched(transaction: Transaction, subjects: readonly Subject[]): Promise<void> {
  await transaction.query(
    `DELETE FROM audit.watched WHERE (id, kind) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    [...columnsOf(subjects)],
  )
}

export function keyOf({ kind, id }: Subject): string {
  return `${kind} ${id}`
}

function rowOf({ id, kind, tenant, state }: Stored): Row {
  return { subject: { kind, id }, tenant, state: readState(state) }
}

/** What an earlier version stored otherwise is begun anew. */
function readState(text: string): Watched {
  return watched.safeParse(JSON.parse(text)).data ?? {}
}

function columnsOf(subjects: readonly Subject[]): [ids: string[], kinds: string[]] {
  return [subjects.map(({ id }) => id), subjects.map(({ kind }) => kind)]
}
