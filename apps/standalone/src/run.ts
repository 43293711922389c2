import 'reflect-metadata'
import { createServer } from 'node:net'
import { ConfigurationError, readEnvironment } from '#libs/configuration/index'
import { parsePeppers, UnreadablePeppers } from '#libs/credentials/index'
import { PortTaken } from '#libs/http/index'
import { EmbeddedPostgresError } from '#libs/postgres/embedded/index'
import { createLogger, startTelemetry } from '#libs/telemetry/index'
import { banner } from './banner.ts'
import { DataFolder } from './data-folder.ts'
import { keepPostgres } from './postgres.ts'
import { startProgram } from './program.ts'
import { alsoKnown, settings } from './settings.ts'
import { StartError } from './start-error.ts'

/**
 * Starts everything, prints the banner and runs until it is told to stop: then answers what is in flight and exits 0.
 * What keeps it from starting is told in one line, and the exit code is 1.
 */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await start(env)
  } catch (error) {
    if (!isExpected(error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  const configuration = readEnvironment(env, settings, { alsoKnown })
  const folder = new DataFolder(configuration.LATCHKEY_DATA)
  const host = configuration.LATCHKEY_HOST
  const port = await freePort(host, configuration.LATCHKEY_PORT)
  const logger = await createLogger({
    service: 'latchkey',
    level: configuration.LATCHKEY_LOG_LEVEL,
    pretty: process.stderr.isTTY,
    stream: { write: (line: string) => process.stderr.write(line) },
  })
  const [telemetry, postgres] = await Promise.all([
    startTelemetry({
      service: 'latchkey',
      otlpEndpoint: configuration.OTEL_EXPORTER_OTLP_ENDPOINT,
      onExportFailure: (error) => logger.warn({ err: error }, 'traces could not be exported'),
    }),
    configuration.DATABASE_URL === undefined ? keepPostgres(folder, logger) : undefined,
  ])
  const program = await startProgram({
    databaseUrl: postgres?.url ?? configuration.DATABASE_URL ?? '',
    host,
    port,
    publicUrl: (
      configuration.LATCHKEY_PUBLIC_URL ?? `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
    ).replace(/\/+$/, ''),
    adminToken: configuration.LATCHKEY_ADMIN_TOKEN ?? folder.adminToken(),
    peppers:
      configuration.LATCHKEY_PEPPERS === undefined ? folder.peppers() : parsePeppers(configuration.LATCHKEY_PEPPERS),
    bodyLimit: configuration.LATCHKEY_BODY_LIMIT,
    requestTimeout: configuration.LATCHKEY_REQUEST_TIMEOUT,
    decisionQueue: configuration.LATCHKEY_DECISION_QUEUE,
    eventRetention: configuration.LATCHKEY_EVENT_RETENTION,
    auditRetention: configuration.LATCHKEY_AUDIT_RETENTION,
    telemetry,
    logger,
  }).catch(async (error: unknown) => {
    await postgres?.stop()
    throw error
  })
  folder.writeUrl(program.url)
  process.stdout.write(banner(program.url, program.quickstart, new Date()))

  const end = async (): Promise<void> => {
    await program.stop()
    await telemetry.shutdown()
    await postgres?.stop()
    process.exit(0)
  }
  let ending: Promise<void> | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void (ending ??= end()))
}

/** Finds out early whether the port can be had, and which one when any will do. */
async function freePort(host: string, port: number): Promise<number> {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new PortTaken(host, port)
          : new StartError(
              `Cannot listen on ${host}:${port} (${error.code}). Set LATCHKEY_HOST and LATCHKEY_PORT to an address of this machine.`,
            ),
      ),
    )
    probe.listen(port, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}

function isExpected(error: unknown): error is Error {
  return [StartError, ConfigurationError, PortTaken, EmbeddedPostgresError, UnreadablePeppers].some(
    (kind) => error instanceof kind,
  )
}
