import { type About, stateOf, tagOf } from '#libs/admin/index'
import type { ConnectionSchema, KeyPolicy } from '#libs/events/index'
import { schemaDocument } from '#libs/scim/index'
import type { AdminToken } from '../admin-token.ts'
import { type Connection, scimBaseUrl } from '../connection.ts'
import type { KeyUses, LastUse } from '../last-use.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { type Rotation, told } from '../rotation.ts'
import { policyIn, type RotationPlan } from '../rotation-policy.ts'
import { isStillUsed } from '../settle.ts'
import type { Tenant } from '../tenant.ts'

/** Tenants, connections and keys as the admin API answers them, and the entity tag of each: the same whether it is read or was just written. */

export function tenantAnswer({ id, name, createdAt }: Tenant) {
  return { id, name, createdAt: createdAt.toISOString() }
}

export function tenantTag({ version }: Tenant): string {
  return tagOf(version)
}

export function connectionAnswer(connection: Connection, publicUrl: string) {
  const { id, tenant, name, environment, identityProvider, state, settings, schemas, createdAt, deletedAt } = connection
  return {
    id,
    tenant,
    name,
    environment,
    identityProvider,
    state,
    settings,
    schemas: schemas.map(({ document }) => document.id),
    scimBaseUrl: scimBaseUrl(publicUrl, id),
    createdAt: createdAt.toISOString(),
    deletedAt: deletedAt?.toISOString() ?? null,
  }
}

export function connectionTag({ version }: Connection): string {
  return tagOf(version)
}

/** `document` can be changed and sent back by PUT. */
export function schemaAnswer({ resourceType, required, document }: ConnectionSchema, inUse: boolean) {
  return { id: document.id, resourceType, required, inUse, document: schemaDocument(document) }
}

export function schemaTag(schema: ConnectionSchema, inUse: boolean): string {
  return tagOf(stateOf(schema), inUse)
}

/** Never with its text. `keyShown` says whether that can be seen again. */
export function keyAnswer(key: ProvisioningKey, publicUrl: string, uses?: KeyUses) {
  const { kid, connection, tenant, environment, state, createdAt, activatedAt, retiredAt, until } = key
  const { exposedAt, endedAt } = key
  return {
    kid,
    connection,
    tenant,
    environment,
    state,
    scimBaseUrl: scimBaseUrl(publicUrl, connection),
    createdAt: createdAt.toISOString(),
    activatedAt: activatedAt?.toISOString() ?? null,
    retiredAt: retiredAt?.toISOString() ?? null,
    until: until?.toISOString() ?? null,
    exposedAt: exposedAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    policy: policyAnswer(key.policy),
    firstUsed: told(uses?.first),
    lastUsed: told(uses?.last),
    keyShown: environment === 'live' ? ('once' as const) : ('again' as const),
    revealable: key.unrevealed !== null,
    pepperVersion: key.pepperVersion,
  }
}

/** Its end, its uses, its digest and whether it can be revealed change without a version of its own. */
export function keyTag({ version, until, unrevealed, pepperVersion }: ProvisioningKey, uses?: KeyUses): string {
  const [first, last] = [told(uses?.first), told(uses?.last)]
  return tagOf(version, [first, last, until?.toISOString() ?? null, unrevealed !== null, pepperVersion])
}

/** `dueAt`: when the present key is to be replaced, and `mintAt` when the next is minted, by the schedule. */
export function rotationPolicyAnswer(plan: RotationPlan) {
  const { connection, mode, everyDays, graceHours, mintAheadDays, dueAt, mintAt } = plan
  return {
    connection,
    mode,
    everyDays,
    graceHours,
    mintAheadDays,
    dueAt: dueAt?.toISOString() ?? null,
    mintAt: mintAt?.toISOString() ?? null,
  }
}

export function rotationPolicyTag(plan: RotationPlan): string {
  return tagOf(stateOf(policyIn(plan)), [plan.dueAt, plan.mintAt])
}

/** What proves, or does not yet, that a new key has taken over. */
export function rotationAnswer(rotation: Rotation, uses: ReadonlyMap<string, KeyUses>) {
  const { startedAt, dueAt, hardEnd, cutOverAt, until, endedAt, from, to, version: _, ...rest } = rotation
  const [old, next] = [uses.get(from), uses.get(to)]
  return {
    ...rest,
    startedAt: startedAt.toISOString(),
    dueAt: dueAt.toISOString(),
    hardEnd: hardEnd?.toISOString() ?? null,
    cutOverAt: cutOverAt?.toISOString() ?? null,
    until: until?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    newKey: { kid: to, firstUsed: told(next?.first), lastUsed: told(next?.last) },
    oldKey: { kid: from, lastUsed: told(old?.last), stillUsed: isStillUsed({ uses }, rotation) },
  }
}

/** Without the secret that signs. */
function policyAnswer({ authentication, ...policy }: KeyPolicy) {
  if (!('sealed' in authentication)) return { authentication, ...policy }
  const { sealed: _, ...shown } = authentication
  return { authentication: shown, ...policy }
}

/** Never with its text. */
export function tokenAnswer(token: AdminToken, now: Date, lastUse?: LastUse) {
  const { id, name, scopes, tenants, allowlist, expiresAt, createdAt, createdBy, revokedAt, pepperVersion } = token
  const hasExpired = expiresAt !== null && expiresAt <= now
  return {
    id,
    name,
    state: revokedAt === null ? (hasExpired ? ('expired' as const) : ('active' as const)) : ('revoked' as const),
    scopes: [...scopes],
    tenants: tenants === null ? null : [...tenants],
    allowlist: [...allowlist],
    expiresAt: expiresAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    createdBy,
    revokedAt: revokedAt?.toISOString() ?? null,
    lastUsed: told(lastUse),
    pepperVersion,
  }
}

export function tokenTag(
  { version }: AdminToken,
  { lastUsed, state, pepperVersion }: ReturnType<typeof tokenAnswer>,
): string {
  return tagOf(version, [lastUsed, state, pepperVersion])
}

export function aboutToken({ id, tenants }: AdminToken): Partial<About> {
  return { tenant: tenants?.length === 1 ? (tenants[0] ?? null) : null, subject: { kind: 'admin-token', id } }
}

export function aboutTenant({ id }: Tenant): Partial<About> {
  return { tenant: id, subject: { kind: 'tenant', id } }
}

export function aboutConnection({ id, tenant, environment, identityProvider }: Connection): Partial<About> {
  return { tenant, connection: id, environment, identityProvider, subject: { kind: 'connection', id } }
}

export function aboutKey({ kid, tenant, connection, environment }: ProvisioningKey): Partial<About> {
  return { tenant, connection, environment, subject: { kind: 'key', id: kid } }
}

export function aboutRotation(connection: Connection, id: string): Partial<About> {
  return { ...aboutConnection(connection), subject: { kind: 'rotation', id } }
}

export function aboutSchema(connection: Connection, { document }: ConnectionSchema): Partial<About> {
  return { ...aboutConnection(connection), subject: { kind: 'schema', id: document.id } }
}
