import type { Event } from '#libs/events/index'
import { type LastUse, receivedBy } from './last-use.ts'

export interface TokenUse extends LastUse {
  readonly token: string
}

/** The latest use of each admin token that let one of the requests in. What is refused for the token's sake is no use of it. */
export function latestTokenUses(requests: readonly Event<'request.decided'>[], now: Date): TokenUse[] {
  const latest = new Map<string, TokenUse>()
  for (const { payload } of requests) {
    const { actor, address, userAgent, steps } = payload
    const letIn = steps.some(({ step, decision }) => step === 'admin-token' && decision === 'passed')
    if (actor === undefined || !letIn) continue
    const at = receivedBy(now, payload)
    const known = latest.get(actor)
    if (known === undefined || known.at < at) latest.set(actor, { token: actor, at, address, userAgent })
  }
  return [...latest.values()]
}
