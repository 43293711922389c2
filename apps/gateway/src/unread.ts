import { errors } from '#libs/scim/index'
import { conclude, type ConcludeParts } from './conclude.ts'
import { type Passage, take, type WayInParts } from './way-in.ts'

/**
 * Leaves the record of a request that HTTP itself refused, and has answered with this status and detail: one of the step `shape`, of nobody, or of the connection in its
 * address where that is remembered. It counts for its network, and a flood leaves few records, as whatever is refused before the step `rate`. Where the queue of
 * records is full, none is left.
 */
export async function recordUnread(
  passage: Passage,
  refusal: { readonly status: number; readonly detail: string },
  parts: Pick<WayInParts, 'trust'> & ConcludeParts,
): Promise<void> {
  const named = parts.trust.remembered(passage.arrival.connectionId)
  if (named !== undefined) passage.connection = named
  const refuse = (): never => {
    throw errors.unreadable(refusal.status, refusal.detail)
  }
  await conclude(passage, () => take(passage, 'shape', refuse), parts)
}
