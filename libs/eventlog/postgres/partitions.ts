import type { Database } from '#libs/postgres/index'

const day = 24 * 60 * 60 * 1000

/**
 * Keeps a day's partition ready for today and the seven days to come, and drops whole days past `retention`
 * (milliseconds). Dropping is instant and leaves nothing to vacuum. Safe to run from several processes at once.
 */
export async function maintainPartitions(database: Database, retention: number, now: Date): Promise<void> {
  const today = Math.floor(now.getTime() / day)
  const present = new Set(await partitions(database))
  const missing = Array.from({ length: 8 }, (_, ahead) => today + ahead).filter((number) => !present.has(nameOf(number)))
  const oldest = nameOf(Math.floor((now.getTime() - retention) / day))
  const expired = [...present].filter((name) => name < oldest)
  if (missing.length + expired.length === 0) return
  await database.transaction(async (transaction) => {
    await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('latchkey partitions of the event log', 0))")
    for (const number of missing) {
      await transaction.query(
        `CREATE TABLE IF NOT EXISTS event_log.${nameOf(number)} PARTITION OF event_log.event
         FOR VALUES FROM ('${startOf(number)}') TO ('${startOf(number + 1)}')`,
      )
    }
    for (const name of expired) await transaction.query(`DROP TABLE IF EXISTS event_log.${name}`)
  })
}

async function partitions(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = 'event_log.event'::regclass`,
  )
  return rows.map((row) => row.name)
}

function startOf(number: number): string {
  return new Date(number * day).toISOString()
}

function nameOf(number: number): string {
  return `event_${startOf(number).slice(0, 10).replaceAll('-', '')}`
}
