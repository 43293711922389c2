import type { Event, Payload, RequestDecided } from '#libs/events/index'

/** When, from where and with what a proved request presented a key. */
export interface LastUse {
  readonly at: Date
  readonly address: string
  readonly userAgent: string | null
}

/** What is known of the uses of a key. */
export interface KeyUses {
  /** Null while the key was not let in, and of keys from before this was recorded. */
  readonly first: LastUse | null
  /** To the minute. */
  readonly last: LastUse
}

export interface KeyUse extends LastUse {
  readonly connection: string
  readonly kid: string
  /** The earliest that the key was let in with; null when it was not. */
  readonly first: LastUse | null
}

/** When a request was received; never later than now, whatever the clock of its gateway says: a last use must be able to be followed by another. */
export function receivedBy(now: Date, { receivedAt }: Pick<RequestDecided, 'receivedAt'>): Date {
  return new Date(Math.min(Date.parse(receivedAt), now.getTime()))
}

/** The latest use of each key that one of the requests proved, and the first that was not refused for the key's sake. */
export function usesIn(requests: readonly Event<'request.decided'>[], now: Date): KeyUse[] {
  const uses = new Map<string, KeyUse>()
  for (const { payload } of requests) {
    const { kid, connection, address, userAgent } = payload
    if (kid === null || connection === null) continue
    const use: LastUse = { at: receivedBy(now, payload), address, userAgent }
    const first = isLetIn(payload) ? use : null
    const known = uses.get(kid)
    uses.set(kid, { connection, kid, ...later(known, use), first: earlier(known?.first ?? null, first) })
  }
  return [...uses.values()]
}

/** Of a key that is exchanged, whoever is given a token is let in. */
function isLetIn({ operation, outcome, status }: Payload<'request.decided'>): boolean {
  return operation === 'tokens.issue' ? outcome === 'accepted' : status !== 401 && status !== 403
}

function later(known: KeyUse | undefined, use: LastUse): LastUse {
  if (known === undefined || known.at < use.at) return use
  const { at, address, userAgent } = known
  return { at, address, userAgent }
}

function earlier(known: LastUse | null, use: LastUse | null): LastUse | null {
  if (known === null || use === null) return known ?? use
  return use.at < known.at ? use : known
}
