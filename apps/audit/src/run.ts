import { only, readSettings } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import { AUDIT, auditGroup, AuditModule, auditSchema, migrateAudit } from './index.ts'

const settings = {
  ...serviceSettings,
  ...only('LATCHKEY_AUDIT_PORT', 'LATCHKEY_AUDIT_RETENTION', 'LATCHKEY_ADMIN_TOKEN'),
}

/** The audit service as a program of its own. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'audit',
    read: (variables) => readSettings(variables, settings),
    port: ({ LATCHKEY_AUDIT_PORT }) => LATCHKEY_AUDIT_PORT,
    async build(starting) {
      const { configuration, clock, onFailure } = starting
      const retention = configuration.LATCHKEY_AUDIT_RETENTION
      const database = starting.openDatabase(8)
      await starting.withPostgres(() => migrateAudit(database, { retention, clock }))
      const adminToken = await starting.adminToken(configuration.LATCHKEY_ADMIN_TOKEN)
      const log = starting.openLog()
      return {
        modules: [AuditModule.with({ database, adminToken, retention, clock, onFailure })],
        database,
        adminToken,
        follower: starting.follower({
          log,
          database,
          group: auditGroup,
          transportId: AUDIT,
          schema: auditSchema,
          relaxed: true,
        }),
      }
    },
  })
}
