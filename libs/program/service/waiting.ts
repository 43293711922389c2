import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '#libs/telemetry/index'
import type { AskedToStop } from '../signals.ts'
import { StartError } from '../start-error.ts'

export interface Waiting {
  readonly logger: Logger
  readonly stop: AskedToStop
  /** Milliseconds between lines that tell what is waited for; 10 seconds unless told. */
  readonly tellEvery?: number
}

const shortestPause = 100
const longestPause = 2_000

/**
 * Tries until it succeeds, and tells on the log what is being waited for: at once, and every 10 seconds. Only failures that
 * `isPassing` takes are waited out; any other is thrown on. Throws StartError when the program is told to stop meanwhile.
 */
export async function waitFor<T>(
  what: string,
  attempt: () => Promise<T>,
  isPassing: (error: unknown) => boolean,
  { logger, stop, tellEvery = 10_000 }: Waiting,
): Promise<T> {
  let told = -Infinity
  for (let failures = 0; ; failures++) {
    try {
      const result = await attempt()
      if (failures > 0) logger.info(`${what} is there`)
      return result
    } catch (error) {
      if (!isPassing(error)) throw error
      if (performance.now() - told >= tellEvery) {
        told = performance.now()
        logger.warn({ reason: error instanceof Error ? error.message : String(error) }, `waiting for ${what}`)
      }
    }
    await Promise.race([stop.asked, pause(Math.min(longestPause, shortestPause * 2 ** failures))])
    if (stop.isAsked()) throw new StartError('told to stop')
  }
}
