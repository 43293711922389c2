import { breachAdvice, unsupportedCoding } from '#libs/http/index'
import { errors } from '#libs/scim/index'
import { present } from '../presented.ts'
import { refusals } from '../refusals.ts'
import { bodyLimitOf } from '../read-body.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/**
 * What can be refused by its announced length, by the rules of HTTP that Node does not hold it to, and by its Authorization alone. Node has refused longer
 * headers, a request that does not end, U+0000 in a header, and two ways to tell the length, before.
 */
export function shape(passage: Passage, { bodyLimits }: WayInParts): void {
  const { headers, breach } = passage.arrival
  const bodyLimit = bodyLimitOf(passage.arrival, bodyLimits)
  if (Number(headers['content-length'] ?? 0) > bodyLimit) throw errors.payloadTooLarge(bodyLimit)
  const coding = unsupportedCoding({ headers })
  if (coding !== undefined) throw errors.unsupportedTransferCoding(coding)
  if (breach !== undefined) throw refusals.badRequest(breach, breachAdvice(breach))
  present(passage)
}
