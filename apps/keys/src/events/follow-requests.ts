import { EventPattern } from '@nestjs/microservices'
import type { EventBatch } from '#libs/eventlog/index'
import { Follows } from '#libs/eventlog/nest/index'
import type { AnyEvent } from '#libs/events/index'
import { type KeyUse, recordUses } from '../store/record-uses.ts'

/** The transport under which the keys service hears of events. */
export const KEYS = Symbol('keys')

@Follows()
export class FollowRequests {
  @EventPattern<string>('request.*', KEYS)
  async apply(events: readonly AnyEvent[], { transaction }: EventBatch): Promise<void> {
    await recordUses(transaction, latestUses(events))
  }
}

/** The latest use of each key that a request in the batch proved. */
export function latestUses(events: readonly AnyEvent[]): KeyUse[] {
  const latest = new Map<string, KeyUse>()
  for (const event of events) {
    if (event.name !== 'request.decided') continue
    const { kid, connection, receivedAt, address, userAgent } = event.payload
    if (kid === null || connection === null) continue
    const at = new Date(receivedAt)
    const known = latest.get(kid)
    if (known === undefined || known.at < at) latest.set(kid, { connection, kid, at, address, userAgent })
  }
  return [...latest.values()]
}
