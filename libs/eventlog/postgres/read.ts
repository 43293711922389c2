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

/** Opens a window at the present snapshot. The index on `xid` finds what is new, however old the log. */
const openWindow: Statement = {
  name: 'event_log open window',
  text: `
    SELECT now.snapshot, now.at, event.*
    FROM (SELECT pg_current_snapshot()::text AS snapshot, statement_timestamp() AS at) AS now
    LEFT JOIN LATERAL (
      SELECT ${columns} FROM event_log.event
      WHERE xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND name = ANY($2)
      ORDER BY position LIMIT $3
    ) AS event ON true ORDER BY event.position`,
}

/** Goes on in a window that was larger than a page. The index on `position` serves it: a late joiner's window is the whole log. */
const continueWindow: Statement = {
  name: 'event_log continue window',
  text: `
    SELECT $4::pg_snapshot::text AS snapshot, statement_timestamp() AS at, ${columns} FROM event_log.event
    WHERE position > $5 AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND pg_visible_in_snapshot(xid, $4::pg_snapshot)
      AND name = ANY($2)
    ORDER BY position LIMIT $3`,
}

/** The next events after `place`, at most `limit`, in the order in which they must be applied. */
export async function readPage(log: Queryable, place: Place, names: readonly string[], limit: number): Promise<Page> {
  const rows =
    place.to === null
      ? await log.query<Row>(openWindow, [place.from, names, limit])
      : await log.query<Row>(continueWindow, [place.from, names, limit, place.to, place.after])
  const events = rows.filter((row) => row.position !== null)
  const to = place.to ?? rows[0]?.snapshot ?? place.from
  const openedAt = place.openedAt ?? rows[0]?.at.toISOString() ?? null
  if (events.length === limit) {
    const after = events.at(-1)?.position ?? place.after
    return { events: events.map(received), next: { from: place.from, to, after, openedAt }, upTo: undefined }
  }
  return {
    events: events.map(received),
    next: { from: to, to: null, after: 0, openedAt: null },
    upTo: openedAt === null ? undefined : new Date(openedAt),
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
    payload: JSON.parse(row.payload) as unknown,
  }
}
