import type { Peppers } from '#libs/credentials/index'
import { type AnyEvent, defaultSettings } from '#libs/events/index'
import type { EntityManager } from '#libs/postgres/index'
import { type Connection, connectionCreated, newConnectionId, scimBaseUrl } from './connection.ts'
import type { KeysParts } from './parts.ts'
import { keyMinted, mint, type ProvisioningKey, shownAgain } from './provisioning-key.ts'
import { alone } from './store/alone.ts'
import { findConnection, findConnectionByName, insertConnection } from './store/connections.ts'
import { acceptedKeys, insertKey } from './store/keys.ts'
import { firstConnection, noteFirstConnection } from './store/quickstart.ts'
import { findTenantByName, idsGiven, insertTenant } from './store/tenants.ts'
import { firstFree, type Tenant, tenantCreated } from './tenant.ts'

export interface Quickstart {
  readonly connection: string
  /** Undefined when the connection has no accepted key that can be shown. */
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
 * The sandbox connection `quickstart` of tenant `acme` with a key that works: made once, with its events, in one transaction, and found again
 * as it has become since; undefined once it was deleted. Instances that start together find one and the same.
 */
export async function ensureQuickstart(parts: KeysParts): Promise<Quickstart | undefined> {
  return parts.entities.transaction(async (manager, transaction) => {
    const progress: Progress = { manager, parts, now: parts.clock(), events: [] }
    await alone(manager, 'quickstart')
    const made = await firstConnection(manager)
    const connection = made === undefined ? await makeQuickstart(progress) : await findConnection(manager, made)
    if (connection === undefined) return undefined
    const accepted = await acceptedKeys(manager, connection.id)
    parts.log.append(transaction, progress.events)
    return {
      connection: connection.id,
      key: firstShown(accepted, parts.peppers),
      scimBaseUrl: scimBaseUrl(parts.publicUrl, connection.id),
    }
  })
}

/** With a tenant or a connection of these names that is there already, as it is. */
async function makeQuickstart(progress: Progress): Promise<Connection> {
  const { manager } = progress
  const tenant = (await findTenantByName(manager, 'acme')) ?? (await makeTenant(progress))
  const found = await findConnectionByName(manager, tenant.id, 'quickstart')
  const connection = found ?? (await makeConnection(progress, tenant))
  if (found === undefined) await makeKey(progress, connection)
  await noteFirstConnection(manager, connection.id)
  return connection
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

async function makeKey({ manager, parts, now, events }: Progress, connection: Connection): Promise<void> {
  const { key } = mint(connection, parts.peppers, now)
  await insertKey(manager, key)
  events.push(keyMinted(key, undefined))
}

function firstShown(accepted: readonly ProvisioningKey[], peppers: Peppers): string | undefined {
  for (const key of accepted) {
    const text = shownAgain(key, peppers)
    if (text !== undefined) return text
  }
  return undefined
}
