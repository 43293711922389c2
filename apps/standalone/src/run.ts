import { ofThresholds } from '#apps/audit/src/index'
import { KekDoesNotFit, PeppersDoNotFit, refuseNewPeppers } from '#apps/keys/src/index'
import { EmbeddedPostgresError } from '#libs/postgres/embedded/index'
import { Database } from '#libs/postgres/index'
import {
  banner,
  DataFolder,
  doorOf,
  httpSettings,
  keepUrl,
  keptPeppers,
  only,
  openTelemetry,
  publicAddress,
  rateLimitsOf,
  reachPostgres,
  readSettings,
  runProgram,
  sealingOf,
  sealingSettings,
  settings as all,
  StartError,
  usablePort,
  watchKek,
} from '#libs/program/index'
import { keepPostgres } from '#libs/program/postgres/index'
import { SealingError } from '#libs/sealing/index'
import { startAll } from './start-all.ts'

const settings = {
  ...sealingSettings,
  ...httpSettings,
  ...only(
    'LATCHKEY_PORT',
    'LATCHKEY_PUBLIC_URL',
    'LATCHKEY_DATA',
    'LATCHKEY_QUICKSTART',
    'DATABASE_URL',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_PEPPERS',
    'LATCHKEY_RATE_PER_KEY',
    'LATCHKEY_RATE_PER_CONNECTION',
    'LATCHKEY_RATE_UNPROVED',
    'LATCHKEY_RATE_LOOKUPS',
    'LATCHKEY_RATE_REFUSALS',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_BULK_BODY_LIMIT',
    'LATCHKEY_LIST_TIMEOUT',
    'LATCHKEY_CURSOR_TIMEOUT',
    'LATCHKEY_DELETED_RETENTION',
    'LATCHKEY_EVENT_RETENTION',
    'LATCHKEY_CAPTURE_RETENTION',
    'LATCHKEY_AUDIT_RETENTION',
    'LATCHKEY_LOG_LEVEL',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ),
  LATCHKEY_DETECTIONS: ofThresholds(all.LATCHKEY_DETECTIONS),
}

/** All four services in one process, over one Postgres: its own unless another is named. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runProgram(env, {
    name: 'latchkey',
    read: (variables) => readSettings(variables, settings),
    expected: [EmbeddedPostgresError, PeppersDoNotFit, KekDoesNotFit, SealingError],
    async start(starting) {
      const { configuration, logger, ending, stop } = starting
      const folder = new DataFolder(configuration.LATCHKEY_DATA)
      const adminToken = configuration.LATCHKEY_ADMIN_TOKEN ?? folder.adminToken()
      if (configuration.LATCHKEY_PEPPERS === undefined) keptPeppers(folder.path)
      const door = doorOf(configuration)
      const port = await usablePort(door.host, configuration.LATCHKEY_PORT)
      let databaseUrl = configuration.DATABASE_URL
      if (databaseUrl === undefined) {
        const postgres = await keepPostgres(folder, logger)
        ending.add('Postgres', 45_000, () => postgres.stop())
        databaseUrl = postgres.url
      } else {
        await reachPostgres(databaseUrl)
      }
      const peppers = configuration.LATCHKEY_PEPPERS ?? (await folder.peppers(asking(databaseUrl)))
      const telemetry = await openTelemetry(starting, 'latchkey')
      if (stop.isAsked()) throw new StartError('told to stop')
      const sealing = sealingOf(configuration)
      const services = await startAll({
        databaseUrl,
        door,
        port,
        publicUrl: configuration.LATCHKEY_PUBLIC_URL ?? publicAddress(door, port),
        addressKey: folder.addressKey(),
        adminToken,
        wantsQuickstart: configuration.LATCHKEY_QUICKSTART ?? true,
        peppers,
        sealing,
        checks: watchKek(sealing, starting),
        rateLimits: rateLimitsOf(configuration),
        bulkBodyLimit: configuration.LATCHKEY_BULK_BODY_LIMIT,
        listTimeout: configuration.LATCHKEY_LIST_TIMEOUT,
        cursorTimeout: configuration.LATCHKEY_CURSOR_TIMEOUT,
        decisionQueue: configuration.LATCHKEY_DECISION_QUEUE,
        deletedRetention: configuration.LATCHKEY_DELETED_RETENTION,
        eventRetention: configuration.LATCHKEY_EVENT_RETENTION,
        dataKeyLifetime: configuration.LATCHKEY_DATA_KEY_LIFETIME,
        captureRetention: configuration.LATCHKEY_CAPTURE_RETENTION,
        auditRetention: configuration.LATCHKEY_AUDIT_RETENTION,
        thresholds: configuration.LATCHKEY_DETECTIONS,
        telemetry,
        logger,
        ending,
      })
      await keepUrl(folder, publicAddress(door, port), starting)
      folder.writeServices({})
      const first = services.quickstart === undefined ? '' : banner(services.quickstart, new Date())
      return `Latchkey is ready at ${services.url}\n${door.notice}${first}`
    },
  })
}

/** Whether the database lets a file of peppers be made. */
function asking(url: string): (file: string) => Promise<void> {
  return async (file) => {
    const database = new Database({ url, applicationName: 'latchkey', connections: 1 })
    try {
      await refuseNewPeppers(database, file)
    } finally {
      await database.close()
    }
  }
}
