import type { Event } from '#libs/events/index'
import { receivedBy } from './last-use.ts'

/** A live key that a request brought over plain HTTP. The gateway refused the request, and proved the key. */
export interface Exposure {
  readonly connection: string
  readonly kid: string
  readonly at: Date
  readonly address: string
  readonly traceparent: string | undefined
}

/** What the gateway answers such a request with. */
const code = 'key-in-clear'

/** The first of each key among the requests. */
export function exposures(requests: readonly Event<'request.decided'>[], now: Date): Exposure[] {
  const first = new Map<string, Exposure>()
  for (const { payload, traceparent } of requests) {
    const { kid, connection, environment, address } = payload
    if (payload.code !== code || kid === null || connection === null || environment !== 'live') continue
    const at = receivedBy(now, payload)
    const known = first.get(kid)
    if (known === undefined || at < known.at) first.set(kid, { connection, kid, at, address, traceparent })
  }
  return [...first.values()]
}
