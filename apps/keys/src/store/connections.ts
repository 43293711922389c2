import type { EntityManager } from 'typeorm'
import type { Paging } from '#libs/http/index'
import type { Connection } from '../connection.ts'
import { ConnectionRow, TenantRow } from './entities.ts'

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
  const [row] = await manager.find(ConnectionRow, { where: { id }, take: 1 })
  return row
}

/** The connection, which nobody else changes or mints keys for until the transaction ends. */
export async function lockConnection(manager: EntityManager, id: string): Promise<Connection | undefined> {
  const [row] = await manager.find(ConnectionRow, { where: { id }, take: 1, lock: { mode: 'pessimistic_write' } })
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
  if (intent === 'change') query.setLock('pessimistic_write')
  return (await query.getOne()) ?? undefined
}

/** Fails with a unique violation of `connection_name`. */
export async function updateConnection(manager: EntityManager, after: Connection): Promise<void> {
  const { id, name, identityProvider, state, settings, schemas, version } = after
  await manager.update(ConnectionRow, { id }, { name, identityProvider, state, settings, schemas, version })
}

/** One more than the page holds, oldest first; of these tenants, or of all. */
export async function listConnections(
  manager: EntityManager,
  { limit, after }: Paging,
  tenants: readonly string[] | null,
): Promise<Connection[]> {
  const query = manager.createQueryBuilder(ConnectionRow, 'connection')
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
