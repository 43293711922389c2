import { type AnyEvent, topicOf } from '#libs/events/index'
import type { Appending, Queryable, Statement, Transaction } from '#libs/postgres/index'
import { shardOf } from './shards.ts'

/** An event that waits to be published, as its row holds it. */
export interface OutboxRow {
  readonly position: number
  readonly shard: number
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly version: number
  readonly time: string
  readonly traceparent: string | null
  /** JSON. */
  readonly payload: string
  /** Where it is to be published; null in a row of a program that did not know yet, and for a name of no family. */
  readonly topic: string | null
}

/**
 * Tables that each publisher's schema needs; for use in its migrations. Rows live for milliseconds: vacuum comes by the
 * number of them, not by their share of the table.
 */
export const OutboxTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.outbox (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      shard smallint NOT NULL,
      xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
      appended_at timestamptz NOT NULL DEFAULT now(),
      id uuid NOT NULL,
      name text NOT NULL,
      subject text NOT NULL,
      key text NOT NULL,
      version integer NOT NULL,
      time text NOT NULL,
      traceparent text,
      payload text NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
      autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 1000000000);
    CREATE TABLE ${schema}.relay (
      owner uuid PRIMARY KEY,
      seen_at timestamptz NOT NULL
    );
    CREATE TABLE ${schema}.relay_lease (
      shard smallint PRIMARY KEY,
      owner uuid,
      epoch bigint NOT NULL DEFAULT 0,
      until timestamptz NOT NULL DEFAULT '-infinity',
      released boolean NOT NULL DEFAULT true
    );`,
  /** What `create` lacks: rows, and programs, of before it are published as ever. */
  addTopic: (schema: string): string => `ALTER TABLE ${schema}.outbox ADD COLUMN topic text`,
  dropTopic: (schema: string): string => `ALTER TABLE ${schema}.outbox DROP COLUMN topic`,
  drop: (schema: string): string =>
    `DROP TABLE ${schema}.relay_lease; DROP TABLE ${schema}.relay; DROP TABLE ${schema}.outbox;`,
}

/** Bytes of payload after which a page ends. */
const pageBytes = 4 * 2 ** 20

/** Whether nothing can stand behind these rows of a page that might have had so many. */
export function isLastPage(rows: readonly OutboxRow[], limit: number): boolean {
  return rows.length < limit && rows.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0) < pageBytes
}

const columns = 'position, shard, id, name, subject, key, version, time, traceparent, payload, topic'

/** One publisher's outbox. */
export class Outbox {
  readonly schema: string
  readonly #insert: Statement
  readonly #firstPage: Statement
  readonly #nextPage: Statement
  readonly #remove: Statement

  constructor(schema: string) {
    this.schema = schema
    this.#insert = {
      name: `${schema} outbox append`,
      text: `
        INSERT INTO ${schema}.outbox (shard, id, name, subject, key, version, time, traceparent, payload, topic)
        SELECT * FROM unnest(
          $1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[])
        RETURNING position`,
    }
    // No more rows and bytes than one page may have, but one row at least.
    const page = (condition: string): string => `
      SELECT ${columns} FROM (
        SELECT ${columns}, sum(octet_length(payload)) OVER (ORDER BY position) - octet_length(payload) AS bytes_before
        FROM (
          SELECT ${columns} FROM ${schema}.outbox WHERE shard = ANY($1) AND position > $3${condition} ORDER BY position LIMIT $2
        ) AS found
      ) AS measured WHERE bytes_before < ${pageBytes} ORDER BY position`
    this.#firstPage = {
      name: `${schema} outbox first page`,
      text: `
        SELECT now() AS at, pg_current_snapshot()::text AS snapshot, waiting.*
        FROM (SELECT) AS one LEFT JOIN LATERAL (${page('')}) AS waiting ON true ORDER BY position`,
    }
    this.#nextPage = {
      name: `${schema} outbox next page`,
      text: page(' AND pg_visible_in_snapshot(xid, $4::pg_snapshot)'),
    }
    // What a relay has published it removes only while it still holds the shard: after a hand-over the rows are the next one's.
    this.#remove = {
      name: `${schema} outbox remove`,
      text: `
        DELETE FROM ${schema}.outbox AS waiting USING ${schema}.relay_lease AS lease
        WHERE waiting.position = ANY($1) AND lease.shard = waiting.shard AND lease.owner = $2`,
    }
  }

  /** `durable` is called after the commit, with the rows in the order of the events. */
  append(transaction: Appending, events: readonly AnyEvent[], durable: (rows: readonly OutboxRow[]) => void): void {
    if (events.length === 0) return
    const waiting = events.map((event) => ({
      shard: shardOf(event.key),
      id: event.id,
      name: event.name,
      subject: event.subject,
      key: event.key,
      version: event.version,
      time: event.time,
      traceparent: event.traceparent ?? null,
      payload: JSON.stringify(event.payload),
      topic: topicOf(event) ?? null,
    }))
    let positions: readonly { position: number }[] = []
    transaction.send<{ position: number }>(
      this.#insert,
      [
        waiting.map((row) => row.shard),
        waiting.map((row) => row.id),
        waiting.map((row) => row.name),
        waiting.map((row) => row.subject),
        waiting.map((row) => row.key),
        waiting.map((row) => row.version),
        waiting.map((row) => row.time),
        waiting.map((row) => row.traceparent),
        waiting.map((row) => row.payload),
        waiting.map((row) => row.topic),
      ],
      (rows) => (positions = rows),
    )
    transaction.afterCommit(() =>
      durable(waiting.map((row, at) => ({ ...row, position: Number(positions[at]?.position) }))),
    )
  }

  /**
   * What waits in these shards, by position, as one snapshot shows it: the first page opens it, `next` goes on within it.
   * Whoever appends second for a key has waited for the first to commit, so that no snapshot holds the second without
   * the first, and positions keep their order. All that was committed before `at` is in the snapshot, or published already.
   */
  async firstPage(from: Queryable, shards: readonly number[], limit: number): Promise<OutboxPage> {
    const rows = await from.query<OutboxRow & { at: Date; snapshot: string }>(this.#firstPage, [shards, limit, 0])
    const [first] = rows
    if (first === undefined) throw new Error('the first page of the outbox answered nothing')
    return {
      at: first.at,
      snapshot: first.snapshot,
      rows: rows.filter((row) => (row.position as number | null) !== null),
    }
  }

  nextPage(from: Queryable, shards: readonly number[], limit: number, page: OutboxPage): Promise<readonly OutboxRow[]> {
    return from.query<OutboxRow>(this.#nextPage, [shards, limit, page.rows.at(-1)?.position ?? 0, page.snapshot])
  }

  /** Removes published rows of shards that `owner` still holds. */
  remove(transaction: Transaction, owner: string, positions: readonly number[]): Promise<unknown> {
    return transaction.query(this.#remove, [positions, owner])
  }

  /** Removes rows that are found to be published already. */
  removeById(transaction: Transaction, shards: readonly number[], ids: readonly string[]): Promise<unknown> {
    return transaction.query(
      `DELETE FROM ${this.schema}.outbox WHERE shard = ANY($1) AND id IN (SELECT unnest($2::uuid[]))`,
      [shards, ids],
    )
  }

  /** When the oldest row of these shards was appended, these ids left out; undefined when none waits. */
  async oldest(from: Queryable, shards: readonly number[], except: readonly string[]): Promise<Date | undefined> {
    const [row] = await from.query<{ oldest: Date }>(
      `SELECT appended_at AS oldest FROM ${this.schema}.outbox WHERE shard = ANY($1) AND id <> ALL($2) ORDER BY position LIMIT 1`,
      [shards, except],
    )
    return row?.oldest
  }

  /** The oldest that wait of these names, a thousand at the most, in the order of their keys. */
  waiting(from: Queryable, names: readonly string[]): Promise<OutboxRow[]> {
    return from.query<OutboxRow>(
      `SELECT ${columns} FROM ${this.schema}.outbox
       WHERE name = ANY($1) ORDER BY position LIMIT 1000`,
      [names],
    )
  }

  /** How many events wait, counted to 100,000, and for how long the oldest has, in seconds. */
  async backlog(from: Queryable): Promise<{ events: number; seconds: number }> {
    const [row] = await from.query<{ events: number; seconds: number | null }>(
      `SELECT (SELECT count(*) FROM (SELECT FROM ${this.schema}.outbox LIMIT 100000) AS waiting) AS events,
         (SELECT extract(epoch FROM now() - appended_at)::float8 FROM ${this.schema}.outbox ORDER BY position LIMIT 1) AS seconds`,
    )
    return { events: row?.events ?? 0, seconds: row?.seconds ?? 0 }
  }
}

export interface OutboxPage {
  readonly at: Date
  readonly snapshot: string
  readonly rows: readonly OutboxRow[]
}
