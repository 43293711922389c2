import { randomBytes } from 'node:crypto'
import type { Kid } from '#libs/credentials/index'
import type { KeyAuthentication, KeyPolicy } from '#libs/events/index'
import { type DataKey, dataKeyNamed, openUnder, sealUnder, signingPurpose } from '#libs/sealing/index'

type Sealed = Extract<KeyAuthentication, { algorithm: 'hmac-sha256' }>

/** A policy before the secret is made that its key is to sign by. */
export interface WantedPolicy extends Omit<KeyPolicy, 'authentication'> {
  readonly authentication: Exclude<KeyAuthentication, Sealed> | Omit<Sealed, 'sealed'>
}

/** Whether a key with this policy signs by a secret that must be sealed. */
export function needsDataKey({ authentication }: WantedPolicy): boolean {
  return isBySecret(authentication)
}

/** The id of the data key that the policy's secret is sealed under; undefined where there is none. */
export function dataKeyOfSecret({ authentication }: KeyPolicy): string | undefined {
  return isBySecret(authentication) ? dataKeyNamed(authentication.sealed) : undefined
}

/** What a key with this policy signs by; undefined where that is no secret, or does not open under the data key. */
export function signingSecretOf({ authentication }: KeyPolicy, kid: Kid, dataKey?: DataKey): string | undefined {
  if (dataKey === undefined || !isBySecret(authentication)) return undefined
  return openUnder(dataKey, { kid, purpose: signingPurpose }, authentication.sealed)
}

function isBySecret<Authentication extends WantedPolicy['authentication']>(
  authentication: Authentication,
): authentication is Extract<Authentication, { algorithm: 'hmac-sha256' }> {
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
  if (!isBySecret(authentication)) {
    return { policy: { ...rest, authentication } }
  }
  if (dataKey === undefined) throw new TypeError('a signing secret is sealed under the data key of the tenant')
  const signingSecret = randomBytes(32).toString('base64url')
  const sealed = sealUnder(dataKey, { kid, purpose: signingPurpose }, signingSecret)
  return { policy: { ...rest, authentication: { method: 'signed', algorithm: 'hmac-sha256', sealed } }, signingSecret }
}
