import { LRUCache } from 'lru-cache'
import { AddressRanges } from '#libs/addresses/index'
import type { KeyState } from '#libs/credentials/index'
import {
  type Announced,
  type AnyEvent,
  type ConnectionFacts,
  connectionSettings,
  type Event,
  keyPolicy,
} from '#libs/events/index'
import type { Database, Transaction } from '#libs/postgres/index'
import { extendResourceTypes } from '#libs/scim/index'
import type { KnownConnection, KnownKey } from '../principal.ts'
import { Reads } from './reads.ts'
import { closeConnection } from './statements.ts'
import { TrustChanges } from './trust-changes.ts'

/**
 * After so many milliseconds what is in memory is read anew, whatever else failed to say that it changed: with the event's own way
 * to the tables, it counts within 5 seconds.
 */
const lifetime = 4_000

/** Of so many keys it is known without a look into the tables that they may be accepted. */
const mostHeardOf = 50_000

type KeyRow = {
  connection: string
  kid: string
  tenant: string
  environment: KnownKey['environment']
  pepper_version: number
  digest: Buffer
  state: KeyState
  policy: unknown
}

type ConnectionRow = {
  connection: string
  tenant: string
  environment: KnownConnection['environment']
  identity_provider: KnownConnection['identityProvider']
  enabled: boolean
  settings: unknown
  schemas: ConnectionFacts['schemas']
}

/**
 * The keys and connections that this gateway accepts: its own copy, filled by events alone, so that it goes on
 * working while the keys service is down. Absence is remembered too, within bounds.
 */
export class KnownTrust {
  readonly #database: Database
  readonly #keys = new LRUCache<string, KnownKey | 'unknown'>({ max: 50_000, ttl: lifetime })
  readonly #connections = new LRUCache<string, KnownConnection | 'unknown'>({ max: 50_000, ttl: lifetime })
  readonly #count: (hit: boolean) => void
  readonly #changes: TrustChanges
  readonly #keysOnTheWay = new Reads<KnownKey>()
  readonly #connectionsOnTheWay = new Reads<KnownConnection>()
  #heardOf = new Set<string>()
  #isHeardOfOld = true

  constructor(database: Database, count: (hit: boolean) => void) {
    this.#database = database
    this.#count = count
    this.#changes = new TrustChanges(database)
  }

  async key(kid: string): Promise<KnownKey | undefined> {
    const held = this.#keys.get(kid)
    this.#count(held !== undefined)
    if (held !== undefined) return held === 'unknown' ? undefined : held
    return this.#keysOnTheWay.of(kid, {
      read: async () => {
        const [row] = await this.#database.quick<KeyRow>(readKey, [kid])
        return row && knownKey(row)
      },
      remember: (key) => this.#keys.set(kid, key ?? 'unknown'),
    })
  }

  /** Whether it is worth looking up a key of that id. Nothing is accepted for it: it says so of 50,000 keys at the most, and of those that others have applied since the last `hear` not yet. */
  hasHeardOf(kid: string): boolean {
    return this.#heardOf.has(kid)
  }

  /** Reads the ids of up to 50,000 keys that have not ended, whichever these are, where some may have come since that was done. Rejects where Postgres does not answer: what was heard of stays, and the next call reads. */
  async hear(): Promise<void> {
    if (!this.#isHeardOfOld) return
    this.#isHeardOfOld = false
    try {
      const [row] = await this.#database.query<{ kids: string | null }>(readKids, [mostHeardOf])
      this.#heardOf = new Set(row?.kids?.split(' '))
    } catch (error) {
      this.#isHeardOfOld = true
      throw error
    }
  }

  async connection(id: string): Promise<KnownConnection | undefined> {
    const held = this.#connections.get(id)
    if (held !== undefined) return held === 'unknown' ? undefined : held
    return this.#connectionsOnTheWay.of(id, {
      read: async () => {
        const [row] = await this.#database.quick<ConnectionRow>(readConnection, [id])
        return row && knownConnection(row)
      },
      remember: (connection) => this.#connections.set(id, connection ?? 'unknown'),
    })
  }

  /** The connection as memory has it, be it old: for the record of what is refused before anything may be asked. */
  remembered(id: string): KnownConnection | undefined {
    const held = this.#connections.peek(id, { allowStale: true })
    return held === 'unknown' ? undefined : held
  }

  /** Applies what the keys service said; what is in memory gives way once that is durable. */
  async apply(transaction: Transaction, events: readonly AnyEvent[]): Promise<void> {
    for (const event of events) {
      switch (event.name) {
        case 'key.minted': {
          const { payload } = event
          await transaction.query(insertKey, [
            payload.connection,
            payload.kid,
            payload.tenant,
            payload.environment,
            payload.pepperVersion,
            Buffer.from(payload.digest, 'base64url'),
            JSON.stringify(payload.policy),
          ])
          break
        }
        case 'key.changed': {
          const { connection, kid, policy } = event.payload
          await transaction.query(changeKey, [connection, kid, event.version, JSON.stringify(policy)])
          break
        }
        case 'key.activated':
        case 'key.retired': {
          const { connection, kid } = event.payload
          await transaction.query(moveKey, [connection, kid, event.version, stateAfter[event.name]])
          break
        }
        case 'key.expired':
        case 'key.cancelled':
        case 'key.revoked':
          await transaction.query(endKey, endValues(event))
          break
        case 'connection.created':
        case 'connection.changed':
          await transaction.query(upsertConnection, connectionValues(event.payload, event.version))
          await transaction.query(followedUp, [event.payload.connection, event.version, event.time])
          break
        case 'connection.deleted':
          await removeConnection(transaction, event)
          break
        default:
      }
    }
    await this.#changes.add(transaction)
    transaction.afterCommit(() => this.#forget(events))
  }

  /**
   * Takes trust away, and never gives it: for what is heard from somewhere that others can write to. Once this is committed, a connection that is not
   * known yet is disabled too, and no event of a lower version enables it. It keeps its own version, so that the event itself counts when it comes, and
   * nothing that is older than what is known is believed.
   */
  async distrust(transaction: Transaction, event: Exclude<Announced, { name: 'admin-token.revoked' }>): Promise<void> {
    if (event.name === 'connection.changed') {
      await transaction.query(disableConnection, [event.payload.connection, event.version, event.time])
    } else {
      await transaction.query(endKey, endValues(event))
    }
    await this.#changes.add(transaction)
    transaction.afterCommit(() => this.#forget([event]))
  }

  /**
   * Forgets that connections are disabled of which nothing has ever come but that, on the channel, a day before an instant up to which everything is known: it was
   * made up. Answers how many. One that an event waits for as a dead letter stays.
   */
  async forgetMadeUp(provenUpTo: Date): Promise<number> {
    for (let forgotten = 0; ;) {
      const rows = await this.#database.query(madeUp, [provenUpTo, forgottenAtOnce])
      forgotten += rows.length
      if (rows.length < forgottenAtOnce) return forgotten
    }
  }

  /**
   * Looks whether something has been applied since the last look that this gateway does not know of, and if so forgets everything: of several gateways
   * one is given an event by the event log, and the others find it in their common tables, as does one that never heard whether what it applied was committed.
   */
  async lookForChanges(): Promise<void> {
    if (await this.#changes.look()) this.forgetAll()
  }

  /** Everything is read anew: something may have been missed that made a difference. */
  forgetAll(): void {
    this.#forgetReads()
    this.#keys.clear()
    this.#connections.clear()
    this.#isHeardOfOld = true
  }

  /** Something other than an event changed the key. */
  keyChanged(kid: string): void {
    this.#forgetReads()
    this.#keys.delete(kid)
  }

  /** At once; and with the next read, since one that is under way may have begun before. */
  #hearOf(kid: string): void {
    this.#isHeardOfOld = true
    if (this.#heardOf.size < mostHeardOf) this.#heardOf.add(kid)
  }

  #forgetReads(): void {
    this.#keysOnTheWay.forget()
    this.#connectionsOnTheWay.forget()
  }

  #forget(events: readonly AnyEvent[]): void {
    this.#forgetReads()
    for (const event of events) {
      if (event.name.startsWith('key.')) this.#keys.delete(event.subject)
      if (event.name === 'key.minted') this.#hearOf(event.subject)
      if (event.name === 'connection.deleted') this.#keys.clear()
      if (event.name.startsWith('connection.')) this.#connections.delete(event.subject)
    }
  }
}

const readKey = {
  name: 'gateway read key',
  text: `SELECT connection, kid, tenant, environment, pepper_version, digest, state, policy FROM gateway.known_key WHERE kid = $1`,
}

/** In one piece, which is read faster than as many rows. */
const readKids = `
  SELECT string_agg(kid, ' ') AS kids
  FROM (SELECT kid FROM gateway.known_key WHERE state IN ('pending', 'active', 'retiring') LIMIT $1) AS k`

const readConnection = {
  name: 'gateway read connection',
  text: `
    SELECT connection, tenant, environment, identity_provider, settings, schemas, enabled AND NOT EXISTS (
      SELECT FROM gateway.disabled_connection AS d WHERE d.connection = k.connection AND d.version > k.version
    ) AS enabled
    FROM gateway.known_connection AS k WHERE connection = $1`,
}

/** Delivered again, or late, it must not bring back a key that ended or one of a deleted connection. */
const insertKey = `
  INSERT INTO gateway.known_key (connection, kid, tenant, environment, pepper_version, digest, state, version, policy)
  SELECT $1, $2, $3, $4, $5, $6, 'pending', 1, $7 WHERE NOT EXISTS (SELECT 1 FROM gateway.deleted_connection WHERE connection = $1)
  ON CONFLICT (connection, kid) DO NOTHING`

const changeKey = `
  UPDATE gateway.known_key SET policy = $4, version = $3 WHERE connection = $1 AND kid = $2 AND version < $3`

const moveKey = `
  UPDATE gateway.known_key SET state = $4, version = $3
  WHERE connection = $1 AND kid = $2 AND version < $3 AND state NOT IN ('expired', 'cancelled', 'revoked')`

const stateAfter = {
  'key.activated': 'active',
  'key.retired': 'retiring',
  'key.expired': 'expired',
  'key.cancelled': 'cancelled',
  'key.revoked': 'revoked',
} as const satisfies Record<string, KeyState>

/** For good, whatever is heard later. A key that was never heard of is known as such from now on; its empty digest fits nothing. */
const endKey = `
  INSERT INTO gateway.known_key (connection, kid, tenant, environment, pepper_version, digest, state, version)
  SELECT $1, $2, $3, 'live', 0, '', $4, $5 WHERE NOT EXISTS (SELECT 1 FROM gateway.deleted_connection WHERE connection = $1)
  ON CONFLICT (connection, kid) DO UPDATE SET state = excluded.state, version = excluded.version
  WHERE known_key.version < excluded.version`

function endValues({
  name,
  payload,
  version,
}: Exclude<Announced, { name: 'connection.changed' | 'admin-token.revoked' }>): unknown[] {
  return [payload.connection, payload.kid, payload.tenant, stateAfter[name], version]
}

const upsertConnection = `
  INSERT INTO gateway.known_connection (connection, tenant, environment, identity_provider, enabled, version, settings, schemas)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT 1 FROM gateway.deleted_connection WHERE connection = $1)
  ON CONFLICT (connection) DO UPDATE
  SET identity_provider = excluded.identity_provider, enabled = excluded.enabled, version = excluded.version,
    settings = excluded.settings, schemas = excluded.schemas
  WHERE known_connection.version < excluded.version`

/**
 * Events of lower versions were made before this one, or at about the same time. One that is younger by more than a minute shows that the version was made up;
 * nor is a time believed that lies ahead.
 */
const disableConnection = `
  INSERT INTO gateway.disabled_connection (connection, version, until)
  SELECT $1, $2, least($3, now()) + interval '1 minute'
  WHERE NOT EXISTS (SELECT 1 FROM gateway.deleted_connection WHERE connection = $1)
    AND NOT EXISTS (SELECT 1 FROM gateway.known_connection WHERE connection = $1 AND version >= $2)
  ON CONFLICT (connection) DO UPDATE
  SET version = greatest(disabled_connection.version, excluded.version), until = greatest(disabled_connection.until, excluded.until)`

const followedUp = `DELETE FROM gateway.disabled_connection WHERE connection = $1 AND (version <= $2 OR until < $3)`

const forgottenAtOnce = 1_000

/** Clocks of publishers, Postgres and gateways differ by less than a day. */
const madeUp = `
  DELETE FROM gateway.disabled_connection AS d USING (
    SELECT connection FROM gateway.disabled_connection AS d
    WHERE until < $1::timestamptz - interval '1 day'
      AND NOT EXISTS (SELECT FROM gateway.known_connection AS k WHERE k.connection = d.connection)
      AND NOT EXISTS (SELECT FROM gateway.dead_letter AS l WHERE strpos(l.event, d.connection) > 0)
    LIMIT $2 FOR UPDATE SKIP LOCKED) AS gone
  WHERE d.connection = gone.connection RETURNING d.connection`

/**
 * Nothing of it is accepted or found from now on. What it brought is kept until it is purged, and the mark stays for what is delivered
 * late.
 */
async function removeConnection(
  transaction: Transaction,
  { payload: { connection }, time }: Event<'connection.deleted'>,
): Promise<void> {
  await transaction.query(closeConnection, [connection])
  await transaction.query(markDeleted, [connection, time])
  await transaction.query(revokeKeys, [connection])
  for (const table of ['known_connection', 'disabled_connection', 'guard', 'captured_request']) {
    await transaction.query(`DELETE FROM gateway.${table} WHERE connection = $1`, [connection])
  }
}

const markDeleted = `
  INSERT INTO gateway.deleted_connection (connection, deleted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`

/** Told one by one too, perhaps later. */
const revokeKeys = `
  UPDATE gateway.known_key SET state = 'revoked' WHERE connection = $1 AND state NOT IN ('expired', 'cancelled', 'revoked')`

function connectionValues(facts: ConnectionFacts, version: number): unknown[] {
  return [
    facts.connection,
    facts.tenant,
    facts.environment,
    facts.identityProvider,
    facts.state === 'enabled',
    version,
    JSON.stringify(facts.settings),
    JSON.stringify(facts.schemas),
  ]
}

function knownKey(row: KeyRow): KnownKey {
  const { connection, kid, tenant, environment, digest, state } = row
  const policy = keyPolicy.parse(row.policy)
  const allowed = policy.allowlist.length === 0 ? undefined : AddressRanges.reading(policy.allowlist)
  return { connection, kid, tenant, environment, pepperVersion: row.pepper_version, digest, state, policy, allowed }
}

function knownConnection(row: ConnectionRow): KnownConnection {
  const { connection, tenant, environment, enabled } = row
  return {
    connection,
    tenant,
    environment,
    enabled,
    identityProvider: row.identity_provider,
    settings: connectionSettings.parse(row.settings),
    types: extendResourceTypes(row.schemas),
  }
}
