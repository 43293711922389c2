import { AdminCalls, documentPart } from '#libs/admin/index'
import { followersOperations, only, readSettings, settings as all } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import {
  AUDIT,
  auditGroup,
  AuditModule,
  auditOperations,
  auditPart,
  auditSchema,
  migrateAudit,
  observeDetections,
  ofThresholds,
} from './index.ts'

const settings = {
  ...serviceSettings,
  ...only(
    'LATCHKEY_AUDIT_PORT',
    'LATCHKEY_AUDIT_RETENTION',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_PEPPERS',
    'REDIS_URL',
    'REDIS_PREFIX',
  ),
  LATCHKEY_DETECTIONS: ofThresholds(all.LATCHKEY_DETECTIONS),
}

const operations = { ...auditOperations, ...followersOperations, ...documentPart.operations }

/** The audit service as a program of its own. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'audit',
    read: (variables) => readSettings(variables, settings),
    port: ({ LATCHKEY_AUDIT_PORT }) => LATCHKEY_AUDIT_PORT,
    async build(starting) {
      const { configuration, clock, telemetry, onFailure } = starting
      const retention = configuration.LATCHKEY_AUDIT_RETENTION
      const thresholds = configuration.LATCHKEY_DETECTIONS
      const database = starting.openDatabase(8)
      await starting.withPostgres(() => migrateAudit(database, { retention, clock }))
      const adminToken = await starting.adminToken(configuration.LATCHKEY_ADMIN_TOKEN)
      const peppers = await starting.peppers(configuration.LATCHKEY_PEPPERS)
      const log = starting.openLog({ database, source: 'audit' })
      const decisions = starting.openDecisions(log, database, configuration.LATCHKEY_DECISION_QUEUE)
      const channel = starting.openChannel(configuration)
      const raised = observeDetections(database, telemetry, clock)
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
        modules: [
          AuditModule.with({
            database,
            log,
            thresholds,
            raised,
            admission,
            tokenChannel,
            retention,
            clock,
            onFailure,
          }),
          AdminCalls.with({
            source: 'audit',
            operations,
            decisions,
            clock,
            telemetry,
            unproved: configuration.LATCHKEY_RATE_UNPROVED,
          }),
        ],
        database,
        admission,
        parts: [auditPart],
        follower,
      }
    },
  })
}
