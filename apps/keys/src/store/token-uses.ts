import type { Statement, Transaction } from '#libs/postgres/index'
import type { TokenUse } from '../token-use.ts'

const record: Statement = {
  name: 'keys record token uses',
  text: `
    INSERT INTO keys.admin_token_use (token, at, address, user_agent)
    SELECT used.* FROM unnest((SELECT $1::text[]), $2::timestamptz[], $3::text[], $4::text[])
      AS used (token, at, address, user_agent)
    WHERE EXISTS (SELECT FROM keys.admin_token AS known WHERE known.id = used.token)
    ORDER BY used.token
    ON CONFLICT (token) DO UPDATE SET at = excluded.at, address = excluded.address, user_agent = excluded.user_agent
      WHERE admin_token_use.at <= excluded.at - interval '1 minute'`,
}

/** One statement for all uses, at most one of each token. Of each token a use a minute is written; the bootstrap token has none. */
export async function recordTokenUses(transaction: Transaction, uses: readonly TokenUse[]): Promise<void> {
  if (uses.length === 0) return
  await transaction.query(record, [
    uses.map((use) => use.token),
    uses.map((use) => use.at),
    uses.map((use) => use.address),
    uses.map((use) => use.userAgent),
  ])
}
