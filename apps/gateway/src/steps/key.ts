import {
  dummyMatch,
  faultAdvice,
  isAccepted,
  type KeyState,
  matches,
  readAuthorization,
  type Secret,
} from '#libs/credentials/index'
import { errors, ScimError } from '#libs/scim/index'
import type { KnownKey } from '../principal.ts'
import type { Passage, WayInParts } from '../way-in.ts'
import { checkEnabled, connection } from './connection.ts'

/** The key is read, looked up and compared; then whether it is accepted still, here and for what the address names. */
export async function key(passage: Passage, parts: WayInParts): Promise<void> {
  await connection(passage, parts)
  const { arrival } = passage
  const { known: proved, secret } = await prove(passage, parts)
  passage.key = proved
  checkState(proved, arrival.receivedAt)
  if (!parts.currency.ofRevoked) {
    throw unheard('revocations-not-heard', 'Whether this key has been revoked is not known here')
  }
  if (proved.connection !== arrival.connectionId) {
    throw errors.forbidden(
      'key-of-another-connection',
      'This key belongs to another connection than the one in the address. Use the SCIM base URL that was shown with the key, or the key of this connection.',
    )
  }
  checkEnabled(passage.connection)
  parts.digests.renew(proved, secret)
}

async function prove(
  { arrival }: Passage,
  { trust, currency, peppers }: WayInParts,
): Promise<{ known: KnownKey; secret: Secret }> {
  const presented = readAuthorization(arrival.headers['authorization'])
  if (presented.kind === 'fault') {
    const { cause, fix } = faultAdvice[presented.fault]
    throw errors.unauthorized(`key-${presented.fault}`, `${cause} ${fix}`)
  }
  const known = await trust.key(presented.kid)
  if (known === undefined) {
    dummyMatch(peppers, presented.secret)
    if (!currency.ofMinted) throw unheard('key-not-heard-of', 'This key is not known here')
    throw errors.unauthorized(
      'key-unknown',
      'This key is not known here: it was never minted by this service, or it was deleted with its connection. Mint a key for this connection and paste it into the identity provider.',
    )
  }
  if (!matches(peppers, known, presented.secret)) {
    throw errors.unauthorized(
      'key-wrong-secret',
      'The secret part of this key is not the one that was minted. Copy the key again as it was shown, or mint another.',
    )
  }
  if (known.environment !== presented.environment) {
    throw errors.unauthorized(
      'key-of-another-environment',
      'This key was minted for the other environment than the one that it names. Copy the key again as it was shown, or mint another.',
    )
  }
  return { known, secret: presented.secret }
}

function checkState({ state, policy: { expiresAt } }: KnownKey, now: Date): void {
  const hasExpired = expiresAt !== null && Date.parse(expiresAt) <= now.getTime()
  const present = isAccepted(state) && hasExpired ? 'expired' : state
  if (!isAccepted(present)) throw errors.unauthorized(`key-${present}`, `${ended[present]} ${mintAnother}`)
}

const ended: Readonly<Partial<Record<KeyState, string>>> = {
  expired: 'This key has expired.',
  cancelled: 'This key was cancelled before it was ever used.',
  revoked: 'This key has been revoked.',
}
const mintAnother = 'Mint another key for this connection and paste it into the identity provider.'

/** What nobody could have told us of is not accepted. */
function unheard(code: string, cause: string): ScimError {
  return errors.undecided(
    code,
    `${cause}, since this service has not heard from the others lately. Repeat the request in 5 seconds. Its operator finds at /health/ready what is away.`,
    5,
  )
}
