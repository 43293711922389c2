import { observeFollower } from '#libs/eventlog/index'
import { EventLogServer, type EventLogServerOptions } from '#libs/eventlog/nest/index'
import { failuresOf, type WatchedServer } from './failures.ts'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'

/** A consumer group of the event log, served to its own module by the transport id. `failed` is told of all that keeps it from following, and the log of what no server's absence explains. */
export function followerOf(
  options: Omit<EventLogServerOptions, 'observe'>,
  telemetry: Telemetry,
  logger: Logger,
  servers: readonly WatchedServer[],
  failed: (error: unknown) => void = () => undefined,
): EventLogServer {
  const tell = failuresOf(`following as ${options.group}`, logger, servers)
  const stalled = (error: unknown): void => {
    failed(error)
    tell(error)
  }
  return new EventLogServer({ ...options, observe: observeFollower(options.group, telemetry, logger, stalled) })
}

export function observeLag(followers: readonly EventLogServer[], telemetry: Telemetry): void {
  telemetry.metrics.gauge(metrics.followerLag, () =>
    followers.map((server) => ({ value: lagOf(server) / 1_000, labels: { group: server.group } })),
  )
}

/** Milliseconds since the instant up to which everything has been applied; 0 until that is known. */
export function lagOf({ follower }: EventLogServer): number {
  const upTo = follower?.followedUpTo()
  return upTo === undefined ? 0 : Math.max(0, Date.now() - upTo.getTime())
}

/** Milliseconds that are waited for what is to be applied. */
export const longestWait = 10_000

/**
 * So that the first request already finds its key: waits until each follower, or another of its group, has applied what is in the
 * log now, for `longestWait` at the most. Answers whether they have. Over Kafka the followers must be `watched`.
 */
export async function caughtUp(followers: readonly EventLogServer[], giveUp = () => false): Promise<boolean> {
  const now = Date.now()
  const behind = (): boolean => followers.some(({ follower }) => (follower?.caughtUpAt()?.getTime() ?? 0) < now)
  return waitWhile(behind, giveUp)
}

/** Whether everything that was committed before an instant has been applied, or is within `longestWait`. */
export async function hasFollowedUntil({ follower }: EventLogServer, instant: Date): Promise<boolean> {
  return waitWhile(() => (follower?.followedUpTo() ?? 0) < instant)
}

async function waitWhile(behind: () => boolean, giveUp = () => false): Promise<boolean> {
  const giveUpAt = performance.now() + longestWait
  while (behind() && performance.now() < giveUpAt && !giveUp()) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return !behind()
}
