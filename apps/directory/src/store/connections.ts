import type { Queryable, Statement, Transaction } from '#libs/postgres/index'

/** Removes everything of these connections, for good: what still arrives for them later is passed over. */
export function removeConnections(transaction: Transaction, connections: readonly string[]): void {
  transaction.send(
    'INSERT INTO directory.deleted_connection (connection) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
    [connections],
  )
  for (const table of ['known_connection', 'membership', 'user_group', 'person']) {
    transaction.send(`DELETE FROM directory.${table} WHERE connection = ANY($1)`, [connections])
  }
}

const store: Statement = {
  name: 'directory store connections',
  text: `
    INSERT INTO directory.known_connection (connection, tenant)
    SELECT named.* FROM unnest($1::text[], $2::text[]) AS named (connection, tenant)
    WHERE NOT EXISTS (SELECT FROM directory.deleted_connection WHERE deleted_connection.connection = named.connection)
    ORDER BY 1 ON CONFLICT DO NOTHING`,
}

/** Whose each connection is; that never changes. */
export async function storeConnections(
  transaction: Transaction,
  known: readonly { readonly connection: string; readonly tenant: string }[],
): Promise<void> {
  const tenants = new Map(known.map(({ connection, tenant }) => [connection, tenant]))
  await transaction.query(store, [[...tenants.keys()], [...tenants.values()]])
}

const owner: Statement = {
  name: 'directory tenant of connection',
  text: 'SELECT tenant FROM directory.known_connection WHERE connection = $1',
}

export async function tenantOfConnection(database: Queryable, connection: string): Promise<string | undefined> {
  const [row] = await database.query<{ tenant: string }>(owner, [connection])
  return row?.tenant
}
