import { type EntityManager, IsNull } from 'typeorm'
import type { Paging } from '#libs/http/index'
import type { Connection } from '../connection.ts'
import { ConnectionRow, KeyRow, RotationPlanRow, RotationRow, TenantRow } from './entities.ts'
import { forgetLook } from './looks.ts'

/** Whether the tenant is there; it stays so until the transaction ends. */
export async function holdTenant(manager: EntityManager, tenant: string): Promise<boolean> {
  const [row] = await manager.find(TenantRow, { where: { id: tenant }, take: 1, lock: { mode: 'for_key_share' } })
  return row?.deletedAt === null
}

/** Fails with a unique violation of `connection_name`. */
export async function insertConnection(manager: EntityManager, connection: Connection): Promise<void> {
  await manager.insert(ConnectionRow, connection)
}

export async function findConnection(manager: EntityManager, id: string): Promise<Connection | undefined> {
  const [row] = await manager.find(ConnectionRow, { where: { id, deletedAt: IsNull() }, take: 1 })
  return row
}

/** The tenant of a connection, be it deleted. */
export async function tenantOfConnection(manager: EntityManager, id: string): Promise<string | undefined> {
  const [row] = await manager.find(ConnectionRow, { where: { id }, take: 1 })
  return row?.tenant
}

/** How many connections of the tenant stand. */
export function countConnections(manager: EntityManager, tenant: string): Promise<number> {
  return manager.countBy(ConnectionRow, { tenant, deletedAt: IsNull() })
}

/** The connection, which nobody else changes or mints keys for until the transaction ends. */
export async function lockConnection(manager: EntityManager, id: string): Promise<Connection | undefined> {
  const lock = { mode: 'pessimistic_write' } as const
  const [row] = await manager.find(ConnectionRow, { where: { id, deletedAt: IsNull() }, take: 1, lock })
  return row
}

/** In any letter case. Unless it is only read, nobody else changes it until the transaction ends. */
export async function findConnectionByName(
  manager: EntityManager,
  tenant: string,
  name: string,
  intent: 'read' | 'change' = 'change',
): Promise<Connection | undefined> {
  const query = manager
    .createQueryBuilder(ConnectionRow, 'connection')
    .where('connection.tenant = :tenant AND lower(connection.name) = lower(:name)', { tenant, name })
    .andWhere('connection.deletedAt IS NULL')
  if (intent === 'change') query.setLock('pessimistic_write')
  return (await query.getOne()) ?? undefined
}

/** Fails with a unique violation of `connection_name`. */
export async function updateConnection(manager: EntityManager, after: Connection): Promise<void> {
  const { id, name, identityProvider, state, settings, schemas, version } = after
  await manager.update(ConnectionRow, { id }, { name, identityProvider, state, settings, schemas, version })
}

/** Locks the keys as their removal does, before anything of a later kind: whoever records a first use holds the key, and then a next look. */
export async function lockKeysForRemoval(manager: EntityManager, { id }: Connection): Promise<void> {
  await manager.query('SELECT FROM keys.provisioning_key WHERE connection = $1 ORDER BY kid FOR UPDATE', [id])
}

/** Removes all of it but its own row, which nobody finds from now on but who asks for deleted ones; its name is free. The caller has locked it. */
export async function removeConnection(manager: EntityManager, { id, version }: Connection, now: Date): Promise<void> {
  for (const row of [KeyRow, RotationRow, RotationPlanRow]) await manager.delete(row, { connection: id })
  await manager.query('DELETE FROM keys.schema_use WHERE connection = $1', [id])
  await forgetLook(manager, id)
  await manager.update(ConnectionRow, { id }, { schemas: [], deletedAt: now, version: version + 1 })
}

/** One more than the page holds, oldest first; of these tenants, or of all. Those that stand, or those that were deleted. */
export async function listConnections(
  manager: EntityManager,
  { limit, after }: Paging,
  tenants: readonly string[] | null,
  which: 'standing' | 'deleted',
): Promise<Connection[]> {
  const query = manager
    .createQueryBuilder(ConnectionRow, 'connection')
    .where(`connection.deletedAt IS ${which === 'deleted' ? 'NOT NULL' : 'NULL'}`)
  if (tenants !== null) query.andWhere('connection.tenant = ANY(:tenants)', { tenants: [...tenants] })
  if (after !== undefined) {
    query.andWhere('(connection.createdAt, connection.id) > (:at::timestamptz, :id)', { at: after[0], id: after[1] })
  }
  return query
    .orderBy('connection.createdAt')
    .addOrderBy('connection.id')
    .limit(limit + 1)
    .getMany()
}
