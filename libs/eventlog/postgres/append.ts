import type { AnyEvent } from '#libs/events/index'
import { type Appending, type Statement, textArray } from '#libs/postgres/index'

const insert: Statement = {
  name: 'event_log append',
  text: `
    INSERT INTO event_log.event (id, name, source, subject, key, version, time, traceparent, payload)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::timestamptz[], $8::text[], $9::text[])`,
}

export function appendEvents(transaction: Appending, events: readonly AnyEvent[]): void {
  if (events.length === 0) return
  transaction.send(insert, [
    events.map((event) => event.id),
    textArray(events.map((event) => event.name)),
    textArray(events.map((event) => event.source)),
    textArray(events.map((event) => event.subject)),
    textArray(events.map((event) => event.key)),
    events.map((event) => event.version),
    events.map((event) => event.time),
    textArray(events.map((event) => event.traceparent ?? null)),
    textArray(events.map((event) => JSON.stringify(event.payload))),
  ])
}
