import { setTimeout as pause } from 'node:timers/promises'
import type { DynamicModule } from '@nestjs/common'
import type { Admission, AdminPart } from '#libs/admin/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import { CacheError } from '#libs/cache/index'
import type { HealthCheck } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { usablePort } from '../address.ts'
import { keptAddressKey } from '../data-folder.ts'
import { type Door, doorOf } from '../door.ts'
import { databaseCheck } from '../health.ts'
import { type Program, runProgram, type Starting } from '../run.ts'
import { serve, type ServeOptions } from '../serve.ts'
import { StartError } from '../start-error.ts'
import { openTelemetry } from '../telemetry.ts'
import type { ServiceConfiguration } from './service-settings.ts'
import { StartingService } from './starting-service.ts'

export interface Service<C extends ServiceConfiguration> extends Omit<Program<C>, 'start'> {
  port(configuration: C): number
  /** Takes the parts it needs, in the order in which it can have them, and makes the service of them. */
  build(starting: StartingService<C>, at: { readonly door: Door; readonly port: number }): Promise<BuiltService>
}

export interface BuiltService {
  readonly modules: readonly DynamicModule[]
  readonly database: Database
  readonly admission: Admission
  /** The operations of the modules. */
  readonly parts: readonly AdminPart[]
  /** From `StartingService.follower`. */
  readonly follower: EventLogServer
  readonly raws?: ServeOptions['raws']
  readonly readiness?: Readiness
  /** Printed before the line that says it is ready. */
  readonly banner?: string
  readonly checks?: readonly HealthCheck[]
}

/** What a service waits for before it says that it is ready. */
export interface Readiness {
  readonly waitsFor: string
  readonly isReady: () => boolean | Promise<boolean>
  /** Whether it takes requests all the same by now; after 10 seconds it does. */
  readonly listensMeanwhile: () => boolean
}

/** Milliseconds for which it does not listen while it is not ready. */
const longestDeafness = 10_000
/** Milliseconds after which it is told what is waited for. */
const patience = 1_000
const tellEvery = 10_000
const lookEvery = 50

/** Runs one service as a program of its own, over Postgres, Kafka and Redis, which may come in any order. */
export function runService<C extends ServiceConfiguration>(env: NodeJS.ProcessEnv, service: Service<C>): Promise<void> {
  return runProgram<C>(env, {
    ...service,
    name: `latchkey-${service.name}`,
    expected: [CacheError, ...(service.expected ?? [])],
    async start(starting) {
      const { configuration, logger, ending } = starting
      const door = doorOf(configuration)
      const port = await usablePort(door.host, service.port(configuration))
      const telemetry = await openTelemetry(starting, `latchkey-${service.name}`)
      const parts = new StartingService(service.name, starting, telemetry)
      const built = await service.build(parts, { door, port })
      const { follower, readiness } = built
      const listening = await serve({
        modules: built.modules,
        admission: built.admission,
        parts: built.parts,
        addresses: configuration.LATCHKEY_SERVICES ?? {},
        followers: [follower],
        checks: [databaseCheck(built.database), ...parts.checks, ...(built.checks ?? [])],
        door,
        port,
        addressKey: keptAddressKey(configuration.LATCHKEY_DATA),
        ...(built.raws === undefined ? {} : { raws: built.raws }),
        telemetry,
        logger,
        async beforeListening() {
          if (readiness === undefined) return
          const until = performance.now() + longestDeafness
          await waitFor(readiness, starting, () => readiness.listensMeanwhile() || performance.now() > until)
        },
      })
      ending.add('the server', 20_000, async () => {
        await Promise.all([follower.close(), listening.close()])
      })
      if (readiness !== undefined) await waitFor(readiness, starting)
      return `${built.banner ?? ''}Latchkey ${service.name} is ready at ${listening.url}\n${door.notice}`
    },
  })
}

/** Tells what it waits for after a second, and then every 10. Throws StartError when the program is told to stop meanwhile. */
async function waitFor(
  { waitsFor, isReady }: Readiness,
  { logger, stop }: Pick<Starting<unknown>, 'logger' | 'stop'>,
  isEnough = () => false,
): Promise<void> {
  let tellAt = performance.now() + patience
  while (!isEnough() && !(await isReady())) {
    if (stop.isAsked()) throw new StartError('told to stop')
    if (performance.now() >= tellAt) {
      logger.warn(`waiting for ${waitsFor}`)
      tellAt = performance.now() + tellEvery
    }
    await pause(lookEvery)
  }
}
