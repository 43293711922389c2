import { type DynamicModule, type ExceptionFilter, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AdminDocument, type AdminPart, type Admission } from '#libs/admin/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import {
  createHttpAdapter,
  type ErrorForm,
  type HealthCheck,
  listen,
  type Listening,
  observeUnread,
  ProblemFilter,
} from '#libs/http/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { type Logger, nestLogger, type Telemetry } from '#libs/telemetry/index'
import { observeLag } from './followers.ts'
import { followersPart } from './followers.controller.ts'
import { Followers } from './followers.module.ts'
import { followerCheck, Health } from './health.ts'

export interface ServeOptions {
  readonly modules: readonly DynamicModule[]
  readonly followers: readonly EventLogServer[]
  /** Who is let in to the followers' dead letters. */
  readonly admission: Admission
  /** The operations of the modules. */
  readonly parts: readonly AdminPart[]
  /** What health tells, besides the followers. */
  readonly checks: readonly HealthCheck[]
  readonly host: string
  readonly port: number
  /** Largest body of a request in bytes. */
  readonly bodyLimit: number
  /** Milliseconds that a request may take to arrive whole. */
  readonly requestTimeout: number
  /** Addresses whose handlers read the body themselves, and whose errors have a form of their own. */
  readonly raw?: { readonly form: ErrorForm; readonly filter: ExceptionFilter }
  readonly telemetry: Telemetry
  readonly logger: Logger
  /** Done once events are followed, and before the first request is taken. */
  beforeListening?(): Promise<void>
}

/** Serves modules of one or of several services over HTTP and from the event log, with health and metrics. Throws PortTaken. */
export async function serve(options: ServeOptions): Promise<Listening> {
  const { followers, admission, host, port, bodyLimit, requestTimeout, raw, telemetry, logger } = options
  observeLag(followers, telemetry)
  const health = Health.with([...options.checks, ...followers.map(followerCheck)], telemetry)
  const document = AdminDocument.with([...options.parts, followersPart], '1.0.0')
  const letters = Followers.with(followers, admission, logger)
  const raws = raw === undefined ? [] : [raw]
  const adapter = createHttpAdapter({
    bodyLimit,
    requestTimeoutMs: requestTimeout,
    rawPrefixes: raws.map(({ form }) => form.prefix),
    unread: { forms: raws.map(({ form }) => form), told: observeUnread(telemetry, logger) },
  })
  const app = await NestFactory.create<NestFastifyApplication>(
    Served.of([...options.modules, letters, document, health]),
    adapter,
    {
      bodyParser: false,
      logger: nestLogger(logger),
    },
  )
  app.useGlobalFilters(
    new ProblemFilter({
      logger,
      methodsAt: (path) => adapter.methodsAt(path),
      isDatabaseAway: isConnectionLoss,
      elsewhere: raws.map(({ form, filter }) => ({ prefix: form.prefix, filter })),
    }),
  )
  for (const strategy of followers) app.connectMicroservice<MicroserviceOptions>({ strategy })
  await app.startAllMicroservices()
  await options.beforeListening?.()
  return listen(app, { host, port })
}

@Module({})
class Served {
  static of(imports: DynamicModule[]): DynamicModule {
    return { module: Served, imports }
  }
}
