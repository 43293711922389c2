import { type DynamicModule, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AuditModule } from '#apps/audit/src/index'
import { DirectoryModule } from '#apps/directory/src/index'
import { GatewayModule, scimForm, ScimFilter } from '#apps/gateway/src/index'
import { ensureQuickstart, KeysModule, type KeysParts, type Quickstart } from '#apps/keys/src/index'
import { createHttpAdapter, listen, observeUnread, ProblemFilter } from '#libs/http/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { nestLogger } from '#libs/telemetry/index'
import { caughtUp, followersOf } from './followers.ts'
import { Health } from './health.ts'
import { openStores, type StoresOptions } from './stores.ts'

export interface ProgramOptions extends Omit<StoresOptions, 'clock'> {
  readonly host: string
  readonly port: number
  readonly publicUrl: string
  readonly adminToken: string
  readonly bodyLimit: number
  readonly requestTimeout: number
}

export interface Program {
  readonly url: string
  readonly quickstart: Quickstart
  /** Answers what is in flight, writes what is queued, then ends. */
  stop(): Promise<void>
}

/** All four services in one process. Resolves when requests are answered and every follower has caught up. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { telemetry, logger, adminToken, peppers, publicUrl, bodyLimit, requestTimeout } = options
  const clock = (): Date => new Date()
  const stores = await openStores({ ...options, clock })
  const { log, decisions, entities, onFailure } = stores
  const followers = followersOf(stores, telemetry, logger)
  const keysParts: KeysParts = {
    database: stores.keys,
    entities,
    log,
    decisions: decisions.keys,
    peppers,
    adminTokens: adminToken,
    publicUrl,
    clock,
    telemetry,
  }
  const gatewayParts = {
    database: stores.gateway,
    log,
    decisions: decisions.gateway,
    peppers,
    publicUrl,
    bodyLimit,
    requestTimeout,
  }
  const modules = Standalone.of([
    GatewayModule.with({ ...gatewayParts, clock, telemetry, logger }),
    KeysModule.with(keysParts),
    DirectoryModule.with({ database: stores.directory, adminToken }),
    AuditModule.with({ database: stores.audit, adminToken, retention: options.auditRetention, clock, onFailure }),
    Health.with(stores, followers, telemetry),
  ])
  const adapter = createHttpAdapter({
    bodyLimit,
    requestTimeoutMs: requestTimeout,
    rawPrefixes: ['/scim'],
    unread: { forms: [scimForm], told: observeUnread(telemetry, logger) },
  })
  const nest = { bodyParser: false, logger: nestLogger(logger) }
  const app = await NestFactory.create<NestFastifyApplication>(modules, adapter, nest)
  app.useGlobalFilters(
    new ProblemFilter({
      logger,
      methodsAt: (path) => adapter.methodsAt(path),
      isDatabaseAway: isConnectionLoss,
      elsewhere: [{ prefix: '/scim', filter: new ScimFilter() }],
    }),
  )
  for (const strategy of followers) app.connectMicroservice<MicroserviceOptions>({ strategy })
  await app.startAllMicroservices()
  const quickstart = await ensureQuickstart(keysParts)
  await caughtUp(followers)
  const listening = await listen(app, { host: options.host, port: options.port })
  return {
    url: listening.url,
    quickstart,
    async stop() {
      await listening.close()
      await stores.close()
    },
  }
}

@Module({})
class Standalone {
  static of(imports: DynamicModule[]): DynamicModule {
    return { module: Standalone, imports }
  }
}
