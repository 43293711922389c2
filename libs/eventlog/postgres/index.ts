export { openPostgresEventLog, type PostgresEventLog, type PostgresEventLogOptions } from './event-log.ts'
