import { errors } from '#libs/scim/index'
import { isKeyInBody } from '../presented.ts'
import { asOneOfMany } from '../rates.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/** Refuses what is too much, before anything is looked up for it, or a body is read for its key. */
export async function rate(passage: Passage, { rates }: WayInParts): Promise<void> {
  const { arrival, presented } = passage
  const { address } = arrival.caller
  if (presented === undefined || address === undefined) throw errors.internal()
  const refusal = isKeyInBody(passage)
    ? await rates.unread(passage, address)
    : await rates.refusal(passage, presented, address)
  if (refusal !== undefined) throw asOneOfMany(passage, refusal)
}
