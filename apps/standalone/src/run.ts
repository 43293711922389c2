import { KekDoesNotFit, PeppersDoNotFit } from '#apps/keys/src/index'
import { EmbeddedPostgresError } from '#libs/postgres/embedded/index'
import {
  banner,
  DataFolder,
  only,
  openTelemetry,
  publicAddress,
  reachPostgres,
  readSettings,
  runProgram,
  sealingOf,
  sealingSettings,
  StartError,
  usablePort,
} from '#libs/program/index'
import { keepPostgres } from '#libs/program/postgres/index'
import { SealingError } from '#libs/sealing/index'
import { startAll } from './start-all.ts'

const settings = {
  ...sealingSettings,
  ...only(
    'LATCHKEY_PORT',
    'LATCHKEY_HOST',
    'LATCHKEY_PUBLIC_URL',
    'LATCHKEY_DATA',
    'DATABASE_URL',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_PEPPERS',
    'LATCHKEY_BODY_LIMIT',
    'LATCHKEY_REQUEST_TIMEOUT',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_LIST_TIMEOUT',
    'LATCHKEY_CURSOR_TIMEOUT',
    'LATCHKEY_DELETED_RETENTION',
    'LATCHKEY_EVENT_RETENTION',
    'LATCHKEY_CAPTURE_RETENTION',
    'LATCHKEY_AUDIT_RETENTION',
    'LATCHKEY_LOG_LEVEL',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ),
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
      const peppers = configuration.LATCHKEY_PEPPERS ?? folder.peppers()
      const host = configuration.LATCHKEY_HOST
      const port = await usablePort(host, configuration.LATCHKEY_PORT)
      let databaseUrl = configuration.DATABASE_URL
      if (databaseUrl === undefined) {
        const postgres = await keepPostgres(folder, logger)
        ending.add('Postgres', 45_000, () => postgres.stop())
        databaseUrl = postgres.url
      } else {
        await reachPostgres(databaseUrl)
      }
      const telemetry = await openTelemetry(starting, 'latchkey')
      if (stop.isAsked()) throw new StartError('told to stop')
      const services = await startAll({
        databaseUrl,
        host,
        port,
        publicUrl: configuration.LATCHKEY_PUBLIC_URL ?? publicAddress(host, port),
        adminToken,
        peppers,
        sealing: sealingOf(configuration),
        bodyLimit: configuration.LATCHKEY_BODY_LIMIT,
        requestTimeout: configuration.LATCHKEY_REQUEST_TIMEOUT,
        listTimeout: configuration.LATCHKEY_LIST_TIMEOUT,
        cursorTimeout: configuration.LATCHKEY_CURSOR_TIMEOUT,
        decisionQueue: configuration.LATCHKEY_DECISION_QUEUE,
        deletedRetention: configuration.LATCHKEY_DELETED_RETENTION,
        eventRetention: configuration.LATCHKEY_EVENT_RETENTION,
        dataKeyLifetime: configuration.LATCHKEY_DATA_KEY_LIFETIME,
        captureRetention: configuration.LATCHKEY_CAPTURE_RETENTION,
        auditRetention: configuration.LATCHKEY_AUDIT_RETENTION,
        telemetry,
        logger,
        ending,
      })
      folder.writeUrl(services.url)
      folder.writeServices({})
      return `Latchkey is ready at ${services.url}\n${banner(services.quickstart, new Date())}`
    },
  })
}
