import { type DynamicModule, Module } from '@nestjs/common'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import { HEALTH_CHECKS, type HealthCheck, HealthController, METRICS_TEXT } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import type { Telemetry } from '#libs/telemetry/index'
import { lagOf } from './followers.ts'

/** A follower this far behind means that something is wrong with it. */
const longestLag = 60_000

/** Health and metrics of a process. */
@Module({})
export class Health {
  static with(checks: readonly HealthCheck[], telemetry: Telemetry): DynamicModule {
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

/** Without its database a service answers nothing. */
export function databaseCheck(database: Database): HealthCheck {
  return { name: 'database', check: async () => void (await database.query('SELECT 1')) }
}

/** A service whose follower is behind, stalled or gone answers all the same, of what it knows. */
export function followerCheck(server: EventLogServer): HealthCheck {
  return {
    name: `follower ${server.group}`,
    without: 'degraded',
    async check() {
      const { follower } = server
      if (follower?.state !== 'following') throw new Error(`it is ${follower?.state ?? 'not started'}`)
      if (lagOf(server) > longestLag) throw new Error('it is more than a minute behind')
    },
  }
}
