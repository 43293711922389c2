import { type Database, maintainPartitions } from '#libs/postgres/index'

export interface Keeping {
  /** Milliseconds for which records are kept; whole months are dropped. */
  readonly retention: number
  readonly clock: () => Date
}

/** A partition for each month within retention, so that a trail which joins late has room for what is old, and for two to come. */
export function maintainTrail(database: Database, { retention, clock }: Keeping): Promise<void> {
  const table = { schema: 'audit', table: 'record', length: 'month', ahead: 2, behind: Infinity, retention } as const
  return maintainPartitions(database, table, clock())
}
