import { type Event, isLetIn, type RequestDecided } from '#libs/events/index'

/** When, from where and with what a request came that a key let in. What is refused for the key's sake is no use of it. */
export interface LastUse {
  readonly at: Date
  readonly address: string
  readonly userAgent: string | null
}

/** What is known of the uses of a key. */
export interface KeyUses {
  /** Null while the key was not let in, and of keys from before this was recorded. */
  readonly first: LastUse | null
  /** To the minute; exact while a rotation runs. */
  readonly last: LastUse
}

export interface KeyUse extends LastUse {
  readonly connection: string
  readonly kid: string
  readonly first: LastUse
}

/** When a request was received; never later than now, whatever the clock of its gateway says: a last use must be able to be followed by another. */
export function receivedBy(now: Date, { receivedAt }: Pick<RequestDecided, 'receivedAt'>): Date {
  return new Date(Math.min(Date.parse(receivedAt), now.getTime()))
}

/** The latest use of each key in these requests, and the earliest. */
export function usesIn(requests: readonly Event<'request.decided'>[], now: Date): KeyUse[] {
  const uses = new Map<string, KeyUse>()
  for (const { payload } of requests) {
    const { kid, connection, address, userAgent } = payload
    if (kid === null || connection === null || !isLetIn(payload)) continue
    const use: LastUse = { at: receivedBy(now, payload), address, userAgent }
    const known = uses.get(kid)
    uses.set(kid, { connection, kid, ...later(known, use), first: earlier(known?.first, use) })
  }
  return [...uses.values()]
}

function later(known: KeyUse | undefined, use: LastUse): LastUse {
  if (known === undefined || known.at < use.at) return use
  const { at, address, userAgent } = known
  return { at, address, userAgent }
}

function earlier(known: LastUse | undefined, use: LastUse): LastUse {
  return known === undefined || use.at < known.at ? use : known
}
