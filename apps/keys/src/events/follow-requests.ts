import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { type KeyUse, recordUses } from '../store/record-uses.ts'

/** The transport under which the keys service hears of events. */
export const KEYS = Symbol('keys')

@Follows()
export class FollowRequests {
  @EventPattern('request.*', KEYS)
  async apply(events: readonly Heard<'request.*'>[], { transaction }: EventBatch): Promise<void> {
    await recordUses(transaction, latestUses(events))
  }
}

/** The latest use of each key that a request in the batch proved. */
export function latestUses(events: readonly Heard<'request.*'>[]): KeyUse[] {
  const latest = new Map<string, KeyUse>()
  for (const event of events) {
    const { kid, connection, receivedAt, address, userAgent } = event.payload
    if (kid === null || connection === null) continue
    const at = new Date(receivedAt)
    const known = latest.get(kid)
    if (known === undefined || known.at < at) latest.set(kid, { connection, kid, at, address, userAgent })
  }
  return [...latest.values()]
}
