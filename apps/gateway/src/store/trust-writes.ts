import type { KeyState } from '#libs/credentials/index'
import type { Announced, AnyEvent, ConnectionFacts, Event } from '#libs/events/index'
import type { Database, Transaction } from '#libs/postgres/index'
import { closeConnection } from './statements.ts'

/** Writes what an event of the keys service says of keys and connections; one that says nothing of them changes nothing. */
export async function writeTrust(transaction: Transaction, event: AnyEvent): Promise<void> {
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

/** What is announced of keys and connections, which takes trust away. */
export type Distrust = Exclude<Announced, { name: 'admin-token.revoked' }>

/** Writes what takes trust away, and of a connection no more than that: it may have been made up. */
export async function writeDistrust(transaction: Transaction, event: Distrust): Promise<void> {
  if (event.name === 'connection.changed') {
    await transaction.query(disableConnection, [event.payload.connection, event.version, event.time])
  } else {
    await transaction.query(endKey, endValues(event))
  }
}

/**
 * Forgets that connections are disabled of which nothing has ever come but that, on the channel, a day before an instant up to which everything is known: it was
 * made up. Answers how many. One that an event waits for as a dead letter stays.
 */
export async function forgetMadeUp(database: Database, provenUpTo: Date): Promise<number> {
  for (let forgotten = 0; ;) {
    const rows = await database.query(madeUp, [provenUpTo, forgottenAtOnce])
    forgotten += rows.length
    if (rows.length < forgottenAtOnce) return forgotten
  }
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

function endValues({ name, payload, version }: Exclude<Distrust, { name: 'connection.changed' }>): unknown[] {
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
