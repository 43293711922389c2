import { LRUCache } from 'lru-cache'
import { AddressRanges } from '#libs/addresses/index'
import type { KeyState } from '#libs/credentials/index'
import { type AnyEvent, type ConnectionFacts, connectionSettings, keyPolicy } from '#libs/events/index'
import type { Database, Transaction } from '#libs/postgres/index'
import { extendResourceTypes } from '#libs/scim/index'
import type { KnownConnection, KnownKey } from '../principal.ts'
import { Reads } from './reads.ts'
import { TrustChanges } from './trust-changes.ts'
import { type Distrust, writeDistrust, writeTrust } from './trust-writes.ts'

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
    for (const event of events) await writeTrust(transaction, event)
    await this.#changes.add(transaction)
    transaction.afterCommit(() => this.#forget(events))
  }

  /**
   * Takes trust away, and never gives it: for what is heard from somewhere that others can write to. Once this is committed, a connection that is not
   * known yet is disabled too, and no event of a lower version enables it. It keeps its own version, so that the event itself counts when it comes, and
   * nothing that is older than what is known is believed.
   */
  async distrust(transaction: Transaction, event: Distrust): Promise<void> {
    await writeDistrust(transaction, event)
    await this.#changes.add(transaction)
    transaction.afterCommit(() => this.#forget([event]))
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
