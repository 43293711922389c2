import type { Statement, Transaction } from '#libs/postgres/index'
import type { KeyUse } from '../last-use.ts'

/** `(SELECT $1)` hides the array's length from the planner, which would else plan anew for each. */
const record: Statement = {
  name: 'keys record uses',
  text: `
    INSERT INTO keys.key_use (connection, kid, at, address, user_agent)
    SELECT used.* FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), $3::timestamptz[], $4::text[], $5::text[])
      AS used (connection, kid, at, address, user_agent)
    WHERE EXISTS (
      SELECT FROM keys.provisioning_key AS key WHERE key.connection = used.connection AND key.kid = used.kid FOR KEY SHARE)
    ORDER BY used.connection, used.kid
    ON CONFLICT (connection, kid) DO UPDATE
      SET at = excluded.at, address = excluded.address, user_agent = excluded.user_agent
      WHERE key_use.at < excluded.at`,
}

/** One statement for all uses, at most one of each key. Never goes back in time; uses of keys that are gone are passed over. */
export async function recordUses(transaction: Transaction, uses: readonly KeyUse[]): Promise<void> {
  if (uses.length === 0) return
  await transaction.query(record, [
    uses.map((use) => use.connection),
    uses.map((use) => use.kid),
    uses.map((use) => use.at),
    uses.map((use) => use.address),
    uses.map((use) => use.userAgent),
  ])
}
