import type { Queryable, Statement, Transaction } from '#libs/postgres/index'
import type { Subscription } from '../port.ts'

/**
 * How far a follower is. Sequence numbers commit out of order, so a plain high-water mark would lose what commits
 * late. A place is therefore a pair of Postgres snapshots: everything visible in `from` is done; of what became
 * visible between `from` and `to`, everything up to position `after` is done too. Within such a window events are
 * followed by position, which keeps the order of each key: whoever appended second for a key had waited for the
 * first to commit, so the first is in the same window with a lower position, or in an earlier window.
 */
export interface Place {
  readonly from: string
  /** The window being read; null between windows. */
  readonly to: string | null
  readonly after: number
  /** The window's highest position. */
  readonly last: number
  /** When the window was opened: at its end, all that was committed before this instant is done. */
  readonly openedAt: string | null
}

/** Nothing is visible in this snapshot. */
const beginning: Place = { from: '3:3:', to: null, after: 0, last: 0, openedAt: null }

export function samePlace(one: Place, other: Place): boolean {
  return one.from === other.from && one.to === other.to && one.after === other.after
}

export async function loadPlace({ database, schema, group }: Subscription): Promise<Place> {
  await database.query(
    `INSERT INTO ${schema}.followed (follower, place, up_to) VALUES ($1, $2, 'epoch') ON CONFLICT (follower) DO NOTHING`,
    [group, JSON.stringify(beginning)],
  )
  return readPlace(database, `SELECT place FROM ${schema}.followed WHERE follower = $1`, group)
}

/** Holds the group's row until the transaction ends, so that one instance at a time applies and moves on. */
export function lockPlace(transaction: Transaction, { schema, group }: Subscription): Promise<Place> {
  const text = `SELECT place FROM ${schema}.followed WHERE follower = $1 FOR UPDATE`
  return readPlace(transaction, { name: `${schema} lock place`, text }, group)
}

export function storePlace(
  transaction: Transaction,
  { schema, group }: Subscription,
  place: Place,
  upTo: Date | undefined,
): void {
  const text = `UPDATE ${schema}.followed SET place = $2, up_to = coalesce($3, up_to) WHERE follower = $1`
  transaction.send({ name: `${schema} store place`, text }, [group, JSON.stringify(place), upTo ?? null])
}

async function readPlace(source: Queryable, text: string | Statement, group: string): Promise<Place> {
  const [row] = await source.query<{ place: Place }>(text, [group])
  if (row === undefined) throw new Error(`the place of follower ${group} is gone from the database`)
  return row.place
}
