import { type Database, maintainPartitions } from '#libs/postgres/index'

/** Keeps today's partition and those of the seven days to come, and drops days past `retention` (milliseconds). */
export function maintainEventPartitions(database: Database, retention: number, now: Date): Promise<void> {
  return maintainPartitions(database, { schema: 'event_log', table: 'event', length: 'day', ahead: 7, retention }, now)
}
