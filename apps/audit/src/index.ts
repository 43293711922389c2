import { type Database, migrate } from '#libs/postgres/index'
import { auditSchema } from './names.ts'
import { migrations } from './store/migrations.ts'
import { type Keeping, maintainTrail } from './store/trail.ts'

export { AuditModule, type AuditParts } from './audit.module.ts'
export { auditPart } from './http/described.ts'
export { AUDIT, auditGroup, auditSchema } from './names.ts'

/** Brings the schema `audit` up to date, with its partitions; to be done before the trail follows or answers. */
export async function migrateAudit(database: Database, keeping: Keeping): Promise<void> {
  await migrate(database, { schema: auditSchema, migrations })
  await maintainTrail(database, keeping)
}
