import type { Event } from '#libs/events/index'

/** When, from where and with what a proved request last presented a key. */
export interface LastUse {
  readonly at: Date
  readonly address: string
  readonly userAgent: string | null
}

export interface KeyUse extends LastUse {
  readonly connection: string
  readonly kid: string
}

/** The latest use of each key that one of the requests proved. */
export function latestUses(requests: readonly Event<'request.decided'>[]): KeyUse[] {
  const latest = new Map<string, KeyUse>()
  for (const { payload } of requests) {
    const { kid, connection, receivedAt, address, userAgent } = payload
    if (kid === null || connection === null) continue
    const at = new Date(receivedAt)
    const known = latest.get(kid)
    if (known === undefined || known.at < at) latest.set(kid, { connection, kid, at, address, userAgent })
  }
  return [...latest.values()]
}
