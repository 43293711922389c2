import type { Logger } from '#libs/telemetry/index'

/** A server that tells of its own absence. */
export interface WatchedServer {
  /**
   * Whether the failure is told by this server's own lines. `otherwise` is called when it turns out later that the server
   * was there all the time.
   */
  explains(error: unknown, otherwise: () => void): boolean
}

const tellEvery = 15_000

/**
 * Tells of failures that nobody waits for: what a server's absence explains is left to that server's lines. Of anything else
 * each kind is told at once, and while it goes on every 15 seconds, with how often it came meanwhile; all of them at debug.
 */
export function failuresOf(
  what: string,
  logger: Logger,
  servers: readonly WatchedServer[] = [],
): (error: unknown) => void {
  const kinds = new Map<string, { told: number; untold: number }>()
  const tell = (error: unknown): void => {
    const kind = kindOf(error)
    const last = kinds.get(kind) ?? { told: -Infinity, untold: 0 }
    const isDue = performance.now() - last.told >= tellEvery
    const fields = { err: error, ...(isDue && last.untold > 0 ? { before: last.untold } : {}) }
    logger[isDue ? 'warn' : 'debug'](fields, `${what} failed`)
    kinds.set(kind, isDue ? { told: performance.now(), untold: 0 } : { ...last, untold: last.untold + 1 })
  }
  return (error) => {
    if (servers.some((server) => server.explains(error, () => tell(error)))) return
    tell(error)
  }
}

/** Few values: class and code, and the fault that errors of ours name. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return [error.name, Reflect.get(error, 'code'), Reflect.get(error, 'fault')].join(' ')
}
