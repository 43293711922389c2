import type { EntityManager } from 'typeorm'
import type { Statement, Transaction } from '#libs/postgres/index'
import type { SchemaUse } from '../schema-use.ts'

/** `(SELECT $1)` hides the array's length from the planner, which would else plan anew for each. */
const record: Statement = {
  name: 'keys record schema uses',
  text: `
    INSERT INTO keys.schema_use (connection, schema)
    SELECT used.connection, used.schema FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS used (connection, schema)
    WHERE EXISTS (
      SELECT FROM keys.connection AS c WHERE c.id = used.connection
        AND c.schemas @> jsonb_build_array(jsonb_build_object('document', jsonb_build_object('id', used.schema))))
    ORDER BY used.connection, used.schema
    ON CONFLICT DO NOTHING`,
}

/** Uses of schemas that the connection does not have as its own are passed over. The caller holds the connections. */
export async function recordSchemaUses(transaction: Transaction, uses: readonly SchemaUse[]): Promise<void> {
  if (uses.length === 0) return
  await transaction.query(record, [uses.map((use) => use.connection), uses.map((use) => use.schema)])
}

/** URNs of the connection's own schemas that requests have written values of, as far as that has been heard. */
export async function schemasInUse(manager: EntityManager, connection: string): Promise<ReadonlySet<string>> {
  const rows = await manager.query<{ schema: string }[]>('SELECT schema FROM keys.schema_use WHERE connection = $1', [
    connection,
  ])
  return new Set(rows.map((row) => row.schema))
}
