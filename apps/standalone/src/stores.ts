import { auditSchema, migrateAudit } from '#apps/audit/src/index'
import { directorySchema, migrateDirectory } from '#apps/directory/src/index'
import { gatewaySchema, migrateGateway } from '#apps/gateway/src/index'
import { checkKeks, checkPeppers, keysSchema, migrateKeys, openKeysEntities } from '#apps/keys/src/index'
import type { Peppers } from '#libs/credentials/index'
import { type AppendQueue, countAppended } from '#libs/eventlog/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import type { Database, Entities } from '#libs/postgres/index'
import {
  Decisions,
  type Ending,
  type Sealing,
  failuresOf,
  openDatabase,
  statementTimeout,
  type WatchedPostgres,
  watchPostgres,
} from '#libs/program/index'
import type { Logger, Telemetry } from '#libs/telemetry/index'

export interface StoresOptions {
  readonly databaseUrl: string
  readonly peppers: Peppers
  readonly sealing: Sealing
  readonly decisionQueue: number
  readonly eventRetention: number
  readonly auditRetention: number
  readonly clock: () => Date
  readonly telemetry: Telemetry
  readonly logger: Logger
  readonly ending: Ending
}

/** One Postgres for everything, of which each service has a schema and a pool of its own. */
export interface Stores {
  readonly log: PostgresEventLog
  readonly gateway: Database
  readonly keys: Database
  readonly directory: Database
  readonly audit: Database
  /** The keys service's administration. */
  readonly entities: Entities
  /** Records of reads and refusals on their way into the log, of the two services that decide. */
  readonly decisions: { readonly gateway: AppendQueue; readonly keys: AppendQueue }
  onFailure(error: unknown): void
  readonly postgres: WatchedPostgres
}

/**
 * The stores, with every schema up to date. At the end what is queued is written, the batches in hand are waited for, then every
 * connection is let go. @throws PeppersDoNotFit, KekDoesNotFit, SealingError
 */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { databaseUrl: url, clock, telemetry, logger, ending } = options
  const postgres = watchPostgres(url, logger)
  ending.add('the watch of Postgres', 1_000, async () => postgres.end())
  const onFailure = failuresOf('the database', logger, [postgres])
  const databases = {
    gateway: openDatabase(url, gatewaySchema, 16, onFailure),
    keys: openDatabase(url, keysSchema, 4, onFailure),
    directory: openDatabase(url, directorySchema, 4, onFailure),
    audit: openDatabase(url, auditSchema, 4, onFailure),
  }
  ending.add('the connections to Postgres', 5_000, async () => {
    await Promise.all(Object.values(databases).map((database) => database.close()))
  })
  const [log] = await Promise.all([
    openPostgresEventLog({
      url,
      retention: options.eventRetention,
      clock,
      onFailure,
      onAppended: countAppended(telemetry),
    }),
    migrateGateway(databases.gateway),
    migrateKeys(databases.keys).then(async () => {
      await checkPeppers(databases.keys, options.peppers)
      await checkKeks(databases.keys, options.sealing.keyring, options.sealing.present)
    }),
    migrateDirectory(databases.directory),
    migrateAudit(databases.audit, { retention: options.auditRetention, clock }),
  ])
  const entities = await openKeysEntities(url, statementTimeout, onFailure)
  ending.add('the connections of the admin API', 5_000, () => entities.close())
  ending.add('the event log', 10_000, () => log.close())
  const decisions = new Decisions({ capacity: options.decisionQueue, onFailure, telemetry, logger })
  ending.add('the records of reads and refusals', 7_000, () => decisions.end())
  return {
    ...databases,
    log,
    entities,
    decisions: { gateway: decisions.queue(log, databases.gateway), keys: decisions.queue(log, databases.keys) },
    onFailure,
    postgres,
  }
}
