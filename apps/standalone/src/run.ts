import 'reflect-metadata'
import { ConfigurationError, readEnvironment } from '#libs/configuration/index'
import { PortTaken } from '#libs/http/index'
import { PeppersDoNotFit } from '#apps/keys/src/index'
import { EmbeddedPostgresError } from '#libs/postgres/embedded/index'
import { createLogger, startTelemetry } from '#libs/telemetry/index'
import { freePort, publicAddress } from './address.ts'
import { banner } from './banner.ts'
import { DataFolder } from './data-folder.ts'
import { ending } from './ending.ts'
import { withEnvFile } from './env-file.ts'
import { keepPostgres, reachPostgres } from './postgres.ts'
import { startProgram } from './program.ts'
import { alsoKnown, settings } from './settings.ts'
import { askedToStop } from './signals.ts'
import { StartError } from './start-error.ts'

/**
 * Starts everything, prints the banner and runs until it is told to stop: then answers what is in flight and exits 0.
 * What keeps it from starting is told in one line for each fault, and the exit code is 1.
 */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const stop = askedToStop()
  try {
    const end = await start(env, stop)
    await stop.asked
    process.exit((await end()) ? 0 : 1)
  } catch (error) {
    // A Ctrl-C also reaches what was being started.
    if (stop.isAsked()) process.exit(0)
    if (!isExpected(error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

/** Answers how to end it again. Where it cannot start, or is told to stop before it has, nothing stays behind. */
async function start(env: NodeJS.ProcessEnv, stop: { isAsked(): boolean }): Promise<() => Promise<boolean>> {
  const configuration = readEnvironment(withEnvFile(env), settings, { alsoKnown })
  const folder = new DataFolder(configuration.LATCHKEY_DATA)
  const adminToken = configuration.LATCHKEY_ADMIN_TOKEN ?? folder.adminToken()
  const peppers = configuration.LATCHKEY_PEPPERS ?? folder.peppers()
  const host = configuration.LATCHKEY_HOST
  const port = await freePort(host, configuration.LATCHKEY_PORT)
  const logger = await createLogger({
    service: 'latchkey',
    level: configuration.LATCHKEY_LOG_LEVEL,
    pretty: process.stderr.isTTY,
    stream: { write: (line: string) => process.stderr.write(line) },
  })
  const parts = ending(logger)
  try {
    let databaseUrl = configuration.DATABASE_URL
    if (databaseUrl === undefined) {
      const postgres = await keepPostgres(folder, logger)
      parts.add('Postgres', 45_000, () => postgres.stop())
      databaseUrl = postgres.url
    } else {
      await reachPostgres(databaseUrl)
    }
    const telemetry = await startTelemetry({
      service: 'latchkey',
      otlpEndpoint: configuration.OTEL_EXPORTER_OTLP_ENDPOINT,
      onExportFailure: (error) => logger.warn({ err: error }, 'traces could not be exported'),
    })
    parts.add('telemetry', 10_000, () => telemetry.shutdown())
    if (stop.isAsked()) throw new StartError('told to stop')
    const program = await startProgram({
      databaseUrl,
      host,
      port,
      publicUrl: configuration.LATCHKEY_PUBLIC_URL?.replace(/\/+$/, '') ?? publicAddress(host, port),
      adminToken,
      peppers,
      bodyLimit: configuration.LATCHKEY_BODY_LIMIT,
      requestTimeout: configuration.LATCHKEY_REQUEST_TIMEOUT,
      decisionQueue: configuration.LATCHKEY_DECISION_QUEUE,
      eventRetention: configuration.LATCHKEY_EVENT_RETENTION,
      auditRetention: configuration.LATCHKEY_AUDIT_RETENTION,
      telemetry,
      logger,
    })
    parts.add('the program', 20_000, () => program.stop())
    folder.writeUrl(program.url)
    process.stdout.write(banner(program.url, program.quickstart, new Date()))
    return () => parts.end()
  } catch (error) {
    await parts.end()
    throw error
  }
}

function isExpected(error: unknown): error is Error {
  const kinds = [StartError, ConfigurationError, PortTaken, EmbeddedPostgresError, PeppersDoNotFit]
  return kinds.some((kind) => error instanceof kind)
}
