import type { Transaction } from '#libs/postgres/index'
import * as statements from './statements.ts'

/**
 * Keeps these connections from being deleted until the transaction ends; false where one is deleted, or about to be. One round
 * trip. What is deleted with its connection must not get company: the deletion waits for the transaction, or has begun before it.
 */
export async function holdConnections(transaction: Transaction, connections: readonly string[]): Promise<boolean> {
  const [shared, standing] = await Promise.all([
    transaction.query(statements.shareConnections, [connections]),
    transaction.query(statements.standingConnections, [connections]),
  ])
  return Math.min(shared.length, standing.length) === connections.length
}
