import { type DataFolder, keep, type Starting } from '#libs/program/index'
import { keepPostgres } from '#libs/program/postgres/index'
import { type RunningKafka, type RunningRedis, startKafka, startRedis } from '#libs/servers/index'
import type { Logger } from '#libs/telemetry/index'
import type { Everything } from './everything.ts'
import { KeptPorts } from './kept-ports.ts'
import { together } from './together.ts'

/** Longer than Kafka takes to end in peace, and Postgres to write a checkpoint. */
const endMilliseconds = 60_000

export interface Servers {
  /** Where the services find them, as the variables that tell it. */
  readonly variables: Readonly<Record<string, string>>
  /** Where a person finds those that were started here, by name; no address holds a password. */
  readonly started: Readonly<Record<string, string>>
}

/**
 * Postgres, Kafka and Redis: those that are set are used, the others are started with their data in the folder, on the ports of the
 * last start where these are free, and started again there whenever they end by themselves.
 * @throws EmbeddedPostgresError, ServerError
 */
export async function keepServers(
  { configuration, logger, ending, stop }: Starting<Everything>,
  folder: DataFolder,
): Promise<Servers> {
  const giveUp = new AbortController()
  void stop.asked.then(() => giveUp.abort())
  const { DATABASE_URL, KAFKA_BROKERS, REDIS_URL } = configuration
  const ports = new KeptPorts(folder.file('ports'))
  const starts = [
    ...(DATABASE_URL === undefined ? [postgres(folder, ports, logger)] : []),
    ...(KAFKA_BROKERS === undefined ? [kafka(folder, ports, logger, giveUp.signal)] : []),
    ...(REDIS_URL === undefined ? [redis(folder, ports, logger, giveUp.signal)] : []),
  ]
  const kept = await together('the servers', endMilliseconds, starts, ending, () => giveUp.abort())
  return {
    variables: Object.fromEntries(kept.flatMap(({ variables }) => Object.entries(variables))),
    started: Object.fromEntries(kept.map(({ name, address }) => [name, address])),
  }
}

interface KeptServer {
  readonly name: string
  readonly address: string
  readonly variables: Readonly<Record<string, string>>
  stop(): Promise<void>
}

async function postgres(folder: DataFolder, ports: KeptPorts, logger: Logger): Promise<KeptServer> {
  const { url, localUrl, stop } = await keepPostgres(folder, logger, await ports.of('postgres'))
  const address = new URL(localUrl)
  ports.keep('postgres', Number(address.port))
  address.password = ''
  return { name: 'postgres', address: address.href, variables: { DATABASE_URL: url }, stop }
}

async function kafka(folder: DataFolder, ports: KeptPorts, logger: Logger, giveUp: AbortSignal): Promise<KeptServer> {
  const before = await ports.of('kafka')
  const options = { folder: folder.file('kafka'), log: folder.file('kafka.log'), tell: teller(logger), stop: giveUp }
  const kept = await keep<RunningKafka>(
    'Kafka',
    (last) =>
      startKafka({ ...options, ...portOption(last === undefined ? before : portOf(`kafka://${last.brokers}`)) }),
    logger,
  )
  const { brokers, pid, takenOver } = kept.current
  ports.keep('kafka', portOf(`kafka://${brokers}`))
  if (takenOver) logger.info({ pid }, 'took over the Kafka that an earlier run left behind')
  // Ours wants neither TLS nor a login, whatever is set for another.
  const plain = { KAFKA_TLS: 'false', KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' }
  return { name: 'kafka', address: brokers, variables: { KAFKA_BROKERS: brokers, ...plain }, stop: kept.stop }
}

async function redis(folder: DataFolder, ports: KeptPorts, logger: Logger, giveUp: AbortSignal): Promise<KeptServer> {
  const before = await ports.of('redis')
  const options = { folder: folder.file('redis'), log: folder.file('redis.log'), tell: teller(logger), stop: giveUp }
  const kept = await keep<RunningRedis>(
    'Redis',
    (last) => startRedis({ ...options, ...portOption(last === undefined ? before : portOf(last.url)) }),
    logger,
  )
  const { url } = kept.current
  ports.keep('redis', portOf(url))
  return { name: 'redis', address: url, variables: { REDIS_URL: url }, stop: kept.stop }
}

function portOption(port: number | undefined): { readonly port?: number } {
  return port === undefined ? {} : { port }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function teller(logger: Logger): (line: string) => void {
  return (line) => logger.info(line)
}
