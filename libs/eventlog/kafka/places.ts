import type { Queryable, Transaction } from '#libs/postgres/index'
import type { Subscription } from '../port.ts'

/** How far a group is in one partition, as its follower keeps it together with its state. */
export interface Place {
  /** The offset that comes next. */
  readonly next: number
  /** All that was committed before this instant, and that this partition holds, is done. */
  readonly upTo: Date | undefined
}

interface Row {
  follower: string
  place: { next: number }
  up_to: Date
}

/** Of a partition of which nothing was followed yet. */
export const nowhere = -1

/**
 * The next offset of each partition, or `nowhere`. Locks their rows in one order, so that two members of a group apply
 * nothing of one partition side by side.
 */
export async function lockPlaces(
  transaction: Transaction,
  { schema, group }: Subscription,
  partitions: readonly string[],
): Promise<Map<string, number>> {
  const names = partitions.map((partition) => nameOf(group, partition))
  const lock = (): Promise<Row[]> =>
    transaction.query<Row>(
      {
        name: `${schema} lock places`,
        text: `SELECT follower, place FROM ${schema}.followed WHERE follower = ANY($1) ORDER BY follower FOR UPDATE`,
      },
      [names],
    )
  let rows = await lock()
  if (rows.length < partitions.length) {
    transaction.send(
      `INSERT INTO ${schema}.followed (follower, place, up_to)
       SELECT follower, $2, 'epoch' FROM unnest($1::text[]) AS follower ORDER BY follower ON CONFLICT (follower) DO NOTHING`,
      [names, JSON.stringify({ next: nowhere })],
    )
    rows = await lock()
  }
  return new Map(rows.map((row) => [row.follower.slice(group.length + 1), row.place.next]))
}

/** As `lockPlaces`, without locking; of a partition that has no row, nothing. */
export async function readPlaces(
  from: Queryable,
  { schema, group }: Subscription,
  partitions: readonly string[],
): Promise<Map<string, number>> {
  const rows = await from.query<Row>(
    {
      name: `${schema} read places`,
      text: `SELECT follower, place FROM ${schema}.followed WHERE follower = ANY($1)`,
    },
    [partitions.map((partition) => nameOf(group, partition))],
  )
  return new Map(rows.map((row) => [row.follower.slice(group.length + 1), row.place.next]))
}

export function storePlaces(
  transaction: Transaction,
  { schema, group }: Subscription,
  places: ReadonlyMap<string, Place>,
): void {
  const all = [...places]
  transaction.send(
    {
      name: `${schema} store places`,
      text: `
        UPDATE ${schema}.followed AS known
        SET place = jsonb_build_object('next', moved.next), up_to = greatest(known.up_to, moved.up_to)
        FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS moved (follower, next, up_to)
        WHERE known.follower = moved.follower`,
    },
    [
      all.map(([partition]) => nameOf(group, partition)),
      all.map(([, { next }]) => next),
      all.map(([, { upTo }]) => upTo ?? null),
    ],
  )
}

/**
 * Tells the group's other members how far these partitions (TOPIC/NUMBER each) are done, in milliseconds, where none of the events since their places
 * was anybody's concern: the places stay. Answers the partitions of which that is told now; one that has no place yet is none of them.
 */
export async function tellUpTo(
  database: Queryable,
  { schema, group }: Subscription,
  upTo: ReadonlyMap<string, number>,
): Promise<string[]> {
  const rows = await database.query<Pick<Row, 'follower'>>(
    {
      name: `${schema} tell up to`,
      text: `
        WITH held AS (SELECT follower FROM ${schema}.followed WHERE follower = ANY($1::text[]) ORDER BY follower FOR UPDATE)
        UPDATE ${schema}.followed AS known SET up_to = greatest(known.up_to, told.up_to)
        FROM held JOIN unnest($1::text[], $2::timestamptz[]) AS told (follower, up_to) USING (follower)
        WHERE known.follower = held.follower RETURNING known.follower`,
    },
    [[...upTo.keys()].map((partition) => nameOf(group, partition)), [...upTo.values()].map((at) => new Date(at))],
  )
  return rows.map(({ follower }) => follower.slice(group.length + 1))
}

/** The instant up to which the whole group has applied everything of these partitions; undefined until it is known of each. */
export async function readUpTo(
  from: Queryable,
  { schema, group }: Subscription,
  partitions: readonly string[],
): Promise<Date | undefined> {
  const [row] = await from.query<{ known: number; up_to: Date | null }>(
    `SELECT count(*) AS known, min(up_to) AS up_to FROM ${schema}.followed WHERE follower = ANY($1) AND up_to > 'epoch'`,
    [partitions.map((partition) => nameOf(group, partition))],
  )
  return row === undefined || row.known < partitions.length ? undefined : (row.up_to ?? undefined)
}

export function lostRecords(group: string, partition: string, count: number): Error {
  return new Error(
    `Kafka has removed ${count} records of ${partition} before ${group} had read them: ` +
      'its retention is too short for how long this follower was away',
  )
}

function nameOf(group: string, partition: string): string {
  return `${group} ${partition}`
}
