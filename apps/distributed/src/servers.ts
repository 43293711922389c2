import { type DataFolder, type Ending, keep } from '#libs/program/index'
import { keepPostgres } from '#libs/program/postgres/index'
import { type RunningKafka, type RunningRedis, startKafka, startRedis } from '#libs/servers/index'
import type { Logger } from '#libs/telemetry/index'
import type { Everything } from './everything.ts'
import { together } from './together.ts'

/** Longer than Kafka takes to end in peace, and Postgres to write a checkpoint. */
const endMilliseconds = 60_000

/**
 * Where the services find Postgres, Kafka and Redis, as the variables that tell them: those that are set are used, the others
 * are started with their data in the folder, and started again on the same port whenever they end by themselves.
 * @throws EmbeddedPostgresError, ServerError
 */
export async function keepServers(
  configuration: Everything,
  folder: DataFolder,
  ending: Ending,
  logger: Logger,
): Promise<Record<string, string>> {
  const { DATABASE_URL, KAFKA_BROKERS, REDIS_URL } = configuration
  const starts = [
    ...(DATABASE_URL === undefined ? [postgres(folder, logger)] : []),
    ...(KAFKA_BROKERS === undefined ? [kafka(folder, logger)] : []),
    ...(REDIS_URL === undefined ? [redis(folder, logger)] : []),
  ]
  const kept = await together('the servers', endMilliseconds, starts, ending)
  return Object.fromEntries(kept.flatMap(({ variables }) => Object.entries(variables)))
}

interface KeptServer {
  readonly variables: Readonly<Record<string, string>>
  stop(): Promise<void>
}

async function postgres(folder: DataFolder, logger: Logger): Promise<KeptServer> {
  const { url, stop } = await keepPostgres(folder, logger)
  return { variables: { DATABASE_URL: url }, stop }
}

async function kafka(folder: DataFolder, logger: Logger): Promise<KeptServer> {
  const options = { folder: folder.file('kafka'), log: folder.file('kafka.log'), tell: teller(logger) }
  const kept = await keep<RunningKafka>(
    'Kafka',
    (last) => startKafka(last === undefined ? options : { ...options, port: portOf(`kafka://${last.brokers}`) }),
    logger,
  )
  const { brokers, pid, takenOver } = kept.current
  if (takenOver) logger.info({ pid }, 'took over the Kafka that an earlier run left behind')
  // Ours wants neither TLS nor a login, whatever is set for another.
  const plain = { KAFKA_TLS: 'false', KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' }
  return { variables: { KAFKA_BROKERS: brokers, ...plain }, stop: kept.stop }
}

async function redis(folder: DataFolder, logger: Logger): Promise<KeptServer> {
  const options = { folder: folder.file('redis'), log: folder.file('redis.log'), tell: teller(logger) }
  const kept = await keep<RunningRedis>(
    'Redis',
    (last) => startRedis(last === undefined ? options : { ...options, port: portOf(last.url) }),
    logger,
  )
  return { variables: { REDIS_URL: kept.current.url }, stop: kept.stop }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function teller(logger: Logger): (line: string) => void {
  return (line) => logger.info(line)
}
