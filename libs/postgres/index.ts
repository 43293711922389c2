export { Database, type Queryable, type Statement, type Transaction } from './database.ts'
export { Entities, type EntitiesOptions } from './entities.ts'
export { isConnectionLoss, isTransient, isUniqueViolation } from './failures.ts'
export { migrate, type SchemaMigrations } from './migrate.ts'
