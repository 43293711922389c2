import type { Logger } from '#libs/telemetry/index'

export interface Ending {
  add(name: string, end: () => Promise<void>): void
  /** Ends all that was added, the last first, whatever fails on the way; false when something did. */
  end(): Promise<boolean>
}

/** What has been started, to be ended in the opposite order. */
export function ending(logger: Logger): Ending {
  const parts: { name: string; end: () => Promise<void> }[] = []
  return {
    add: (name, end) => void parts.push({ name, end }),
    async end() {
      let clean = true
      for (const { name, end } of parts.splice(0).reverse()) {
        try {
          await end()
        } catch (error) {
          clean = false
          logger.error({ err: error }, `${name} could not be ended as it should`)
        }
      }
      return clean
    },
  }
}
