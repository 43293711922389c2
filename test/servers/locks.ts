import type { Database } from '#libs/postgres/index'

const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

/** Resolves once somebody on this database waits for what another holds. */
export async function waitsForALock(database: Database): Promise<void> {
  while ((await database.query(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
}
