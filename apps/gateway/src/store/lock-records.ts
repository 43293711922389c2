import type { Transaction } from '#libs/postgres/index'
import { storedResource } from '#libs/scim/index'
import type { ScimRecord } from '../record.ts'
import * as statements from './statements.ts'

interface LockedRow extends Omit<ScimRecord, 'document'> {
  readonly connection: string
  readonly document: string
}

/** The records that stand, which nobody else changes until the transaction ends, by `lockKey`. */
export async function lockRecords(
  transaction: Transaction,
  name: 'User' | 'Group',
  [connections, ids]: readonly [readonly string[], readonly string[]],
): Promise<[string, ScimRecord][]> {
  if (ids.length === 0) return []
  const statement = name === 'User' ? statements.lockUsers : statements.lockGroups
  const found = await transaction.query<LockedRow>(statement, [connections, ids])
  return found.map((row) => [lockKey(row.connection, name, row.id), { ...row, document: storedResource(row.document) }])
}

export function lockKey(connection: string, type: string, id: string): string {
  return `${connection} ${type} ${id}`
}
