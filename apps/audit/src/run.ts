import { AdminCalls } from '#libs/admin/index'
import { followersOperations, only, readSettings } from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import {
  AUDIT,
  auditGroup,
  AuditModule,
  auditOperations,
  auditSchema,
  migrateAudit,
  observeDetections,
  readThresholds,
  UnfitThresholds,
} from './index.ts'

const settings = {
  ...serviceSettings,
  ...only(
    'LATCHKEY_AUDIT_PORT',
    'LATCHKEY_AUDIT_RETENTION',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_DETECTIONS',
  ),
}

const operations = { ...auditOperations, ...followersOperations }

/** The audit service as a program of its own. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'audit',
    read: (variables) => readSettings(variables, settings),
    expected: [UnfitThresholds],
    port: ({ LATCHKEY_AUDIT_PORT }) => LATCHKEY_AUDIT_PORT,
    async build(starting) {
      const { configuration, clock, telemetry, onFailure } = starting
      const retention = configuration.LATCHKEY_AUDIT_RETENTION
      const thresholds = readThresholds(configuration.LATCHKEY_DETECTIONS)
      const database = starting.openDatabase(8)
      await starting.withPostgres(() => migrateAudit(database, { retention, clock }))
      const adminToken = await starting.adminToken(configuration.LATCHKEY_ADMIN_TOKEN)
      const log = starting.openLog({ database, source: 'audit' })
      const decisions = starting.openDecisions(log, database, configuration.LATCHKEY_DECISION_QUEUE)
      const raised = observeDetections(database, telemetry, clock)
      return {
        modules: [
          AuditModule.with({ database, log, thresholds, raised, adminToken, retention, clock, onFailure }),
          AdminCalls.with({ source: 'audit', operations, decisions, clock, telemetry }),
        ],
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
