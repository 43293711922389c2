import { errors } from '#libs/scim/index'
import type { Refusal } from '../rates.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/** Refuses what is too much, before anything is looked up for it, or a body is read for its key. */
export async function rate(passage: Passage, { rates }: WayInParts): Promise<void> {
  const { arrival, presented } = passage
  const { address } = arrival.caller
  if (presented === undefined || address === undefined) throw errors.internal()
  refuse(passage, isKeyInBody(passage) ? await rates.unread(address) : await rates.refusal(presented, address))
}

/** Whether nothing of the key is known before the body is read. */
export function isKeyInBody({ asksForToken, arrival }: Passage): boolean {
  return asksForToken !== undefined && arrival.headers['authorization'] === undefined
}

export function refuse(passage: Passage, refusal: Refusal | undefined): void {
  if (refusal === undefined) return
  passage.alike = refusal.alike ?? 'left out'
  throw refusal.error
}
