import { type Database, maintainPartitions } from '#libs/postgres/index'

/** Keeps partitions from yesterday (clocks differ) to seven days ahead, and drops days past `retention` (milliseconds). */
export function maintainEventPartitions(database: Database, retention: number, now: Date): Promise<void> {
  return maintainPartitions(
    database,
    { schema: 'event_log', table: 'event', length: 'day', ahead: 7, behind: 1, retention },
    now,
  )
}
