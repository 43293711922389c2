export {
  type Appending,
  Database,
  type Queryable,
  type Snapshot,
  type Statement,
  type Transaction,
  type Waiting,
} from './database.ts'
export { Entities, type EntitiesOptions } from './entities.ts'
export {
  fellSilent,
  isConnectionLoss,
  isServerTrouble,
  isTransient,
  isUniqueViolation,
  tookTooLong,
} from './failures.ts'
export { type Doubt, type Ending, Lanes, LaneTables } from './lanes.ts'
export { Lease, LeaseTables, type LeaseTaken } from './lease.ts'
export { migrate, type SchemaMigrations } from './migrate.ts'
export { maintainPartitions, type PartitionedTable, type PartitionLength } from './partitions.ts'
export { retryTransient } from './retry.ts'
export { textArray } from './text-array.ts'
export type { EntityManager } from 'typeorm'
