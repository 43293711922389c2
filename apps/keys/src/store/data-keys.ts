import type { EntityManager, FindOptionsWhere } from 'typeorm'
import { Not } from 'typeorm'
import type { Paging } from '#libs/http/index'
import type { KekStatus } from '#libs/sealing/index'
import type { TenantDataKey } from '../data-key.ts'
import { DataKeyRow } from './entities.ts'

/** The one that new secrets of the tenant are sealed under; undefined while there is none. */
export async function findDataKey(manager: EntityManager, tenant: string): Promise<TenantDataKey | undefined> {
  const [row] = await manager.find(DataKeyRow, { where: { tenant }, order: { createdAt: 'DESC', id: 'ASC' }, take: 1 })
  return row
}

/** That one of the tenant's. */
export async function dataKeyById(
  manager: EntityManager,
  tenant: string,
  id: string,
): Promise<TenantDataKey | undefined> {
  const [row] = await manager.find(DataKeyRow, { where: { tenant, id }, take: 1 })
  return row
}

export async function insertDataKey(manager: EntityManager, key: TenantDataKey): Promise<void> {
  await manager.insert(DataKeyRow, key)
}

/** Data keys that another KEK, or another version of it, has wrapped: one more than the page holds, by tenant and id. */
export function outdatedDataKeys(
  manager: EntityManager,
  present: KekStatus,
  { limit, after }: Paging,
): Promise<TenantDataKey[]> {
  const query = manager
    .createQueryBuilder(DataKeyRow, 'key')
    .where('(key.kekId, key.kekVersion) <> (:kek, :version)', { kek: present.id, version: present.version })
  if (after !== undefined) query.andWhere('(key.tenant, key.id) > (:tenant, :id)', { tenant: after[0], id: after[1] })
  return query
    .orderBy('key.tenant')
    .addOrderBy('key.id')
    .limit(limit + 1)
    .getMany()
}

export async function countDataKeys(
  manager: EntityManager,
  present: KekStatus,
): Promise<{ readonly all: number; readonly outdated: number }> {
  const [all, outdated] = await Promise.all([
    manager.count(DataKeyRow),
    manager.count(DataKeyRow, { where: isOutdated(present) }),
  ])
  return { all, outdated }
}

/** False when it is not as it was any more: somebody else wrapped or destroyed it. */
export async function updateWrapped(
  manager: EntityManager,
  before: TenantDataKey,
  after: TenantDataKey,
): Promise<boolean> {
  const { tenant, id, version } = before
  const { kekId, kekVersion, wrapped } = after
  const changes = { kekId, kekVersion, wrapped, version: after.version }
  const { affected } = await manager.update(DataKeyRow, { tenant, id, version }, changes)
  return affected === 1
}

/** Those of a tenant, which are gone after it. */
export async function removeDataKeys(manager: EntityManager, tenant: string): Promise<TenantDataKey[]> {
  const keys = await manager.find(DataKeyRow, { where: { tenant }, lock: { mode: 'pessimistic_write' } })
  await manager.delete(DataKeyRow, { tenant })
  return keys
}

function isOutdated({ id, version }: KekStatus): FindOptionsWhere<DataKeyRow>[] {
  return [{ kekId: Not(id) }, { kekId: id, kekVersion: Not(version) }]
}
