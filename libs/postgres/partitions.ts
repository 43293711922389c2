import type { Database } from './database.ts'

export type PartitionLength = 'day' | 'month'

export interface PartitionedTable {
  readonly schema: string
  /** Partitioned by range of a timestamptz; its partitions are named after it and their first day. */
  readonly table: string
  readonly length: PartitionLength
  /** Partitions kept ready after the present one. */
  readonly ahead: number
  /** Partitions made for what is older than now, at most those within retention. */
  readonly behind: number
  /** Milliseconds; partitions that hold nothing younger are dropped. */
  readonly retention: number
}

/**
 * Keeps partitions ready for now and the time to come, and drops whole ones past retention: instant, and nothing left to
 * vacuum. Safe to run from several processes at once. Waits at most five seconds for writers to let go of the table,
 * then rejects with a transient failure; to be called again long before the partitions run out.
 */
export async function maintainPartitions(database: Database, options: PartitionedTable, now: Date): Promise<void> {
  const { schema, table } = options
  const present = new Set(await partitionsOf(database, schema, table))
  const oldest = firstDay(options.length, new Date(now.getTime() - options.retention), 0)
  const missing = wantedDays(options, oldest, now).filter((day) => !present.has(nameOf(table, day)))
  const expired = [...present].filter((name) => name < nameOf(table, oldest))
  if (missing.length + expired.length === 0) return
  await database.session(async (session) => {
    await session.query('BEGIN')
    await session.query("SET LOCAL lock_timeout = '5s'")
    await session.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `latchkey partitions of ${schema}.${table}`,
    ])
    for (const day of missing) {
      await session.query(
        `CREATE TABLE IF NOT EXISTS ${schema}.${nameOf(table, day)} PARTITION OF ${schema}.${table}
         FOR VALUES FROM ('${day.toISOString()}') TO ('${firstDay(options.length, day, 1).toISOString()}')`,
      )
    }
    for (const name of expired) await session.query(`DROP TABLE IF EXISTS ${schema}.${name}`)
    await session.query('COMMIT')
  })
}

function wantedDays({ length, ahead, behind }: PartitionedTable, oldest: Date, now: Date): Date[] {
  const days: Date[] = []
  for (let step = 0; step <= ahead; step++) days.push(firstDay(length, now, step))
  for (let step = -1; step >= -behind && firstDay(length, now, step) >= oldest; step--)
    days.push(firstDay(length, now, step))
  return days
}

async function partitionsOf(database: Database, schema: string, table: string): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = $1::regclass`,
    [`${schema}.${table}`],
  )
  return rows.map((row) => row.name)
}

function firstDay(length: PartitionLength, of: Date, step: number): Date {
  const [year, month, day] = [of.getUTCFullYear(), of.getUTCMonth(), of.getUTCDate()]
  return new Date(length === 'day' ? Date.UTC(year, month, day + step) : Date.UTC(year, month + step, 1))
}

function nameOf(table: string, day: Date): string {
  return `${table}_${day.toISOString().slice(0, 10).replaceAll('-', '')}`
}
