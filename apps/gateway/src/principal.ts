import type { KeyState } from '#libs/credentials/index'
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

export interface KnownKey extends Scope {
  readonly kid: string
  readonly pepperVersion: number
  readonly digest: Buffer
  readonly state: KeyState
  readonly policy: KeyPolicy
}

/** Who a request has been proved to come from. */
export type Principal = KnownConnection
