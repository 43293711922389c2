import { auditSchema, migrateAudit } from '#apps/audit/src/index'
import { directorySchema, migrateDirectory } from '#apps/directory/src/index'
import { gatewaySchema, migrateGateway } from '#apps/gateway/src/index'
import { checkPeppers, keysEntities, keysSchema, migrateKeys } from '#apps/keys/src/index'
import type { Peppers } from '#libs/credentials/index'
import { AppendQueue } from '#libs/eventlog/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database, Entities } from '#libs/postgres/index'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'

export interface StoresOptions {
  readonly databaseUrl: string
  readonly peppers: Peppers
  readonly decisionQueue: number
  readonly eventRetention: number
  readonly auditRetention: number
  readonly clock: () => Date
  readonly telemetry: Telemetry
  readonly logger: Logger
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
  /** Writes what is queued, waits for the batches in hand, then lets go of every connection. */
  close(): Promise<void>
}

/** A database that does not answer for so many milliseconds, and a second, is given up on: the request is answered 503. */
const statementTimeout = 4_000

/** A follower may have much to do at once: delete a connection with all its people. */
const workTimeout = 120_000

/** Decisions still unwritten are waited for this long when the program ends; the database may be away. */
const drainMilliseconds = 5_000

/** The stores, with every schema up to date. @throws PeppersDoNotFit */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { databaseUrl: url, clock, telemetry, logger } = options
  const onFailure = tellAtMostOnceASecond((error) => logger.warn({ err: error }, 'the database failed'))
  const settings = { enable_seqscan: 'off', jit: 'off' }
  const open = (name: string, connections: number): Database =>
    new Database({
      url,
      applicationName: `latchkey ${name}`,
      connections,
      onIdleFailure: onFailure,
      settings,
      statementTimeout,
      workTimeout,
    })
  const databases = {
    gateway: open(gatewaySchema, 16),
    keys: open(keysSchema, 4),
    directory: open(directorySchema, 4),
    audit: open(auditSchema, 4),
  }
  const appended = telemetry.metrics.counter(metrics.eventsAppended)
  const [log] = await Promise.all([
    openPostgresEventLog({
      url,
      retention: options.eventRetention,
      clock,
      onFailure,
      onAppended: (events) => {
        for (const event of events) appended.add(1, { name: event.name })
      },
    }),
    migrateGateway(databases.gateway),
    migrateKeys(databases.keys).then(() => checkPeppers(databases.keys, options.peppers)),
    migrateDirectory(databases.directory),
    migrateAudit(databases.audit, { retention: options.auditRetention, clock }),
  ])
  const entities = await Entities.open({
    url,
    schema: keysSchema,
    applicationName: 'latchkey admin',
    connections: 4,
    entities: keysEntities,
    statementTimeout,
  })
  const queue = (database: Database): AppendQueue =>
    new AppendQueue({ log, database, capacity: options.decisionQueue, onFailure })
  const decisions = { gateway: queue(databases.gateway), keys: queue(databases.keys) }
  telemetry.metrics.gauge(metrics.decisionsQueued, () => decisions.gateway.length + decisions.keys.length)
  return {
    ...databases,
    log,
    entities,
    decisions,
    onFailure,
    async close() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, drainMilliseconds).unref())
      await Promise.race([Promise.all([decisions.gateway.drained(), decisions.keys.drained()]), late])
      const lost = decisions.gateway.abandon() + decisions.keys.abandon()
      if (lost > 0) {
        telemetry.metrics.counter(metrics.auditDropped).add(lost)
        logger.error({ lost }, 'records of reads and refusals are lost: the database did not take them in time')
      }
      await log.close()
      await Promise.all([...Object.values(databases), entities].map((store) => store.close()))
    },
  }
}

/** An outage breaks every connection at once. */
function tellAtMostOnceASecond(tell: (error: unknown) => void): (error: unknown) => void {
  let told = -Infinity
  return (error) => {
    if (performance.now() - told < 1_000) return
    told = performance.now()
    tell(error)
  }
}
