import type { Database } from '#libs/postgres/index'
import { shards } from './shards.ts'

/** A lease ends by itself so many milliseconds after it was last renewed. */
export const leaseLength = 5_000

export interface Leases {
  /** Shards that were held before and still are. */
  readonly kept: readonly number[]
  /** Shards taken over just now; what their last owner published is known only where it released them. */
  readonly claimed: readonly { readonly shard: number; readonly released: boolean }[]
  /** How many of the kept ones others should have. */
  readonly surplus: number
  /** Whether other processes publish from this outbox too. */
  readonly shared: boolean
}

interface Row {
  shard: number
  owner: string | null
  held: boolean
  released: boolean
}

/**
 * Renews the leases of `owner`, and claims free ones, up to its equal share among the relays that are alive. One relay
 * at a time does this, so that a shard never has two owners. A lease counts from before the call.
 */
export function renewLeases(database: Database, schema: string, owner: string): Promise<Leases> {
  const length = `${leaseLength} milliseconds`
  return database.transaction(async (transaction) => {
    transaction.send('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`latchkey relay ${schema}`])
    transaction.send(
      `INSERT INTO ${schema}.relay (owner, seen_at) VALUES ($1, clock_timestamp())
       ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at`,
      [owner],
    )
    transaction.send(`DELETE FROM ${schema}.relay WHERE seen_at < clock_timestamp() - $1::interval`, [length])
    transaction.send(
      `INSERT INTO ${schema}.relay_lease (shard) SELECT generate_series(0, $1::int - 1) ON CONFLICT DO NOTHING`,
      [shards],
    )
    const [alive, leases] = await Promise.all([
      transaction.query<{ relays: number }>(`SELECT count(*) AS relays FROM ${schema}.relay`),
      transaction.query<Row>(
        `SELECT shard, owner, until > clock_timestamp() AS held, released FROM ${schema}.relay_lease ORDER BY shard`,
      ),
    ])
    const relays = Math.max(1, alive[0]?.relays ?? 1)
    const share = Math.ceil(shards / relays)
    const kept = leases.filter((lease) => lease.owner === owner).map((lease) => lease.shard)
    const claimed = leases
      .filter((lease) => lease.owner !== owner && (lease.owner === null || !lease.held))
      .slice(0, Math.max(0, share - kept.length))
    transaction.send(
      `UPDATE ${schema}.relay_lease SET until = clock_timestamp() + $2::interval WHERE owner = $1 AND shard = ANY($3)`,
      [owner, length, kept],
    )
    if (claimed.length > 0) {
      transaction.send(
        `UPDATE ${schema}.relay_lease SET owner = $1, until = clock_timestamp() + $2::interval, epoch = epoch + 1, released = false
         WHERE shard = ANY($3)`,
        [owner, length, claimed.map((lease) => lease.shard)],
      )
    }
    return {
      kept,
      claimed: claimed.map(({ shard, released }) => ({ shard, released })),
      surplus: Math.max(0, kept.length - share),
      shared: relays > 1,
    }
  })
}

/** Gives shards to others at once; nothing of theirs may be under way any more. */
export async function releaseLeases(
  database: Database,
  schema: string,
  owner: string,
  released: readonly number[],
): Promise<void> {
  await database.query(
    `UPDATE ${schema}.relay_lease SET owner = NULL, until = '-infinity', released = true WHERE owner = $1 AND shard = ANY($2)`,
    [owner, released],
  )
}

/** The relay publishes no more. */
export async function resign(database: Database, schema: string, owner: string): Promise<void> {
  await database.query(`DELETE FROM ${schema}.relay WHERE owner = $1`, [owner])
}
