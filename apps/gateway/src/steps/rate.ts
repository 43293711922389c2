import { errors } from '#libs/scim/index'
import type { Passage, WayInParts } from '../way-in.ts'

/** Refuses what is too much, before anything is looked up for it. */
export async function rate(passage: Passage, { rates }: WayInParts): Promise<void> {
  const { arrival, presented } = passage
  const { address } = arrival.caller
  if (presented === undefined || address === undefined) throw errors.internal()
  const refusal = await rates.refusal(presented, address)
  if (refusal === undefined) return
  passage.alike = refusal.alike ?? 'left out'
  throw refusal.error
}
