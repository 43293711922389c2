import { type EntityManager, In } from 'typeorm'
import type { Kid } from '#libs/credentials/index'
import type { Paging } from '#libs/http/index'
import type { KeyUses } from '../last-use.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { acceptedStates, KeyRow, KeyUseRow } from './entities.ts'

export async function insertKey(manager: EntityManager, key: ProvisioningKey): Promise<void> {
  await manager.insert(KeyRow, { ...key, digest: Buffer.from(key.digest) })
}

/** At most two. */
export function acceptedKeys(manager: EntityManager, connection: string): Promise<ProvisioningKey[]> {
  return manager.find(KeyRow, { where: { connection, state: acceptedStates }, order: { createdAt: 'ASC', kid: 'ASC' } })
}

/** Whether a key was ever minted for the connection, those no longer accepted too. */
export function hasHadKeys(manager: EntityManager, connection: string): Promise<boolean> {
  return manager.exists(KeyRow, { where: { connection } })
}

export async function findKey(manager: EntityManager, kid: Kid): Promise<ProvisioningKey | undefined> {
  const [row] = await manager.find(KeyRow, { where: { kid }, take: 1 })
  return row
}

/**
 * The accepted keys of the connection and those named, whatever has become of them, oldest first; nobody else changes them until the transaction
 * ends. The caller holds the connection. Followers change keys without holding that: they lock them in the same order, and before any next look.
 */
export async function lockKeys(
  manager: EntityManager,
  connection: string,
  named: readonly Kid[],
): Promise<ProvisioningKey[]> {
  const keys = await manager.find(KeyRow, {
    where: [
      { connection, state: acceptedStates },
      { connection, kid: In([...named]) },
    ],
    order: { kid: 'ASC' },
    lock: { mode: 'for_no_key_update' },
  })
  return keys.toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime())
}

/** Writes what an act may change of a key. Its digest and whether it was exposed are what followers have heard of. */
export async function updateKey(manager: EntityManager, after: ProvisioningKey): Promise<void> {
  const { connection, kid, state, version, policy, sealed, unrevealed, activatedAt, retiredAt, until, endedAt } = after
  const changing = { state, version, policy, sealed, unrevealed, activatedAt, retiredAt, until, endedAt }
  await manager.update(KeyRow, { connection, kid }, changing)
}

/** One more than the page holds, newest first. */
export async function listKeys(
  manager: EntityManager,
  { limit, after }: Paging,
  connection: string,
): Promise<ProvisioningKey[]> {
  const query = manager.createQueryBuilder(KeyRow, 'key').where('key.connection = :connection', { connection })
  if (after !== undefined) {
    query.andWhere('(key.createdAt, key.kid) < (:at::timestamptz, :kid)', { at: after[0], kid: after[1] })
  }
  return query
    .orderBy('key.createdAt', 'DESC')
    .addOrderBy('key.kid', 'DESC')
    .limit(limit + 1)
    .getMany()
}

/** By kid; nothing for a key that was never used. */
export async function usesOf(
  manager: EntityManager,
  connection: string,
  kids: readonly Kid[],
): Promise<ReadonlyMap<string, KeyUses>> {
  const rows = await manager.find(KeyUseRow, { where: { connection, kid: In([...kids]) } })
  return new Map(rows.map((row) => [row.kid, uses(row)]))
}

function uses({ at, address, userAgent, firstAt, firstAddress, firstUserAgent }: KeyUseRow): KeyUses {
  return {
    last: { at, address, userAgent },
    first:
      firstAt === null || firstAddress === null
        ? null
        : { at: firstAt, address: firstAddress, userAgent: firstUserAgent },
  }
}
