import { randomBytes } from 'node:crypto'
import {
  type ConnectionFacts,
  type Environment,
  type Event,
  type IdentityProvider,
  makeEvent,
} from '#libs/events/index'

/** One identity provider's integration of one application. */
export interface Connection {
  /** Stands in the SCIM base URL. */
  readonly id: string
  readonly tenant: string
  readonly name: string
  /** Never changes: what live and sandbox hold must not meet. */
  readonly environment: Environment
  readonly identityProvider: IdentityProvider
  readonly state: 'enabled' | 'disabled'
  /** Counts its events. */
  readonly version: number
  readonly createdAt: Date
}

export type ConnectionChange = Partial<Pick<Connection, 'name' | 'identityProvider' | 'state'>>

/** No letter or digit that could be taken for another. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

/** 80 random bits as 16 characters that a person can read out. */
export function newConnectionId(): string {
  return Array.from(randomBytes(16), (byte) => alphabet[byte & 31]).join('')
}

export const connectionId = /^[a-km-np-z2-9]{16}$/

export function scimBaseUrl(publicUrl: string, connection: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/scim/v2/${connection}`
}

/** The connection after the change, and the names of what differs; the same connection when nothing does. */
export function change(connection: Connection, wanted: ConnectionChange): { after: Connection; changed: string[] } {
  const changed = (['name', 'identityProvider', 'state'] as const).filter(
    (field) => wanted[field] !== undefined && wanted[field] !== connection[field],
  )
  if (changed.length === 0) return { after: connection, changed }
  return { after: { ...connection, ...wanted, version: connection.version + 1 }, changed }
}

export function connectionCreated(
  connection: Connection,
  traceparent: string | undefined,
): Event<'connection.created'> {
  return makeEvent('connection.created', origin(connection, connection.createdAt, traceparent), facts(connection))
}

export function connectionChanged(
  after: Connection,
  changed: string[],
  time: Date,
  traceparent: string | undefined,
): Event<'connection.changed'> {
  return makeEvent('connection.changed', origin(after, time, traceparent), { ...facts(after), changed })
}

/** `connection` as it was before. */
export function connectionDeleted(
  connection: Connection,
  time: Date,
  traceparent: string | undefined,
): Event<'connection.deleted'> {
  const last = { ...connection, version: connection.version + 1 }
  return makeEvent('connection.deleted', origin(last, time, traceparent), {
    tenant: connection.tenant,
    connection: connection.id,
  })
}

function facts({ id, tenant, name, environment, identityProvider, state }: Connection): ConnectionFacts {
  return { tenant, connection: id, name, environment, identityProvider, state }
}

function origin({ id, tenant, version }: Connection, time: Date, traceparent: string | undefined) {
  return { source: 'keys', subject: id, owner: tenant, version, time, traceparent } as const
}
