import { readAuthorization } from '#libs/credentials/index'
import { errors, ScimError } from '#libs/scim/index'
import { claimOf, tokenIn } from './access-token.ts'
import { refusals } from './refusals.ts'
import type { Passage, WayInParts } from './way-in.ts'

/** Whether nothing of the key is known before the body is read. */
export function isKeyInBody({ asksForToken, arrival }: Passage): boolean {
  return asksForToken !== undefined && arrival.headers['authorization'] === undefined
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

/** Reads the request for a token for who presents which key, its body too. Throws the ScimError that says what is wrong with it. */
export async function presentClient(passage: Passage, { trust }: Pick<WayInParts, 'trust'>): Promise<void> {
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
