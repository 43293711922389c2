import { CacheError, type State } from '#libs/cache/index'
import type { Logger } from '#libs/telemetry/index'
import { tellOfAbsence } from '../absence.ts'
import type { WatchedServer } from '../failures.ts'

export interface WatchedRedis extends WatchedServer {
  changed(state: State): void
  end(): void
}

/** Redis, as the channel of revocations finds it. */
export function watchRedis(url: string, logger: Logger): WatchedRedis {
  const absence = tellOfAbsence({
    server: `Redis at ${new URL(url).host}`,
    meanwhile: 'Revocations reach gateways by Kafka alone until it is back; it is tried again by itself.',
    logger,
  })
  return {
    explains(error) {
      if (!(error instanceof CacheError)) return false
      if (error.fault === 'redis-away') absence.away()
      else if (error.fault !== 'publish-lost' || !absence.isAway) return false
      absence.failed(error)
      return true
    },
    changed(state) {
      if (state === 'away') absence.away()
      else absence.back()
    },
    end: () => absence.end(),
  }
}
