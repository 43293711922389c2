import type { EntityManager } from 'typeorm'
import type { Paging } from '#libs/http/index'
import type { TenantDataKey } from '../data-key.ts'
import type { Tenant } from '../tenant.ts'
import { removeDataKeys } from './data-keys.ts'
import { ConnectionRow, TenantRow } from './entities.ts'

/** Ids already given that are `id` or go on with a hyphen, deleted tenants' too. */
export async function idsGiven(manager: EntityManager, id: string): Promise<ReadonlySet<string>> {
  const rows = await manager
    .createQueryBuilder(TenantRow, 'tenant')
    .select(['tenant.id'])
    .where('tenant.id = :id OR starts_with(tenant.id, :more)', { id, more: `${id}-` })
    .getMany()
  return new Set(rows.map((row) => row.id))
}

/** Fails with a unique violation of `tenant_name`, or of the primary key. */
export async function insertTenant(manager: EntityManager, tenant: Tenant): Promise<void> {
  await manager.insert(TenantRow, { ...tenant, deletedAt: null })
}

export async function findTenant(manager: EntityManager, id: string): Promise<Tenant | undefined> {
  const [row] = await manager.find(TenantRow, { where: { id }, take: 1 })
  return row?.deletedAt === null ? row : undefined
}

export async function findTenantByName(manager: EntityManager, name: string): Promise<Tenant | undefined> {
  const row = await tenants(manager).andWhere('lower(tenant.name) = lower(:name)', { name }).getOne()
  return row ?? undefined
}

/** The tenant, deleted or not, which nobody else changes until the transaction ends. */
export async function lockTenant(
  manager: EntityManager,
  id: string,
): Promise<(Tenant & { readonly isDeleted: boolean }) | undefined> {
  const [row] = await manager.find(TenantRow, { where: { id }, take: 1, lock: { mode: 'pessimistic_write' } })
  if (row === undefined) return undefined
  const { name, version, createdAt, deletedAt } = row
  return { id, name, version, createdAt, isDeleted: deletedAt !== null }
}

/** Fails with a unique violation of `tenant_name`. */
export async function updateTenant(manager: EntityManager, { id, name, version }: Tenant): Promise<void> {
  await manager.update(TenantRow, { id }, { name, version })
}

/** One more than the page holds, by id; only `these`, where that is not null. */
export async function listTenants(
  manager: EntityManager,
  { limit, after }: Paging,
  name: string | undefined,
  these: readonly string[] | null,
): Promise<Tenant[]> {
  const query = tenants(manager)
  if (name !== undefined) query.andWhere('lower(tenant.name) = lower(:name)', { name })
  if (these !== null) query.andWhere('tenant.id = ANY(:these)', { these: [...these] })
  if (after !== undefined) query.andWhere('tenant.id > :id', { id: after[0] })
  return query
    .orderBy('tenant.id')
    .limit(limit + 1)
    .getMany()
}

/**
 * Deletes a tenant that the caller has locked and that has no connection but deleted ones.
 * Gives its data keys as they were before.
 */
export async function removeTenant(
  manager: EntityManager,
  { id, version }: Tenant,
  now: Date,
): Promise<TenantDataKey[]> {
  const dataKeys = await removeDataKeys(manager, id)
  await manager.delete(ConnectionRow, { tenant: id })
  await manager.update(TenantRow, { id }, { deletedAt: now, version: version + 1 })
  return dataKeys
}

function tenants(manager: EntityManager) {
  return manager.createQueryBuilder(TenantRow, 'tenant').where('tenant.deletedAt IS NULL')
}
