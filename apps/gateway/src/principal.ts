import type { AddressRanges } from '#libs/addresses/index'
import { isAccepted, type KeyState } from '#libs/credentials/index'
import type { ConnectionSettings, Environment, IdentityProvider, KeyPolicy } from '#libs/events/index'
import type { ResourceTypes } from '#libs/scim/index'

/** Whose data a request is about. Every statement on records is bound to one connection. */
export interface Scope {
  readonly tenant: string
  readonly connection: string
  readonly environment: Environment
}

export interface KnownConnection extends Scope {
  readonly identityProvider: IdentityProvider
  readonly enabled: boolean
  readonly settings: ConnectionSettings
  /** The resource types of this connection, with the extensions that its operator added. */
  readonly types: ResourceTypes
}

/** Whether it can be the id of a connection at all: what a client names instead is neither looked up nor kept. */
export function mayBeConnection(text: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(text)
}

export interface KnownKey extends Scope {
  readonly kid: string
  readonly pepperVersion: number
  readonly digest: Buffer
  readonly state: KeyState
  readonly policy: KeyPolicy
  /** The allowlist of the policy, made ready; undefined: from anywhere. */
  readonly allowed: AddressRanges | undefined
}

/** An accepted key is so until its own expiry, whether that has been told or not. */
export function presentState({ state, policy: { expiresAt } }: KnownKey, now: Date): KeyState {
  const hasExpired = expiresAt !== null && Date.parse(expiresAt) <= now.getTime()
  return isAccepted(state) && hasExpired ? 'expired' : state
}

/** Who a request has been proved to come from. */
export type Principal = KnownConnection
