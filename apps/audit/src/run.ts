import { only, readSettings } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import { AUDIT, auditGroup, AuditModule, auditPart, auditSchema, migrateAudit } from './index.ts'

const settings = {
  ...serviceSettings,
  ...only(
    'LATCHKEY_AUDIT_PORT',
    'LATCHKEY_AUDIT_RETENTION',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_PEPPERS',
    'REDIS_URL',
    'REDIS_PREFIX',
  ),
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
      const peppers = await starting.peppers(configuration.LATCHKEY_PEPPERS)
      const log = starting.openLog()
      const channel = starting.openChannel(configuration)
      const follower = starting.follower({
        log,
        database,
        group: auditGroup,
        transportId: AUDIT,
        schema: auditSchema,
        relaxed: true,
      })
      const { admission, tokenChannel } = starting.admission({ adminToken, peppers, database, log, follower, channel })
      return {
        modules: [AuditModule.with({ database, admission, tokenChannel, retention, clock, onFailure })],
        database,
        admission,
        parts: [auditPart],
        follower,
      }
    },
  })
}
