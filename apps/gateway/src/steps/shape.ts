import { readAuthorization } from '#libs/credentials/index'
import { breachAdvice } from '#libs/http/index'
import { errors } from '#libs/scim/index'
import { claimOf, tokenIn } from '../access-token.ts'
import { refusals } from '../refusals.ts'
import type { Passage, WayInParts } from '../way-in.ts'

/**
 * What can be refused by its announced length, by the rules of HTTP that Node does not hold it to, and by its Authorization alone. Node has refused longer
 * headers, a request that does not end, U+0000 in a header, and two ways to tell the length, before.
 */
export function shape(passage: Passage, { bodyLimit }: WayInParts): void {
  const { headers, breach } = passage.arrival
  if (Number(headers['content-length'] ?? 0) > bodyLimit) throw errors.payloadTooLarge(bodyLimit)
  const coding = headers['transfer-encoding']
  if (coding !== undefined && !/^chunked$/i.test(coding)) throw errors.unsupportedTransferCoding(coding)
  if (breach !== undefined) throw refusals.badRequest(breach, breachAdvice(breach))
  present(passage)
}

/** Reads what the Authorization holds. Throws for what is neither in ASCII nor a way to paste a key that is explained. */
export function present(passage: Passage): void {
  const { authorization } = passage.arrival.headers
  const token = passage.asksForToken !== undefined ? undefined : tokenIn(authorization)
  passage.presented = token === undefined ? readAuthorization(authorization) : claimOf(token)
  // Quotes and spaces that people paste along with a key are told as what they are.
  const isExplained =
    passage.presented.kind === 'fault' && ['quotes', 'whitespace', 'doubled-bearer'].includes(passage.presented.fault)
  if (authorization !== undefined && !isExplained && !visible.test(authorization)) {
    throw refusals.badRequest(
      'authorization-not-ascii',
      'The Authorization header holds bytes that are not ASCII, and no key does. Copy the key again, as it was shown.',
    )
  }
}

const visible = /^[\t\x20-\x7e]*$/
