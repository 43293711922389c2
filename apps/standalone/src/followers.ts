import { AUDIT, auditGroup, auditSchema } from '#apps/audit/src/index'
import { DIRECTORY, directoryGroup, directorySchema } from '#apps/directory/src/index'
import { GATEWAY, gatewayGroup, gatewaySchema } from '#apps/gateway/src/index'
import { KEYS, keysGroup, keysSchema } from '#apps/keys/src/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import type { Database } from '#libs/postgres/index'
import { followerOf } from '#libs/program/index'
import type { Logger, Telemetry } from '#libs/telemetry/index'
import type { Stores } from './stores.ts'

/** The four consumer groups of the event log. */
export function followersOf(stores: Stores, telemetry: Telemetry, logger: Logger): EventLogServer[] {
  const { log, postgres } = stores
  const follower = (group: string, transportId: symbol, database: Database, schema: string): EventLogServer => {
    // What the gateway lets in must not fall back, not even for the moment after a crash of Postgres.
    const relaxed = group !== gatewayGroup
    return followerOf({ log, group, transportId, database, schema, relaxed }, telemetry, logger, [postgres])
  }
  return [
    follower(gatewayGroup, GATEWAY, stores.gateway, gatewaySchema),
    follower(keysGroup, KEYS, stores.keys, keysSchema),
    follower(directoryGroup, DIRECTORY, stores.directory, directorySchema),
    follower(auditGroup, AUDIT, stores.audit, auditSchema),
  ]
}

export function followerNamed(followers: readonly EventLogServer[], group: string): EventLogServer {
  const found = followers.find((follower) => follower.group === group)
  if (found === undefined) throw new Error(`nothing follows as ${group}`)
  return found
}
