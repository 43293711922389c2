import { type EntityManager, In } from 'typeorm'
import type { Kid } from '#libs/credentials/index'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { KeyRow } from './entities.ts'

/** Those that there are, of whatever connection, by one query. */
export async function keysNamed(
  manager: EntityManager,
  kids: readonly Kid[],
): Promise<ReadonlyMap<Kid, ProvisioningKey>> {
  const rows = kids.length === 0 ? [] : await manager.find(KeyRow, { where: { kid: In([...new Set(kids)]) } })
  return new Map(rows.map((row) => [row.kid, row]))
}
