import { randomBytes } from 'node:crypto'
import {
  type ConnectionFacts,
  type ConnectionSchema,
  type ConnectionSettings,
  type ConnectionSettingsChange,
  type Environment,
  type Event,
  type IdentityProvider,
  defaultSettings,
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
  readonly settings: ConnectionSettings
  /** Extension schemas of its own, in the order in which they were added. */
  readonly schemas: readonly ConnectionSchema[]
  /** Counts its events. */
  readonly version: number
  readonly createdAt: Date
  readonly deletedAt: Date | null
}

export interface ConnectionChange extends Partial<Pick<Connection, 'name' | 'identityProvider' | 'state'>> {
  readonly settings?: ConnectionSettingsChange
}

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

const settingNames = Object.keys(defaultSettings) as (keyof ConnectionSettings)[]

/** The connection after the change, and the names of what differs; the same connection when nothing does. */
export function change(connection: Connection, wanted: ConnectionChange): { after: Connection; changed: string[] } {
  const { settings: chosen, ...fields } = wanted
  const settings = { ...connection.settings, ...chosen }
  const changed = [
    ...(['name', 'identityProvider', 'state'] as const).filter(
      (field) => fields[field] !== undefined && fields[field] !== connection[field],
    ),
    ...settingNames
      .filter((name) => String(settings[name]) !== String(connection.settings[name]))
      .map((name) => `settings.${name}`),
  ]
  if (changed.length === 0) return { after: connection, changed }
  return { after: { ...connection, ...fields, settings, version: connection.version + 1 }, changed }
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

function facts(connection: Connection): ConnectionFacts {
  const { id, tenant, name, environment, identityProvider, state, settings, schemas } = connection
  return { tenant, connection: id, name, environment, identityProvider, state, settings, schemas: [...schemas] }
}

function origin({ id, tenant, version }: Connection, time: Date, traceparent: string | undefined) {
  return { source: 'keys', subject: id, owner: tenant, version, time, traceparent } as const
}
