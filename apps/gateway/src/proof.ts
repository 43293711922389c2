import { ScimError } from '#libs/scim/index'
import { asOneOfMany } from './rates.ts'
import { connection } from './steps/connection.ts'
import type { Passage, Step, WayInParts } from './way-in.ts'

/** A step in which whoever came proves to hold a key: what it refuses counts for the network that it came from, never for the key. */
export function proving(step: Step): Step {
  return async (passage, parts) => {
    try {
      return await step(passage, parts)
    } catch (error) {
      if (!(error instanceof ScimError)) throw error
      throw (await countRefused(passage, error.status, parts)) ?? error
    }
  }
}

/** The last of those: nothing is refused for the key's sake after it, and the request counts for its key and its connection. */
export function proved(step: Step): Step {
  const last = proving(step)
  return async (passage, parts) => {
    const said = await last(passage, parts)
    if (passage.key !== undefined) await parts.rates.count(passage, passage.key)
    return said
  }
}

/**
 * What to answer in place of a refusal that came too often. One whose key has neither been proved nor heard of here was counted by the step `rate`. The record of a wrong secret
 * belongs to the connection that it was tried at, which may have been forgotten since the key was proved: within these bounds it is looked up.
 */
async function countRefused(passage: Passage, status: number, parts: WayInParts): Promise<ScimError | undefined> {
  const { arrival, presented, key } = passage
  const { rates } = parts
  const { address } = arrival.caller
  // What cannot be decided for now is no fault of the network's, and no request with that key is let in meanwhile.
  if (status === 503) {
    if (key !== undefined) await rates.count(passage, key)
    return undefined
  }
  if (presented === undefined || address === undefined || passage.counted !== undefined) return undefined
  const refusal = await rates.failed(address)
  if (refusal !== undefined) return asOneOfMany(passage, refusal)
  if (key === undefined && passage.connection === undefined) await connection(passage, parts)
  return undefined
}
