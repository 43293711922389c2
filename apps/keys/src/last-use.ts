import type { Event, Payload } from '#libs/events/index'

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

/** The latest use of each key that one of the requests proved, and the first that was not refused for the key's sake. */
export function usesIn(requests: readonly Event<'request.decided'>[]): KeyUse[] {
  const uses = new Map<string, KeyUse>()
  for (const { payload } of requests) {
    const { kid, connection, receivedAt, address, userAgent } = payload
    if (kid === null || connection === null) continue
    const use: LastUse = { at: new Date(receivedAt), address, userAgent }
    const first = isLetIn(payload) ? use : null
    const known = uses.get(kid)
    uses.set(kid, { connection, kid, ...later(known, use), first: earlier(known?.first ?? null, first) })
  }
  return [...uses.values()]
}

/** Whose key the steps of the way in accepted. Of a key that is exchanged, whoever is given a token is let in. */
function isLetIn({ operation, outcome, steps }: Payload<'request.decided'>): boolean {
  if (operation === 'tokens.issue') return outcome === 'accepted'
  const said = (name: string) => steps.find(({ step }) => step === name)?.decision
  const proof = said('signature')
  return said('key') === 'passed' && (proof === 'passed' || proof === 'skipped')
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
