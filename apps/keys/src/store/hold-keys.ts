import type { Statement, Transaction } from '#libs/postgres/index'

interface OfConnection {
  readonly connection: string
}

/** `(SELECT $1)` hides the array's length from the planner, which would else plan anew for each. */
const holdByKid: Statement = {
  name: 'keys hold keys',
  text: `
    SELECT FROM keys.provisioning_key AS key
    WHERE (key.connection, key.kid) IN (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[])))
    ORDER BY key.connection, key.kid
    FOR NO KEY UPDATE`,
}

const holdById: Statement = {
  name: 'keys hold connections',
  text: `
    SELECT FROM keys.connection AS c WHERE c.id IN (SELECT * FROM unnest((SELECT $1::text[]))) ORDER BY c.id FOR KEY SHARE`,
}

/** Nobody else changes these keys until the transaction ends. They are locked by connection and kid, as by whoever acts on them. */
export async function holdKeys(
  transaction: Transaction,
  keys: readonly (OfConnection & { readonly kid: string })[],
): Promise<void> {
  if (keys.length === 0) return
  await transaction.query(holdByKid, [keys.map(({ connection }) => connection), keys.map(({ kid }) => kid)])
}

/** Nobody acts on these connections until the transaction ends. To be held before keys, as by whoever acts on them. */
export async function holdConnections(transaction: Transaction, of: readonly OfConnection[]): Promise<void> {
  if (of.length === 0) return
  await transaction.query(holdById, [of.map(({ connection }) => connection)])
}
