import type { Logger } from '#libs/telemetry/index'

export interface Ending {
  /** After `limit` milliseconds it is no longer waited for. */
  add(name: string, limit: number, end: () => Promise<void>): void
  /** Ends all that was added, the last first, whatever fails on the way; false when something did. */
  end(): Promise<boolean>
}

/** What has been started, to be ended in the opposite order. */
export function ending(logger: Logger): Ending {
  const parts: { name: string; limit: number; end: () => Promise<void> }[] = []
  return {
    add: (name, limit, end) => void parts.push({ name, limit, end }),
    async end() {
      let clean = true
      for (const { name, limit, end } of parts.splice(0).toReversed()) {
        const began = performance.now()
        try {
          await within(limit, end())
          logger.debug({ milliseconds: Math.round(performance.now() - began) }, `${name} ended`)
        } catch (error) {
          clean = false
          logger.error({ err: error }, `${name} could not be ended as it should`)
        }
      }
      return clean
    },
  }
}

async function within(limit: number, work: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`it took longer than ${limit / 1_000} s`)), limit)
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
