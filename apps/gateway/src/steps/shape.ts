import { errors } from '#libs/scim/index'
import type { Passage, WayInParts } from '../way-in.ts'

/** What can be refused by its announced length alone. Node has refused longer headers, and a request that does not end, before. */
export function shape({ arrival }: Passage, { bodyLimit }: WayInParts): void {
  if (Number(arrival.headers['content-length'] ?? 0) > bodyLimit) throw errors.payloadTooLarge(bodyLimit)
}
