import { type AnyEvent, defaultSettings } from '#libs/events/index'
import type { EntityManager } from '#libs/postgres/index'
import { type Connection, connectionCreated, newConnectionId, scimBaseUrl } from './connection.ts'
import type { KeysParts } from './parts.ts'
import { acceptedAtMost, keyMinted, mint, shownAgain } from './provisioning-key.ts'
import { alone } from './store/alone.ts'
import { findConnectionByName, insertConnection } from './store/connections.ts'
import { acceptedKeys, insertKey } from './store/keys.ts'
import { findTenantByName, idsGiven, insertTenant } from './store/tenants.ts'
import { firstFree, type Tenant, tenantCreated } from './tenant.ts'

export interface Quickstart {
  readonly connection: string
  /** Undefined when the connection has two accepted keys of which none can be shown. */
  readonly key: string | undefined
  readonly scimBaseUrl: string
}

interface Progress {
  readonly manager: EntityManager
  readonly parts: KeysParts
  readonly now: Date
  readonly events: AnyEvent[]
}

/**
 * The sandbox connection `quickstart` of tenant `acme` with a key that works: what is missing is made, with its
 * events, in one transaction. Instances that start together find one and the same.
 */
export async function ensureQuickstart(parts: KeysParts): Promise<Quickstart> {
  return parts.entities.transaction(async (manager, transaction) => {
    const progress: Progress = { manager, parts, now: parts.clock(), events: [] }
    await alone(manager, 'quickstart')
    const tenant = (await findTenantByName(manager, 'acme')) ?? (await makeTenant(progress))
    const connection =
      (await findConnectionByName(manager, tenant.id, 'quickstart')) ?? (await makeConnection(progress, tenant))
    const key = await showKey(progress, connection)
    parts.log.append(transaction, progress.events)
    return { connection: connection.id, key, scimBaseUrl: scimBaseUrl(parts.publicUrl, connection.id) }
  })
}

async function makeTenant({ manager, now, events }: Progress): Promise<Tenant> {
  const id = firstFree('acme', await idsGiven(manager, 'acme'))
  const tenant: Tenant = { id, name: 'acme', version: 1, createdAt: now }
  await insertTenant(manager, tenant)
  events.push(tenantCreated(tenant, undefined))
  return tenant
}

async function makeConnection({ manager, now, events }: Progress, tenant: Tenant): Promise<Connection> {
  const connection: Connection = {
    id: newConnectionId(),
    tenant: tenant.id,
    name: 'quickstart',
    environment: 'sandbox',
    identityProvider: 'other',
    state: 'enabled',
    settings: defaultSettings,
    schemas: [],
    version: 1,
    createdAt: now,
    deletedAt: null,
  }
  await insertConnection(manager, connection)
  events.push(connectionCreated(connection, undefined))
  return connection
}

async function showKey({ manager, parts, now, events }: Progress, connection: Connection): Promise<string | undefined> {
  const accepted = await acceptedKeys(manager, connection.id)
  for (const key of accepted) {
    const text = shownAgain(key, parts.peppers)
    if (text !== undefined) return text
  }
  if (accepted.length >= acceptedAtMost || connection.environment === 'live') return undefined
  const { key, text } = mint(connection, parts.peppers, now)
  await insertKey(manager, key)
  events.push(keyMinted(key, undefined))
  return text
}
