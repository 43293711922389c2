export { EmbeddedPostgresError, type EmbeddedPostgresFault } from './errors.ts'
export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './start.ts'
