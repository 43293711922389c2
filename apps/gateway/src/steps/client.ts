import { errors } from '#libs/scim/index'
import { faultOf, isKeyInBody, presentClient } from '../presented.ts'
import { proving } from '../proof.ts'
import { asOneOfMany } from '../rates.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/**
 * A request for a token must name its client as RFC 6749 section 2.3.1 has it. Where the key is in the body, it is known only now whether it counts for itself or
 * for its network.
 */
export async function client(passage: Passage, parts: WayInParts): Promise<void> {
  const wasInBody = isKeyInBody(passage)
  const fault = await faultOf(() => reading(passage, parts))
  const { presented, arrival } = passage
  const { address } = arrival.caller
  if (presented === undefined || address === undefined) throw errors.internal()
  if (wasInBody) {
    await parts.rates.forgive(passage)
    const refusal = await parts.rates.refusal(passage, presented, address)
    if (refusal !== undefined) throw asOneOfMany(passage, refusal)
  }
  if (fault !== undefined) throw fault
}

const reading = proving(presentClient)
