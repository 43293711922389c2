import { problems } from '#libs/http/index'
import type { Database, Queryable } from '#libs/postgres/index'
import { type About, aboutNothing, type AdminCall } from '../admin-call.ts'
import { type IdempotencyKey, type Identified, readIdempotencyKey, type Replayable } from '../idempotency.ts'

/** The table `answered` of a service's schema, for use in its migrations. A pending request has the answer null. */
export const AnsweredTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.answered (
      tenant text NOT NULL,
      idempotency_key text NOT NULL,
      fingerprint bytea NOT NULL,
      answer jsonb NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (tenant, idempotency_key)
    );
    CREATE INDEX answered_expiry ON ${schema}.answered (expires_at);`,
  drop: (schema: string): string => `DROP TABLE ${schema}.answered;`,
}

const keptFor = 24 * 60 * 60 * 1000
/** Milliseconds after which a request that never came to its end, with its process, may be done again. */
const pendingFor = 60_000
/** Expired answers removed with each new one: more than come in, so that they cannot pile up. */
const removedAtOnce = 20

/** What is answered, and what the call turned out to be about. */
interface Answer<Body> {
  readonly about: About
  readonly body: Body
  /** It made what was not there: 201. */
  readonly made?: boolean
  /** The entity tag of what was there then. */
  readonly tag?: string | undefined
}

interface Row {
  readonly fingerprint: Buffer
  readonly answer: Answer<never> | null
}

/** A call, as far as its answer can be kept and given again. */
export type Repeatable = Identified & Pick<AdminCall, 'about' | 'made' | 'tag'>

export interface Answered<Body> {
  readonly body: Body
  /** Given again: the work was not done now. */
  readonly repeated: boolean
}

/**
 * The answers of a service's writes, each kept for 24 hours under its Idempotency-Key, of a tenant ('' where the address names none).
 * Work whose key came before is not done again: its first answer is given. Refusals are not kept: they changed nothing, and the
 * corrected request may use the same key. Both ways throw Problem `idempotencyKeyInUse`, `idempotencyKeyReused`, `badRequest`.
 */
export class KeptAnswers {
  readonly #schema: string

  /** `schema` has the table of `AnsweredTables`. */
  constructor(schema: string) {
    this.#schema = schema
  }

  /** Keeps the answer in the transaction of the work: both are, or neither. `work` says by `call.about` what it was about. */
  async within<Body extends Replayable>(
    transaction: Queryable,
    call: Repeatable,
    tenant: string | undefined,
    now: Date,
    work: () => Promise<Body>,
  ): Promise<Answered<Body>> {
    const key = tenant === undefined ? undefined : readIdempotencyKey(call)
    if (key === undefined || tenant === undefined) return { body: await work(), repeated: false }
    const kept = await this.#take<Body>(transaction, tenant, key, now)
    if (kept !== undefined) return repeated(call, kept)
    const body = await work()
    await this.#keep(transaction, tenant, key, answerOf(call, body), now, keptFor)
    return { body, repeated: false }
  }

  /**
   * For work that has transactions of its own: the key is taken before, and the answer kept after it. Should the process end in
   * between, the key is free again after a minute, and the work may be done a second time.
   */
  async around<Body extends Replayable>(
    database: Database,
    call: Repeatable,
    tenant: string,
    clock: () => Date,
    work: () => Promise<Body>,
  ): Promise<Answered<Body>> {
    const key = readIdempotencyKey(call)
    if (key === undefined) return { body: await work(), repeated: false }
    const kept = await database.transaction(async (transaction) => {
      const found = await this.#take<Body>(transaction, tenant, key, clock())
      if (found === undefined) await this.#keep(transaction, tenant, key, null, clock(), pendingFor)
      return found
    }, 'a request waits')
    if (kept !== undefined) return repeated(call, kept)
    try {
      const body = await work()
      await this.#keep(database, tenant, key, answerOf(call, body), clock(), keptFor)
      return { body, repeated: false }
    } catch (error) {
      // What cannot be freed now is so in a minute.
      await this.#free(database, tenant, key).catch(() => undefined)
      throw error
    }
  }

  /** Whether an answer is kept for it: what it would have to wait for need not be waited for. */
  async has(from: Queryable, call: Repeatable, tenant: string, now: Date): Promise<boolean> {
    const key = readIdempotencyKey(call)
    if (key === undefined) return false
    const row = await this.#find(from, tenant, key, now)
    return row !== undefined && row.answer !== null && key.fingerprint.equals(row.fingerprint)
  }

  /** Removes what is kept no longer, also where no more answers come. */
  async forget(database: Database, now: Date): Promise<void> {
    await database.query(`DELETE FROM ${this.#schema}.answered WHERE expires_at <= $1`, [now])
  }

  /** What was kept, or undefined and nobody else has the key until the transaction ends. */
  async #take<Body>(
    transaction: Queryable,
    tenant: string,
    key: IdempotencyKey,
    now: Date,
  ): Promise<Answer<Body> | undefined> {
    const [lock] = await transaction.query<{ held: boolean }>(
      'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
      [JSON.stringify([`${this.#schema} answered`, tenant, key.text])],
    )
    if (lock?.held !== true) throw problems.idempotencyKeyInUse()
    const row = await this.#find(transaction, tenant, key, now)
    if (row === undefined) return undefined
    if (!key.fingerprint.equals(row.fingerprint)) throw problems.idempotencyKeyReused()
    if (row.answer === null) throw problems.idempotencyKeyInUse()
    return row.answer
  }

  async #find(from: Queryable, tenant: string, { text }: IdempotencyKey, now: Date): Promise<Row | undefined> {
    const [row] = await from.query<Row>(
      `SELECT fingerprint, answer FROM ${this.#schema}.answered WHERE tenant = $1 AND idempotency_key = $2 AND expires_at > $3`,
      [tenant, text, now],
    )
    return row
  }

  async #keep(
    into: Queryable,
    tenant: string,
    { text, fingerprint }: IdempotencyKey,
    answer: Answer<Replayable> | null,
    now: Date,
    length: number,
  ): Promise<void> {
    await into.query(
      `WITH expired AS (
         SELECT tenant, idempotency_key FROM ${this.#schema}.answered
         WHERE expires_at <= $5 AND (tenant, idempotency_key) <> ($1, $2)
         LIMIT ${removedAtOnce} FOR UPDATE SKIP LOCKED),
       removed AS (DELETE FROM ${this.#schema}.answered USING expired
         WHERE answered.tenant = expired.tenant AND answered.idempotency_key = expired.idempotency_key)
       INSERT INTO ${this.#schema}.answered (tenant, idempotency_key, fingerprint, answer, expires_at) VALUES ($1, $2, $3, $4, $6)
       ON CONFLICT (tenant, idempotency_key) DO UPDATE
         SET fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at`,
      [tenant, text, fingerprint, JSON.stringify(answer), now, new Date(now.getTime() + length)],
    )
  }

  async #free(database: Database, tenant: string, { text }: IdempotencyKey): Promise<void> {
    await database.query(
      `DELETE FROM ${this.#schema}.answered WHERE tenant = $1 AND idempotency_key = $2 AND answer = 'null'`,
      [tenant, text],
    )
  }
}

function answerOf<Body>({ about, made, tag }: Repeatable, body: Body): Answer<Body> {
  return { about, body, made, tag }
}

function repeated<Body>(call: Repeatable, { about, body, made = false, tag }: Answer<Body>): Answered<Body> {
  call.about = { ...aboutNothing, ...about }
  call.made = made
  call.tag = tag
  return { body, repeated: true }
}
