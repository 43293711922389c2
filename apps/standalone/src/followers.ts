import { AUDIT, auditGroup, auditSchema } from '#apps/audit/src/index'
import { DIRECTORY, directoryGroup, directorySchema } from '#apps/directory/src/index'
import { GATEWAY, gatewayGroup, gatewaySchema } from '#apps/gateway/src/index'
import { KEYS, keysSchema } from '#apps/keys/src/index'
import { observeFollower } from '#libs/eventlog/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import type { Database } from '#libs/postgres/index'
import { type Logger, metrics, type Telemetry } from '#libs/telemetry/index'
import type { Stores } from './stores.ts'

/** The four consumer groups of the event log, each served to its own module by the transport id. */
export function followersOf(stores: Stores, telemetry: Telemetry, logger: Logger): EventLogServer[] {
  const { log } = stores
  const follower = (group: string, transportId: symbol, database: Database, schema: string): EventLogServer =>
    new EventLogServer({
      log,
      group,
      transportId,
      database,
      schema,
      // What the gateway lets in must not fall back, not even for the moment after a crash of Postgres.
      relaxed: group !== gatewayGroup,
      observe: observeFollower(group, telemetry, logger),
    })
  const followers = [
    follower(gatewayGroup, GATEWAY, stores.gateway, gatewaySchema),
    follower('keys', KEYS, stores.keys, keysSchema),
    follower(directoryGroup, DIRECTORY, stores.directory, directorySchema),
    follower(auditGroup, AUDIT, stores.audit, auditSchema),
  ]
  telemetry.metrics.gauge(metrics.followerLag, () =>
    followers.map((server) => ({ value: lagOf(server) / 1_000, labels: { group: server.group } })),
  )
  return followers
}

/** Milliseconds since the instant up to which everything has been applied; 0 until that is known. */
export function lagOf({ follower }: EventLogServer): number {
  const upTo = follower?.followedUpTo()
  return upTo === undefined ? 0 : Math.max(0, Date.now() - upTo.getTime())
}

const longestWait = 10_000

/** So that the first request already finds its key: waits until each follower has applied what is in the log now. */
export async function caughtUp(followers: readonly EventLogServer[]): Promise<void> {
  const now = Date.now()
  const behind = (): boolean => followers.some(({ follower }) => (follower?.followedUpTo()?.getTime() ?? 0) < now)
  while (behind() && Date.now() < now + longestWait) await new Promise((resolve) => setTimeout(resolve, 10))
}
