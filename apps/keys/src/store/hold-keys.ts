import type { Statement, Transaction } from '#libs/postgres/index'

interface OfConnection {
  readonly connection: string
  readonly kid: string
}

const hold: Statement = {
  name: 'keys hold keys',
  text: `
    SELECT FROM keys.provisioning_key AS key
    WHERE (key.connection, key.kid) IN (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[])))
    ORDER BY key.connection, key.kid
    FOR NO KEY UPDATE`,
}

/** Nobody else changes these keys until the transaction ends. They are locked by connection and kid, as by whoever acts on them. */
export async function holdKeys(transaction: Transaction, keys: readonly OfConnection[]): Promise<void> {
  await transaction.query(hold, [keys.map(({ connection }) => connection), keys.map(({ kid }) => kid)])
}
