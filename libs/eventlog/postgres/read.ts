import type { EventSource } from '#libs/events/index'
import type { Queryable, Statement } from '#libs/postgres/index'
import type { ReceivedEvent } from '../deliver.ts'
import type { Place } from './place.ts'

export interface Page {
  readonly events: readonly ReceivedEvent[]
  /** Where the follower stands once these events are applied. */
  readonly next: Place
  /** Set when the page ends a window: all that was committed before this instant is then done. */
  readonly upTo: Date | undefined
}

interface Row {
  snapshot: string
  at: Date
  /** Highest position of the window; null when it is empty. */
  last: number | null
  foreign: boolean
  position: number | null
  id: string
  name: string
  source: EventSource
  subject: string
  key: string
  version: number
  time: Date
  traceparent: string | null
  payload: string
}

const columns = 'position, id, name, source, subject, key, version, time, traceparent, payload'

/**
 * Opens a window at the present snapshot, and reads its first page. What `from` does not see are the transactions
 * that ran when it was taken and those begun since: two scans of the index on `xid` find exactly these, however old the
 * log and however long the oldest transaction. now() is the time at which the statement arrived, before its snapshot.
 */
const openWindow: Statement = {
  name: 'event_log open window',
  text: `
    WITH fresh AS MATERIALIZED (
      SELECT position FROM event_log.event WHERE xid >= pg_snapshot_xmax($1::pg_snapshot) AND name = ANY($2)
      UNION ALL
      SELECT position FROM event_log.event
      WHERE xid = ANY(ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot))) AND name = ANY($2)
    ), bounds AS (SELECT min(position) AS first, max(position) AS last FROM fresh)
    SELECT pg_current_snapshot()::text AS snapshot, now() AS at, bounds.last,
      pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS foreign, event.*
    FROM bounds LEFT JOIN LATERAL (
      SELECT ${columns} FROM event_log.event
      WHERE position >= bounds.first AND position <= bounds.last
        AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND name = ANY($2)
      ORDER BY position LIMIT $3
    ) AS event ON true ORDER BY event.position`,
}

/** Goes on in a window that was larger than a page. */
const continueWindow: Statement = {
  name: 'event_log continue window',
  text: `
    SELECT ${columns} FROM event_log.event
    WHERE position > $5 AND position <= $6
      AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND pg_visible_in_snapshot(xid, $4::pg_snapshot)
      AND name = ANY($2)
    ORDER BY position LIMIT $3`,
}

/** The place was taken on another Postgres cluster, whose transactions count differently. */
export class ForeignPlace extends Error {
  override readonly name = 'ForeignPlace'
}

/** The next events after `place`, at most `limit`, in the order in which they must be applied. */
export async function readPage(log: Queryable, place: Place, names: readonly string[], limit: number): Promise<Page> {
  if (place.to !== null) {
    const values = [place.from, names, limit, place.to, place.after, place.last]
    const rows = await log.query<Row>(continueWindow, values)
    return pageOf(rows, { ...place, to: place.to }, limit)
  }
  const rows = await log.query<Row>(openWindow, [place.from, names, limit])
  const [first] = rows
  if (first === undefined) throw new Error('opening a window of the event log answered nothing')
  if (first.foreign) {
    throw new ForeignPlace(
      'the follower stands at a transaction that this Postgres has not reached: the database was copied from another ' +
        'server by dump and restore. Delete its row in the table "followed", so that it begins anew with what the log keeps',
    )
  }
  const events = rows.filter((row) => row.position !== null)
  const opened = {
    from: place.from,
    to: first.snapshot,
    after: 0,
    last: first.last ?? 0,
    openedAt: first.at.toISOString(),
  }
  return pageOf(events, opened, limit)
}

function pageOf(rows: readonly Row[], window: Place & { readonly to: string }, limit: number): Page {
  const events = rows.map(received)
  const after = rows.at(-1)?.position ?? window.after
  if (rows.length === limit && after < window.last) return { events, next: { ...window, after }, upTo: undefined }
  return {
    events,
    next: { from: window.to, to: null, after: 0, last: 0, openedAt: null },
    upTo: window.openedAt === null ? undefined : new Date(window.openedAt),
  }
}

function received(row: Row): ReceivedEvent {
  return {
    id: row.id,
    name: row.name,
    source: row.source,
    subject: row.subject,
    key: row.key,
    version: row.version,
    time: row.time.toISOString(),
    traceparent: row.traceparent ?? undefined,
    payload: readJson(row.payload),
  }
}

/** What is not JSON is handed on as it is: no payload is a mere string, so that it is found unreadable and buried. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
