import { randomBytes } from 'node:crypto'
import type { Kid } from '#libs/credentials/index'
import type { KeyAuthentication, KeyPolicy } from '#libs/events/index'
import { type DataKey, sealUnder, signingPurpose } from '#libs/sealing/index'

type Sealed = Extract<KeyAuthentication, { algorithm: 'hmac-sha256' }>

/** A policy before the secret is made that its key is to sign by. */
export interface WantedPolicy extends Omit<KeyPolicy, 'authentication'> {
  readonly authentication: Exclude<KeyAuthentication, Sealed> | Omit<Sealed, 'sealed'>
}

/** Whether a key with this policy signs by a secret that must be sealed. */
export function needsDataKey({ authentication }: WantedPolicy): boolean {
  return authentication.method === 'signed' && authentication.algorithm === 'hmac-sha256'
}

/**
 * The policy with a new secret, sealed, where its key signs by one; the same policy otherwise. `signingSecret` is base64url of 32 random bytes.
 * @throws TypeError where the policy `needsDataKey` and there is none
 */
export function withSigningSecret(
  wanted: WantedPolicy,
  kid: Kid,
  dataKey: DataKey | undefined,
): { policy: KeyPolicy; signingSecret?: string } {
  const { authentication, ...rest } = wanted
  if (authentication.method !== 'signed' || authentication.algorithm !== 'hmac-sha256') {
    return { policy: { ...rest, authentication } }
  }
  if (dataKey === undefined) throw new TypeError('a signing secret is sealed under the data key of the tenant')
  const signingSecret = randomBytes(32).toString('base64url')
  const sealed = sealUnder(dataKey, { kid, purpose: signingPurpose }, signingSecret)
  return { policy: { ...rest, authentication: { method: 'signed', algorithm: 'hmac-sha256', sealed } }, signingSecret }
}
