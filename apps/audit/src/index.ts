import { type Database, migrate } from '#libs/postgres/index'
import { auditSchema } from './names.ts'
import { migrations } from './store/migrations.ts'
import { type Keeping, maintainTrail } from './store/trail.ts'

export { AuditModule } from './audit.module.ts'
export type { AuditParts } from './parts.ts'
export { auditPart } from './http/described.ts'
export { AUDIT, auditGroup, auditSchema } from './names.ts'
export { auditOperations } from './http/operations.ts'
export { observeDetections } from './observe.ts'
export { ofThresholds, readThresholds } from './detections/thresholds.ts'

/** Brings the schema `audit` up to date, with its partitions; to be done before the trail follows or answers. */
export async function migrateAudit(database: Database, keeping: Keeping): Promise<void> {
  await migrate(database, { schema: auditSchema, migrations })
  await maintainTrail(database, keeping)
}
