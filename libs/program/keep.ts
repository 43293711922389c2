import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#libs/telemetry/index'

/** A process that was started beside this one. */
export interface Beside {
  readonly pid: number
  /** Settles when it has ended, by `stop` or by itself. */
  readonly gone: Promise<unknown>
  /** May be called more than once, also when it has ended. */
  stop(): Promise<void>
}

export interface Kept<B extends Beside> {
  /** The one that runs now, or ran last. */
  readonly current: B
  stop(): Promise<void>
}

const shortestPause = 200
const longestPause = 10_000

/**
 * Starts a process, and starts it again whenever it ends by itself: at once the first time, then with growing pauses, until it has
 * lived for a while. `start` is given the last one, to have the next take over its address, and a signal to give up at. What it throws
 * at first is thrown on.
 */
export async function keep<B extends Beside>(
  name: string,
  start: (last: B | undefined, stop: AbortSignal) => Promise<B>,
  logger: Logger,
): Promise<Kept<B>> {
  const stopAsked = new AbortController()
  const isStopping = (): boolean => stopAsked.signal.aborted
  let current = await start(undefined, stopAsked.signal)
  let begun = Date.now()
  let failures = 0
  const kept = goOn()
  return {
    get current() {
      return current
    },
    async stop() {
      stopAsked.abort()
      await current.stop()
      await kept
    },
  }

  async function goOn(): Promise<void> {
    for (;;) {
      // However it is told of its end, it has ended.
      await Promise.allSettled([current.gone])
      if (isStopping()) return
      logger.error(`${name} has ended; starting it again`)
      await stopCurrent()
      failures = Date.now() - begun < longestPause ? failures : 0
      await restart()
      if (isStopping()) return
    }
  }

  async function restart(): Promise<void> {
    while (!isStopping()) {
      if (failures > 0) await pause(Math.min(longestPause, shortestPause * 2 ** (failures - 1)))
      if (isStopping()) return
      failures++
      try {
        current = await start(current, stopAsked.signal)
        begun = Date.now()
        logger.info({ pid: current.pid }, `${name} is back`)
        if (isStopping()) await stopCurrent()
        return
      } catch (error) {
        if (!isStopping()) logger.error({ err: error }, `${name} could not be started; trying again`)
      }
    }
  }

  async function stopCurrent(): Promise<void> {
    try {
      await current.stop()
    } catch (error) {
      logger.error({ err: error }, `${name} could not be ended as it should`)
    }
  }

  async function pause(milliseconds: number): Promise<void> {
    await wait(milliseconds, undefined, { ref: false, signal: stopAsked.signal }).catch(() => undefined)
  }
}
