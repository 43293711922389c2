import { type DynamicModule, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AUDIT, auditGroup, AuditModule, auditSchema, migrateAudit } from '#apps/audit/src/index'
import {
  DIRECTORY,
  directoryGroup,
  DirectoryModule,
  directorySchema,
  migrateDirectory,
} from '#apps/directory/src/index'
import {
  GATEWAY,
  gatewayGroup,
  GatewayModule,
  gatewaySchema,
  migrateGateway,
  ScimFilter,
} from '#apps/gateway/src/index'
import {
  ensureQuickstart,
  KEYS,
  keysEntities,
  KeysModule,
  keysSchema,
  migrateKeys,
  type Quickstart,
} from '#apps/keys/src/index'
import type { Peppers } from '#libs/credentials/index'
import { AppendQueue, observeFollower } from '#libs/eventlog/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import {
  createHttpAdapter,
  HEALTH_CHECKS,
  type HealthCheck,
  HealthController,
  listen,
  METRICS_TEXT,
  ProblemFilter,
} from '#libs/http/index'
import { Database, Entities } from '#libs/postgres/index'
import { type Logger, metrics, nestLogger, type Telemetry } from '#libs/telemetry/index'

export interface ProgramOptions {
  readonly databaseUrl: string
  readonly host: string
  readonly port: number
  readonly publicUrl: string
  readonly adminToken: string
  readonly peppers: Peppers
  readonly bodyLimit: number
  readonly requestTimeout: number
  readonly decisionQueue: number
  readonly eventRetention: number
  readonly auditRetention: number
  readonly telemetry: Telemetry
  readonly logger: Logger
}

export interface Program {
  readonly url: string
  readonly quickstart: Quickstart
  /** Answers what is in flight, writes what is queued, then ends. */
  stop(): Promise<void>
}

/** Decisions still unwritten are waited for this long when the program ends; the database may be away. */
const drainDecisions = 5_000
/** A follower this far behind means that something is wrong with it. */
const longestLag = 60_000

/** All four services in one process over one Postgres, each with a schema and a pool of its own. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { databaseUrl: url, telemetry, logger, adminToken } = options
  const clock = (): Date => new Date()
  const onFailure = (error: unknown): void => logger.warn({ err: error }, 'the database failed')
  const open = (name: string, connections: number): Database =>
    new Database({
      url,
      applicationName: `latchkey ${name}`,
      connections,
      onIdleFailure: onFailure,
      settings: { enable_seqscan: 'off', jit: 'off' },
    })
  const databases = {
    gateway: open('gateway', 16),
    keys: open('keys', 4),
    directory: open('directory', 4),
    audit: open('audit', 4),
  }
  const appended = telemetry.metrics.counter(metrics.eventsAppended)
  const log = await openPostgresEventLog({
    url,
    retention: options.eventRetention,
    clock,
    onFailure,
    onAppended: (events) => {
      for (const event of events) appended.add(1, { name: event.name })
    },
  })
  await Promise.all([
    migrateGateway(databases.gateway),
    migrateKeys(databases.keys),
    migrateDirectory(databases.directory),
    migrateAudit(databases.audit, { retention: options.auditRetention, clock }),
  ])
  const entities = await Entities.open({
    url,
    schema: keysSchema,
    applicationName: 'latchkey admin',
    connections: 4,
    entities: keysEntities,
  })
  const queue = (database: Database): AppendQueue =>
    new AppendQueue({ log, database, capacity: options.decisionQueue, onFailure })
  const decisions = { gateway: queue(databases.gateway), keys: queue(databases.keys) }
  telemetry.metrics.gauge(metrics.decisionsQueued, () => decisions.gateway.length + decisions.keys.length)

  const { peppers, publicUrl, bodyLimit } = options
  const keysParts = {
    database: databases.keys,
    entities,
    log,
    decisions: decisions.keys,
    peppers,
    adminTokens: adminToken,
    publicUrl,
    clock,
    telemetry,
  }
  const followers = [
    follower(gatewayGroup, GATEWAY, databases.gateway, gatewaySchema),
    follower('keys', KEYS, databases.keys, keysSchema),
    follower(directoryGroup, DIRECTORY, databases.directory, directorySchema),
    follower(auditGroup, AUDIT, databases.audit, auditSchema),
  ]
  const lagOf = ({ follower: followed }: EventLogServer): number => {
    const upTo = followed?.followedUpTo()
    return upTo === undefined ? 0 : Math.max(0, Date.now() - upTo.getTime()) / 1000
  }
  telemetry.metrics.gauge(metrics.followerLag, () =>
    followers.map((server) => ({ value: lagOf(server), labels: { group: server.follower?.group ?? '' } })),
  )
  const checks: HealthCheck[] = [
    { name: 'database', check: async () => void (await databases.gateway.query('SELECT 1')) },
    ...followers.map((server) => ({
      name: `follower ${server.group}`,
      check: async () => {
        const { follower: followed } = server
        if (followed === undefined || followed.state !== 'following')
          throw new Error(`it is ${followed?.state ?? 'not started'}`)
        if (lagOf(server) * 1000 > longestLag) throw new Error('it is more than a minute behind')
      },
    })),
  ]
  const adapter = createHttpAdapter({
    bodyLimit,
    requestTimeoutMs: options.requestTimeout,
    rawPrefixes: ['/scim'],
  })
  const application = standalone([
    GatewayModule.with({
      database: databases.gateway,
      log,
      decisions: decisions.gateway,
      peppers,
      publicUrl,
      bodyLimit,
      clock,
      telemetry,
      logger,
    }),
    KeysModule.with(keysParts),
    DirectoryModule.with({ database: databases.directory, adminToken }),
    AuditModule.with({ database: databases.audit, adminToken, retention: options.auditRetention, clock, onFailure }),
    health(checks, () => telemetry.renderMetrics()),
  ])
  const app = await NestFactory.create<NestFastifyApplication>(application, adapter, {
    bodyParser: false,
    logger: nestLogger(logger),
  })
  app.useGlobalFilters(
    new ProblemFilter({
      logger,
      methodsAt: (path) => adapter.methodsAt(path),
      elsewhere: [{ prefix: '/scim', filter: new ScimFilter() }],
    }),
  )
  for (const strategy of followers) app.connectMicroservice<MicroserviceOptions>({ strategy })
  await app.startAllMicroservices()
  const quickstart = await ensureQuickstart(keysParts)
  await caughtUp(followers)
  const listening = await listen(app, { host: options.host, port: options.port })
  return { url: listening.url, quickstart, stop }

  async function stop(): Promise<void> {
    await listening.close()
    const late = new Promise<void>((resolve) => setTimeout(resolve, drainDecisions).unref())
    await Promise.race([Promise.all([decisions.gateway.drained(), decisions.keys.drained()]), late])
    await log.close()
    await Promise.all([...Object.values(databases), entities].map((store) => store.close()))
  }

  function follower(group: string, transportId: symbol, database: Database, schema: string): EventLogServer {
    return new EventLogServer({
      log,
      group,
      transportId,
      database,
      schema,
      observe: observeFollower(group, telemetry, logger),
    })
  }
}

/** So that the first request already finds its key: waits until each follower has applied what is in the log now. */
async function caughtUp(followers: readonly EventLogServer[]): Promise<void> {
  const now = Date.now()
  const deadline = now + 10_000
  const behind = (): boolean => followers.some(({ follower }) => (follower?.followedUpTo()?.getTime() ?? 0) < now)
  while (behind() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
}

function standalone(imports: DynamicModule[]): DynamicModule {
  @Module({})
  class Standalone {}
  return { module: Standalone, imports }
}

function health(checks: readonly HealthCheck[], metricsText: () => Promise<string>): DynamicModule {
  @Module({})
  class Health {}
  return {
    module: Health,
    controllers: [HealthController],
    providers: [
      { provide: HEALTH_CHECKS, useValue: checks },
      { provide: METRICS_TEXT, useValue: metricsText },
    ],
  }
}
