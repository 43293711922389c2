import { type DynamicModule, type ExceptionFilter, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AdminDocument, type AdminPart, type Admission, type ServiceAddresses } from '#libs/admin/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import {
  createHttpAdapter,
  type ErrorForm,
  type HealthCheck,
  type HttpAdapter,
  listen,
  type Listening,
  observeUnread,
  ProblemFilter,
  watchCertificate,
} from '#libs/http/index'
import { isConnectionLoss } from '#libs/postgres/index'
import { type Logger, metrics, nestLogger, type Telemetry } from '#libs/telemetry/index'
import { publicAddress } from './address.ts'
import type { Door } from './door.ts'
import { observeLag } from './followers.ts'
import { followersPart } from './followers.controller.ts'
import { Followers } from './followers.module.ts'
import { followerCheck, Health } from './health.ts'
import { ProvedAddress } from './proved-address.ts'

export interface ServeOptions {
  readonly modules: readonly DynamicModule[]
  readonly followers: readonly EventLogServer[]
  /** Who is let in to the followers' dead letters. */
  readonly admission: Admission
  /** The operations of the modules. */
  readonly parts: readonly AdminPart[]
  /** Where administrators reach services that are other programs. */
  readonly addresses?: ServiceAddresses
  /** What health tells, besides the followers. */
  readonly checks: readonly HealthCheck[]
  readonly door: Door
  readonly port: number
  /** By what it proves that it is of the data folder; it proves nothing without. */
  readonly addressKey: string | undefined
  /** Addresses whose handlers read the body themselves, and whose errors have a form of their own. */
  readonly raws?: readonly { readonly form: ErrorForm; readonly filter: ExceptionFilter }[]
  readonly telemetry: Telemetry
  readonly logger: Logger
  /** Done once events are followed, and before the first request is taken. */
  beforeListening?(): Promise<void>
}

/** Serves modules of one or of several services over HTTP and from the event log, with health and metrics. Throws PortTaken. */
export async function serve(options: ServeOptions): Promise<Listening> {
  const { followers, admission, door, port, addressKey, raws = [], telemetry, logger } = options
  const { host, bodyLimit, requestTimeout, tls, callers } = door
  observeLag(followers, telemetry)
  const health = Health.with([...options.checks, ...followers.map(followerCheck)], telemetry)
  const document = AdminDocument.with([...options.parts, followersPart], options.addresses ?? {})
  const letters = Followers.with(followers, admission, logger)
  const proved = addressKey === undefined ? [] : [ProvedAddress.with(addressKey, publicAddress(door, port))]
  for (const warning of door.warnings) logger.warn(warning)
  const adapter = createHttpAdapter({
    bodyLimit,
    requestTimeoutMs: requestTimeout,
    rawPrefixes: raws.map(({ form }) => form.prefix),
    callers,
    ...(tls === undefined ? {} : { certificate: tls.pair }),
    forms: raws.map(({ form }) => form),
  })
  adapter.onUnread(observeUnread(telemetry, logger))
  const app = await NestFactory.create<NestFastifyApplication>(
    Served.of([...options.modules, letters, document, health, ...proved]),
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
  const listening = await listen(app, { host, port })
  return tls === undefined ? listening : renewing(listening, adapter, tls, telemetry, logger)
}

/** With each certificate that its files come to hold, until it is closed. */
function renewing(
  listening: Listening,
  adapter: HttpAdapter,
  { files, pair }: NonNullable<Door['tls']>,
  telemetry: Telemetry,
  logger: Logger,
): Listening {
  const watched = watchCertificate(files, pair, {
    changed(next) {
      adapter.useCertificate(next)
      logger.info(`new connections are met with the new certificate of ${files.certificate}`)
    },
    failed: (error) => logger.error(`${error.message} The certificate of before goes on being used.`),
    outOfTime: (warning) => logger.warn(warning),
    clock: () => new Date(),
  })
  telemetry.metrics.gauge(metrics.certificateRemaining, () => (watched.expiresAt().getTime() - Date.now()) / 1_000)
  return {
    ...listening,
    close() {
      watched.end()
      return listening.close()
    },
  }
}

@Module({})
class Served {
  static of(imports: DynamicModule[]): DynamicModule {
    return { module: Served, imports }
  }
}
