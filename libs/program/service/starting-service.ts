import { Admission, KnownTokens, type TokenChannel, TokenLookUps } from '#libs/admin/index'
import type { AppendQueue, EventLog } from '#libs/eventlog/index'
import { countAppended, observeRelay } from '#libs/eventlog/index'
import type { EventLogServer, EventLogServerOptions } from '#libs/eventlog/nest/index'
import { type KafkaEventLog, openKafkaEventLog } from '#libs/eventlog/kafka/index'
import type { EventSource } from '#libs/events/index'
import {
  type KeptAhead,
  localChannel,
  noNonces,
  type Nonces,
  openRedisChannel,
  openRedisNonces,
  type TrustChannel,
} from '#libs/cache/index'
import { type Limiter, memoryLimiter, openRedisLimiter } from '#libs/rates/index'
import type { Peppers } from '#libs/credentials/index'
import type { HealthCheck } from '#libs/http/index'
import { type Database, isConnectionLoss } from '#libs/postgres/index'
import { hideSecret, type Logger, type Telemetry } from '#libs/telemetry/index'
import { endsWithin } from '#libs/timing/index'
import { DataFolder, keptAdminToken, keptPeppers } from '../data-folder.ts'
import { openDatabase } from '../databases.ts'
import { Decisions } from '../decisions.ts'
import { failuresOf, type WatchedServer } from '../failures.ts'
import { followerOf } from '../followers.ts'
import { keepUrl } from '../keep-url.ts'
import { PostgresAway, reachPostgres } from '../reach-postgres.ts'
import type { Starting } from '../run.ts'
import { type Sealing, watchKek } from '../sealing.ts'
import { lookUpLimitsOf } from '../settings.ts'
import { watchPostgres } from '../watch-postgres.ts'
import { brokerCheck, watchBroker } from './broker.ts'
import { kafkaAddress } from './kafka-address.ts'
import { tellOfOutbox } from './outbox.ts'
import { HeardLately } from './heard-lately.ts'
import { keptSecret } from './secrets.ts'
import { tellOfStalled } from './stalled.ts'
import type { ServiceConfiguration } from './service-settings.ts'
import { waitFor } from './waiting.ts'
import { watchRedis } from './watch-redis.ts'

const databasePatience = 10_000
/** Milliseconds in which Postgres is parted from; all work is done by then. */
const parting = 1_000
const logPatience = 15_000

/** What a service that is a program of its own takes its parts from while it starts. Each is ended with the program. */
export class StartingService<C extends ServiceConfiguration> {
  readonly configuration: C
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly clock = (): Date => new Date()
  /** What health tells of the parts taken so far. */
  readonly checks: HealthCheck[] = []
  readonly onFailure: (error: unknown) => void
  /** What the admission of admin tokens tells its operator of. */
  readonly onAdmissionFailure: (error: unknown) => void
  /** Those that tell of their own absence. */
  readonly servers: WatchedServer[]
  readonly #name: string
  readonly #starting: Starting<C>

  constructor(name: string, starting: Starting<C>, telemetry: Telemetry) {
    this.#name = name
    this.#starting = starting
    this.configuration = starting.configuration
    this.logger = starting.logger
    this.telemetry = telemetry
    const postgres = watchPostgres(starting.configuration.DATABASE_URL, starting.logger)
    starting.ending.add('the watch of Postgres', 1_000, async () => postgres.end())
    this.servers = [postgres]
    this.onFailure = failuresOf('the database', starting.logger, this.servers)
    this.onAdmissionFailure = failuresOf('the admission of an admin token', starting.logger, this.servers)
  }

  /** Does the work once Postgres is there, and again from its beginning when Postgres goes away meanwhile. Throws StartError. */
  async withPostgres<T>(work: () => Promise<T>): Promise<T> {
    const url = this.configuration.DATABASE_URL
    return waitFor(
      `Postgres at ${new URL(url).host}`,
      async () => {
        await reachPostgres(url)
        return work()
      },
      (error) => error instanceof PostgresAway || isConnectionLoss(error),
      this.#starting,
    )
  }

  openDatabase(connections: number): Database {
    const database = openDatabase(this.configuration.DATABASE_URL, this.#name, connections, this.onFailure)
    this.#starting.ending.add('the connections to Postgres', databasePatience, async () => {
      await endsWithin(parting, database.close())
    })
    return database
  }

  /** `publishes` names the database and schema with the outbox of a service that appends. Kafka may be away. */
  openLog(publishes?: { readonly database: Database; readonly source: EventSource }): KafkaEventLog {
    const { configuration, logger, telemetry } = this
    const where = configuration.KAFKA_BROKERS.join(', ')
    const broker = watchBroker(where, publishes !== undefined, logger)
    this.servers.push(broker)
    const log = openKafkaEventLog({
      kafka: kafkaAddress(configuration, `latchkey ${this.#name}`),
      topics: {
        prefix: configuration.KAFKA_TOPIC_PREFIX,
        partitions: configuration.KAFKA_PARTITIONS,
        replication: configuration.KAFKA_REPLICATION,
        retention: configuration.LATCHKEY_EVENT_RETENTION,
      },
      ...(publishes === undefined ? {} : { outbox: { ...publishes, schema: publishes.source } }),
      onFailure: failuresOf('the event log', logger, this.servers),
      onBroker: (state) => broker.changed(state),
      onRefused: (event) =>
        logger.error(
          event,
          'Kafka refuses an event: it is larger than its topic takes. It and later ones of its key wait; raise max.message.bytes of the topic',
        ),
      onAppended: countAppended(telemetry),
      relay: observeRelay(telemetry),
    })
    if (publishes !== undefined) tellOfOutbox(log, telemetry)
    this.checks.push(brokerCheck(log, where))
    this.#starting.ending.add('the event log', logPatience, async () => {
      broker.end()
      await log.close()
    })
    return log
  }

  /** The service's consumer group, served to its own module. */
  follower(options: Omit<EventLogServerOptions, 'observe' | 'log'> & { readonly log: KafkaEventLog }): EventLogServer {
    const { group, log } = options
    const stalled = tellOfStalled({
      group,
      state: () => server.follower?.state,
      isKafkaThere: () => log.broker === 'connected',
      logger: this.logger,
    })
    this.endWith('the look at the follower', () => stalled.end())
    const server = followerOf(options, this.telemetry, this.logger, this.servers, (error) => stalled.failed(error))
    return server
  }

  /** For the records of reads and refusals. */
  openDecisions(log: EventLog, database: Database, capacity: number): AppendQueue {
    const { onFailure, telemetry, logger } = this
    const decisions = new Decisions({ capacity, onFailure, telemetry, logger })
    this.#starting.ending.add('the records of reads and refusals', 7_000, () => decisions.end())
    return decisions.queue(log, database)
  }

  /** Without Redis the channel reaches this process alone. */
  openChannel(redis: { readonly REDIS_URL: string | undefined; readonly REDIS_PREFIX: string }): TrustChannel {
    const { logger, servers } = this
    const onFailure = failuresOf('the channel of revocations', logger, servers)
    if (redis.REDIS_URL === undefined) {
      logger.warn('REDIS_URL is not set: revocations reach gateways by Kafka alone')
      return localChannel(onFailure, 'several processes')
    }
    const watched = watchRedis(redis.REDIS_URL, logger)
    servers.push(watched)
    const channel = openRedisChannel({
      url: redis.REDIS_URL,
      prefix: `${redis.REDIS_PREFIX}:`,
      onFailure,
      onState: (state) => watched.changed(state),
    })
    this.checks.push({
      name: 'redis',
      without: 'degraded',
      async check() {
        if (channel.state === 'away') throw new Error('it does not answer')
      },
    })
    this.#starting.ending.add('the channel of revocations', 5_000, async () => {
      watched.end()
      await channel.close()
    })
    return channel
  }

  /**
   * Nonces of signed requests, and what was taken ahead of the clock. Without Redis there is no telling what other gateways took: no signed request is
   * accepted then.
   */
  openNonces(
    redis: { readonly REDIS_URL: string | undefined; readonly REDIS_PREFIX: string },
    ahead: (since: Date) => Promise<KeptAhead>,
  ): Nonces {
    const onFailure = failuresOf('the store of nonces', this.logger, this.servers)
    if (redis.REDIS_URL === undefined) return noNonces
    const nonces = openRedisNonces({ url: redis.REDIS_URL, prefix: `${redis.REDIS_PREFIX}:nonce:`, ahead, onFailure })
    this.#starting.ending.add('the store of nonces', 5_000, () => nonces.close())
    return nonces
  }

  /** As `watchKek` says. */
  watchKek(sealing: Sealing): void {
    this.checks.push(...watchKek(sealing, this.#starting))
  }

  /** Without Redis each gateway counts alone. */
  openLimiter(redis: { readonly REDIS_URL: string | undefined; readonly REDIS_PREFIX: string }): Limiter {
    if (redis.REDIS_URL === undefined) return memoryLimiter()
    const onFailure = failuresOf('the limits of rates', this.logger, this.servers)
    const limiter = openRedisLimiter({ url: redis.REDIS_URL, prefix: `${redis.REDIS_PREFIX}:`, onFailure })
    this.#starting.ending.add('the limits of rates', 5_000, () => limiter.close())
    return limiter
  }

  /** The admin token that the keys service made, or that is set. */
  async adminToken(given: string | undefined): Promise<string> {
    const { LATCHKEY_DATA } = this.configuration
    return given ?? keptSecret(LATCHKEY_DATA, 'admin-token', 'LATCHKEY_ADMIN_TOKEN', keptAdminToken, this.#starting)
  }

  /**
   * The admin token, for a service that can do without: where it is neither set nor kept in the data folder by now, undefined. It is
   * hidden from the log: people paste it in wrong places.
   */
  knownAdminToken(given: string | undefined): string | undefined {
    const token = given ?? keptAdminToken(this.configuration.LATCHKEY_DATA)
    if (token !== undefined) hideSecret(token)
    return token
  }

  /** The peppers that the keys service made, or that are set. */
  async peppers(given: Peppers | undefined): Promise<Peppers> {
    const { LATCHKEY_DATA } = this.configuration
    return given ?? keptSecret(LATCHKEY_DATA, 'peppers', 'LATCHKEY_PEPPERS', keptPeppers, this.#starting)
  }

  /**
   * Who is let into the admin API of a service that is not the one that makes tokens, and where it hears that one was revoked. The
   * follower's group hears of `admin-token.*`.
   */
  admission(parts: {
    readonly adminToken: string
    readonly peppers: Peppers
    readonly database: Database
    readonly log: KafkaEventLog
    readonly follower: EventLogServer
    readonly channel: TrustChannel
  }): { readonly admission: Admission; readonly tokenChannel: TokenChannel } {
    const { adminToken, peppers, database, log, follower, channel } = parts
    const { clock, onFailure, onAdmissionFailure } = this
    const isFollowing = () => log.broker === 'connected' && follower.follower?.state === 'following'
    const provenUpTo = () => follower.follower?.followedUpTo()
    const heard = new HeardLately({ isFollowing, answeredAt: () => log.answeredAt(), provenUpTo, clock, onFailure })
    this.endWith('the look at the event log', () => heard.end())
    const tokens = new KnownTokens(database, this.#name)
    const lookUps = new TokenLookUps(lookUpLimitsOf(this.configuration))
    return {
      admission: new Admission({
        bootstrap: [adminToken],
        tokens,
        lookUps,
        peppers,
        clock,
        isCurrent: () => heard.isCurrent,
        onFailure: onAdmissionFailure,
      }),
      tokenChannel: {
        channel,
        onFailure,
        heard: (subscription) => heard.hear(subscription),
        missed: () => heard.missed(),
      },
    }
  }

  /**
   * Both, for the keys service: made and kept in the data folder where they are not set, the peppers only where `mayMake` lets them be. Where the
   * folder is used, the command line finds there the `address` of the admin API too, and by what it is proved.
   */
  async makeSecrets(given: Secrets, address: string): Promise<MadeSecrets> {
    const { LATCHKEY_ADMIN_TOKEN: adminToken, LATCHKEY_PEPPERS: peppers } = given
    if (adminToken !== undefined && peppers !== undefined) return { adminToken, peppers: async () => peppers }
    const folder = new DataFolder(this.configuration.LATCHKEY_DATA)
    folder.addressKey()
    await keepUrl(folder, address, this.#starting)
    return {
      adminToken: adminToken ?? folder.adminToken(),
      peppers: async (mayMake) => peppers ?? folder.peppers(mayMake),
    }
  }

  /** What the service itself opened is ended with the program too. */
  endWith(name: string, end: () => Promise<void>): void {
    this.#starting.ending.add(name, databasePatience, end)
  }
}

interface MadeSecrets {
  readonly adminToken: string
  /** As `DataFolder.peppers`. */
  readonly peppers: (mayMake: (file: string) => Promise<void>) => Promise<Peppers>
}

interface Secrets {
  readonly LATCHKEY_ADMIN_TOKEN: string | undefined
  readonly LATCHKEY_PEPPERS: Peppers | undefined
}
