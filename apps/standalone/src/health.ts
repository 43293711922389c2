import { type DynamicModule, Module } from '@nestjs/common'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import { HEALTH_CHECKS, type HealthCheck, HealthController, METRICS_TEXT } from '#libs/http/index'
import type { Telemetry } from '#libs/telemetry/index'
import { lagOf } from './followers.ts'
import type { Stores } from './stores.ts'

/** A follower this far behind means that something is wrong with it. */
const longestLag = 60_000

@Module({})
export class Health {
  static with(stores: Stores, followers: readonly EventLogServer[], telemetry: Telemetry): DynamicModule {
    const checks: HealthCheck[] = [
      { name: 'database', check: async () => void (await stores.gateway.query('SELECT 1')) },
      ...followers.map((server) => ({ name: `follower ${server.group}`, check: async () => checkFollower(server) })),
    ]
    return {
      module: Health,
      controllers: [HealthController],
      providers: [
        { provide: HEALTH_CHECKS, useValue: checks },
        { provide: METRICS_TEXT, useValue: () => telemetry.renderMetrics() },
      ],
    }
  }
}

function checkFollower(server: EventLogServer): void {
  const { follower } = server
  if (follower?.state !== 'following') throw new Error(`it is ${follower?.state ?? 'not started'}`)
  if (lagOf(server) > longestLag) throw new Error('it is more than a minute behind')
}
