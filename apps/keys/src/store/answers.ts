import type { EntityManager } from 'typeorm'

export interface KeptAnswer<Answer> {
  readonly fingerprint: Buffer
  readonly answer: Answer
}

const keptFor = 24 * 60 * 60 * 1000
/** Expired answers removed with each new one: more than come in, so that they cannot pile up. */
const removedAtOnce = 20

/** False when another transaction holds the same key at this moment; otherwise nobody else does until this one ends. */
export async function holdKey(manager: EntityManager, tenant: string, key: string): Promise<boolean> {
  const [row] = await manager.query<{ held: boolean }[]>(
    'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
    [JSON.stringify(['keys answered', tenant, key])],
  )
  return row?.held === true
}

export async function findAnswer<Answer>(
  manager: EntityManager,
  tenant: string,
  key: string,
  now: Date,
): Promise<KeptAnswer<Answer> | undefined> {
  const [row] = await manager.query<KeptAnswer<Answer>[]>(
    'SELECT fingerprint, answer FROM keys.answered WHERE tenant = $1 AND idempotency_key = $2 AND expires_at > $3',
    [tenant, key, now],
  )
  return row
}

/** Keeps an answer for 24 hours. The caller holds the key. */
export async function keepAnswer(
  manager: EntityManager,
  tenant: string,
  key: string,
  { fingerprint, answer }: KeptAnswer<unknown>,
  now: Date,
): Promise<void> {
  await manager.query(
    `WITH expired AS (
       SELECT tenant, idempotency_key FROM keys.answered
       WHERE expires_at <= $5 AND (tenant, idempotency_key) <> ($1, $2)
       LIMIT ${removedAtOnce} FOR UPDATE SKIP LOCKED),
     removed AS (DELETE FROM keys.answered USING expired
       WHERE answered.tenant = expired.tenant AND answered.idempotency_key = expired.idempotency_key)
     INSERT INTO keys.answered (tenant, idempotency_key, fingerprint, answer, expires_at) VALUES ($1, $2, $3, $4, $6)
     ON CONFLICT (tenant, idempotency_key) DO UPDATE
       SET fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at`,
    [tenant, key, fingerprint, JSON.stringify(answer), now, new Date(now.getTime() + keptFor)],
  )
}
