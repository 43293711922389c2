import { digest, type Kid, mintKey, open, type Peppers, seal } from '#libs/credentials/index'
import { type Environment, type Event, makeEvent } from '#libs/events/index'
import type { Connection } from './connection.ts'

/** What is kept of a key: never its secret, but for sandbox keys, sealed. */
export interface ProvisioningKey {
  readonly kid: Kid
  readonly connection: string
  readonly tenant: string
  readonly environment: Environment
  readonly state: 'active' | 'revoked'
  readonly pepperVersion: number
  readonly digest: Uint8Array
  /** The whole text of a sandbox key that is active; null otherwise. */
  readonly sealed: string | null
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

/** Two, so that one can replace the other while both work. */
export const acceptedAtMost = 2

const purpose = 'sandbox key'

/** A new key of the connection. `text` is to be answered once and kept nowhere. */
export function mint(connection: Connection, peppers: Peppers, now: Date): { key: ProvisioningKey; text: string } {
  const { kid, secret, text } = mintKey(connection.environment)
  const context = { purpose, of: [connection.tenant, kid] }
  return {
    text,
    key: {
      kid,
      connection: connection.id,
      tenant: connection.tenant,
      environment: connection.environment,
      state: 'active',
      pepperVersion: peppers.current,
      digest: digest(peppers, peppers.current, secret),
      sealed: connection.environment === 'sandbox' ? seal(peppers, context, text) : null,
      createdAt: now,
      revokedAt: null,
    },
  }
}

/** The text of an active sandbox key, which may be shown again; undefined for any other, and under other peppers. */
export function shownAgain(key: ProvisioningKey, peppers: Peppers): string | undefined {
  if (key.sealed === null) return undefined
  return open(peppers, { purpose, of: [key.tenant, key.kid] }, key.sealed)
}

export function revoked(key: ProvisioningKey, now: Date): ProvisioningKey {
  return { ...key, state: 'revoked', sealed: null, revokedAt: now }
}

export function keyMinted(key: ProvisioningKey, traceparent: string | undefined): Event<'key.minted'> {
  const { tenant, connection, environment, kid, pepperVersion } = key
  return makeEvent('key.minted', origin(key, 1, key.createdAt, traceparent), {
    tenant,
    connection,
    environment,
    kid,
    pepperVersion,
    digest: Buffer.from(key.digest).toString('base64url'),
  })
}

export function keyRevoked(key: ProvisioningKey, time: Date, traceparent: string | undefined): Event<'key.revoked'> {
  const { tenant, connection, kid } = key
  return makeEvent('key.revoked', origin(key, 2, time, traceparent), {
    tenant,
    connection,
    kid,
    revokedAt: time.toISOString(),
  })
}

function origin({ kid, connection }: ProvisioningKey, version: number, time: Date, traceparent: string | undefined) {
  return { source: 'keys', subject: kid, owner: connection, version, time, traceparent } as const
}
