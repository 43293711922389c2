import { isConnectionLoss } from '#libs/postgres/index'
import type { Logger } from '#libs/telemetry/index'
import { tellOfAbsence } from './absence.ts'
import type { WatchedServer } from './failures.ts'
import { PostgresAway, reachPostgres } from './reach-postgres.ts'

const askEvery = 1_000
/** Milliseconds of silence after which it counts as away. */
const patience = 2_000

export interface WatchedPostgres extends WatchedServer {
  end(): void
}

/**
 * Whether Postgres is there: a pool tells of failures alone, so after one it is asked, every second until it answers. A statement
 * that took too long, or a connection that broke while the server answers, is a failure of its own.
 */
export function watchPostgres(url: string, logger: Logger): WatchedPostgres {
  const absence = tellOfAbsence({
    server: `Postgres at ${new URL(url).host}`,
    meanwhile: 'Requests are answered 503 until it is back; it is tried again by itself.',
    logger,
  })
  let asking: Promise<void> | undefined
  let ended = false
  let otherwise: (() => void) | undefined

  async function ask(): Promise<void> {
    while (!ended) {
      const silence = setTimeout(() => absence.away(), patience)
      const isThere = await answers(url)
      clearTimeout(silence)
      if (isThere) break
      absence.away()
      await new Promise((resolve) => setTimeout(resolve, askEvery).unref())
    }
    if (ended) return
    if (absence.isAway) absence.back()
    else otherwise?.()
    asking = undefined
  }

  return {
    explains(error, wasThere) {
      if (!isConnectionLoss(error)) return false
      absence.failed(error)
      otherwise = wasThere
      asking ??= ask()
      return true
    },
    end() {
      ended = true
      absence.end()
    },
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await reachPostgres(url)
    return true
  } catch (error) {
    return !(error instanceof PostgresAway)
  }
}
