import { LRUCache } from 'lru-cache'
import type { AdminTokenPowers, AnyEvent, Event } from '#libs/events/index'
import type { Database, Statement, Transaction } from '#libs/postgres/index'
import { adminScopes } from '../scopes.ts'
import type { Actor } from '../powers.ts'

/** An admin token as a service must know it: a keyed digest, never the secret. */
export interface KnownToken extends Actor {
  readonly pepperVersion: number
  readonly digest: Uint8Array
  readonly isRevoked: boolean
}

type TokenEvent = Extract<AnyEvent, { name: `admin-token.${string}` }>

/**
 * After so many milliseconds what is in memory is read anew, whatever else failed to say that it changed. Short: of several
 * instances of a service the event log tells one, and the others find it in their common table.
 */
const lifetime = 1_000

/**
 * The table `admin_token` of a service's schema, for use in its migrations. The service that makes tokens keeps its own of the same
 * name, with these columns and more.
 */
export const AdminTokenTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.admin_token (
      id text PRIMARY KEY,
      version integer NOT NULL,
      pepper_version integer NOT NULL,
      digest bytea NOT NULL,
      scopes text[] NOT NULL,
      tenants text[],
      allowlist text[] NOT NULL,
      expires_at timestamptz,
      revoked_at timestamptz
    );`,
  drop: (schema: string): string => `DROP TABLE ${schema}.admin_token;`,
}

type Row = {
  id: string
  pepper_version: number
  digest: Buffer
  scopes: string[]
  tenants: string[] | null
  allowlist: string[]
  expires_at: Date | null
  revoked: boolean
}

/**
 * The admin tokens that a service accepts: its own copy, filled by events alone, so that it goes on working while the keys service is
 * down. Absence is remembered too, within bounds.
 */
export class KnownTokens {
  readonly #database: Database
  readonly #read: Statement
  readonly #statements: ReturnType<typeof statementsFor>
  readonly #held = new LRUCache<string, KnownToken | 'unknown'>({ max: 10_000, ttl: lifetime })
  /** Grows whenever something was forgotten: a row read before that must not be remembered after it. */
  #epoch = 0

  /** `schema` has the table of `AdminTokenTables`. */
  constructor(database: Database, schema: string) {
    this.#database = database
    this.#read = {
      name: `${schema} read admin token`,
      text: `SELECT id, pepper_version, digest, scopes, tenants, allowlist, expires_at, revoked_at IS NOT NULL AS revoked
        FROM ${schema}.admin_token WHERE id = $1`,
    }
    this.#statements = statementsFor(schema)
  }

  async find(id: string): Promise<KnownToken | undefined> {
    const held = this.#held.get(id)
    if (held !== undefined) return held === 'unknown' ? undefined : held
    const epoch = this.#epoch
    const [row] = await this.#database.query<Row>(this.#read, [id])
    const token = row === undefined ? undefined : tokenOf(row)
    if (epoch === this.#epoch) this.#held.set(id, token ?? 'unknown')
    return token
  }

  /** Applies what the keys service said; what is in memory gives way once that is durable. Delivered again, or late, it changes nothing. */
  async apply(transaction: Transaction, events: readonly TokenEvent[]): Promise<void> {
    const { insert, change, revoke } = this.#statements
    for (const event of events) {
      switch (event.name) {
        case 'admin-token.minted': {
          const { payload } = event
          const digest = Buffer.from(payload.digest, 'base64url')
          await transaction.query(insert, [payload.token, payload.pepperVersion, digest, ...valuesOf(payload)])
          break
        }
        case 'admin-token.changed':
          await transaction.query(change, [event.payload.token, event.version, ...valuesOf(event.payload)])
          break
        case 'admin-token.revoked':
          await transaction.query(revoke, revocation(event))
      }
    }
    transaction.afterCommit(() => this.forget(events.map((event) => event.payload.token)))
  }

  /** Takes over digests under a newer pepper; an older one changes nothing. */
  async renew(transaction: Transaction, events: readonly Event<'admin-token-digest.renewed'>[]): Promise<void> {
    for (const { payload } of events) {
      const { token, pepperVersion, digest } = payload
      await transaction.query(this.#statements.renew, [token, pepperVersion, Buffer.from(digest, 'base64url')])
    }
    transaction.afterCommit(() => this.forget(events.map((event) => event.payload.token)))
  }

  /** Takes trust away, and never gives it: for what is heard from somewhere that others can write to. */
  async distrust(event: Event<'admin-token.revoked'>): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await transaction.query(this.#statements.revoke, revocation(event))
    })
    this.forget([event.payload.token])
  }

  forget(tokens: readonly string[]): void {
    this.#epoch++
    for (const token of tokens) this.#held.delete(token)
  }

  /** Everything is read anew: something may have been missed that made a difference. */
  forgetAll(): void {
    this.#epoch++
    this.#held.clear()
  }
}

function statementsFor(schema: string) {
  return {
    insert: `
      INSERT INTO ${schema}.admin_token (id, version, pepper_version, digest, scopes, tenants, allowlist, expires_at)
      VALUES ($1, 1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
    change: `
      UPDATE ${schema}.admin_token SET version = $2, scopes = $3, tenants = $4, allowlist = $5, expires_at = $6
      WHERE id = $1 AND version < $2`,
    renew: `
      UPDATE ${schema}.admin_token SET pepper_version = $2, digest = $3
      WHERE id = $1 AND pepper_version < $2 AND revoked_at IS NULL`,
    /** For good, whatever is heard later. One that was never heard of is known as such from now on; its empty digest fits nothing. */
    revoke: `
      INSERT INTO ${schema}.admin_token (id, version, pepper_version, digest, scopes, tenants, allowlist, revoked_at)
      VALUES ($1, $2, 0, '', '{}', '{}', '{}', $3)
      ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at, version = greatest(admin_token.version, excluded.version)
      WHERE admin_token.revoked_at IS NULL`,
  } as const
}

function valuesOf({ scopes, tenants, allowlist, expiresAt }: AdminTokenPowers): unknown[] {
  return [scopes, tenants, allowlist, expiresAt]
}

function revocation({ version, payload }: Event<'admin-token.revoked'>): unknown[] {
  return [payload.token, version, payload.revokedAt]
}

function tokenOf(row: Row): KnownToken {
  return {
    id: row.id,
    pepperVersion: row.pepper_version,
    digest: row.digest,
    scopes: adminScopes.filter((scope) => row.scopes.includes(scope)),
    tenants: row.tenants,
    allowlist: row.allowlist,
    expiresAt: row.expires_at,
    isRevoked: row.revoked,
  }
}
