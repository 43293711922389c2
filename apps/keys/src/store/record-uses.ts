import type { Statement, Transaction } from '#libs/postgres/index'
import type { KeyUse } from '../last-use.ts'

/** `(SELECT $1)` hides the array's length from the planner, which would else plan anew for each. */
const record: Statement = {
  name: 'keys record uses',
  text: `
    INSERT INTO keys.key_use (connection, kid, at, address, user_agent, first_at, first_address, first_user_agent)
    SELECT used.connection, used.kid, used.at, used.address, used.user_agent,
      CASE WHEN key.activated_at IS NULL THEN used.first_at END,
      CASE WHEN key.activated_at IS NULL THEN used.first_address END,
      CASE WHEN key.activated_at IS NULL THEN used.first_user_agent END
    FROM (
      SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), $3::timestamptz[], $4::text[], $5::text[],
          $6::timestamptz[], $7::text[], $8::text[])
        AS sent (connection, kid, at, address, user_agent, first_at, first_address, first_user_agent)
      ORDER BY sent.connection, sent.kid) AS used
    CROSS JOIN LATERAL (
      SELECT k.activated_at FROM keys.provisioning_key AS k WHERE k.connection = used.connection AND k.kid = used.kid FOR KEY SHARE) AS key
    ORDER BY used.connection, used.kid
    ON CONFLICT (connection, kid) DO UPDATE SET
      at = greatest(key_use.at, excluded.at),
      address = CASE WHEN excluded.at > key_use.at THEN excluded.address ELSE key_use.address END,
      user_agent = CASE WHEN excluded.at > key_use.at THEN excluded.user_agent ELSE key_use.user_agent END,
      first_at = least(key_use.first_at, excluded.first_at),
      first_address = CASE WHEN key_use.first_at <= excluded.first_at OR excluded.first_at IS NULL
        THEN key_use.first_address ELSE excluded.first_address END,
      first_user_agent = CASE WHEN key_use.first_at <= excluded.first_at OR excluded.first_at IS NULL
        THEN key_use.first_user_agent ELSE excluded.first_user_agent END
    WHERE excluded.at >= key_use.at + interval '1 minute'
      OR (excluded.at > key_use.at
        AND ((excluded.address, excluded.user_agent) IS DISTINCT FROM (key_use.address, key_use.user_agent)
          OR EXISTS (
            SELECT FROM keys.rotation AS r
            WHERE r.connection = excluded.connection AND (r.state = 'running' OR r.ended_at >= excluded.at))))
      OR excluded.first_at < coalesce(key_use.first_at, 'infinity')`,
}

/** What a pending key was used for is to be looked at, at once. */
const look: Statement = {
  name: 'keys look at first uses',
  text: `
    INSERT INTO keys.next_look (connection, at)
    SELECT DISTINCT used.connection, '-infinity'::timestamptz
    FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS used (connection, kid)
    WHERE EXISTS (
      SELECT FROM keys.provisioning_key AS key
      WHERE key.connection = used.connection AND key.kid = used.kid AND key.state = 'pending')
    ORDER BY used.connection
    ON CONFLICT (connection) DO UPDATE SET at = excluded.at`,
}

/**
 * One statement for all uses, at most one of each key. A last use never goes back in time. One from the same client within a minute of the one that
 * is known is passed over, unless a rotation ran at that time: its report proves the cut-over. A first use is one of a key that is pending, or ended as such while a gateway did not know yet: the earliest. Uses of keys
 * that are gone are passed over.
 */
export async function recordUses(transaction: Transaction, uses: readonly KeyUse[]): Promise<void> {
  if (uses.length === 0) return
  await transaction.query(record, [
    uses.map((use) => use.connection),
    uses.map((use) => use.kid),
    uses.map((use) => use.at),
    uses.map((use) => use.address),
    uses.map((use) => use.userAgent),
    uses.map((use) => use.first.at),
    uses.map((use) => use.first.address),
    uses.map((use) => use.first.userAgent),
  ])
}

/**
 * Has the worker look at the connections whose pending keys were used. To be the last statement of its transaction: who changes a connection
 * holds its row before that of its next look.
 */
export async function lookAtFirstUses(transaction: Transaction, uses: readonly KeyUse[]): Promise<void> {
  if (uses.length === 0) return
  await transaction.query(look, [uses.map((use) => use.connection), uses.map((use) => use.kid)])
}
