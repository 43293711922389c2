import type { Transaction } from '#libs/postgres/index'

/** Removes everything of these connections, for good: what still arrives for them later is passed over. */
export function removeConnections(transaction: Transaction, connections: readonly string[]): void {
  transaction.send(
    'INSERT INTO directory.deleted_connection (connection) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
    [connections],
  )
  for (const table of ['membership', 'user_group', 'person']) {
    transaction.send(`DELETE FROM directory.${table} WHERE connection = ANY($1)`, [connections])
  }
}
