import type { Event } from '#libs/events/index'
import { type LastUse, receivedBy } from './last-use.ts'

export interface TokenUse extends LastUse {
  readonly token: string
}

/** The latest use of each admin token that one of the requests proved. */
export function latestTokenUses(requests: readonly Event<'request.decided'>[], now: Date): TokenUse[] {
  const latest = new Map<string, TokenUse>()
  for (const { payload } of requests) {
    const { actor, address, userAgent } = payload
    if (actor === undefined) continue
    const at = receivedBy(now, payload)
    const known = latest.get(actor)
    if (known === undefined || known.at < at) latest.set(actor, { token: actor, at, address, userAgent })
  }
  return [...latest.values()]
}
