import { errors, ScimError } from '#libs/scim/index'
import type { Passage, WayInParts } from '../way-in.ts'
import { proving } from './proof.ts'
import { isKeyInBody, refuse } from './rate.ts'
import { present } from './shape.ts'

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
    await parts.rates.forgive(address)
    refuse(passage, await parts.rates.refusal(presented, address))
  }
  if (fault !== undefined) throw fault
}

const reading = proving(readClient)

/** Reads the body for who presents which key. Throws the ScimError that says what is wrong with it. */
export async function readClient(passage: Passage, { trust }: Pick<WayInParts, 'trust'>): Promise<void> {
  if (passage.asksForToken === undefined) throw errors.internal()
  passage.arrival = await passage.asksForToken.client()
  const named = trust.remembered(passage.arrival.connectionId)
  if (named !== undefined) passage.connection = named
  present(passage)
}

/** What the work is refused for. */
export async function faultOf(work: () => unknown): Promise<ScimError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
}
