import { newId } from './id.ts'
import { type EventName } from './names.ts'
import { payloadSchemas, type Payload } from './payloads.ts'
import type { EventSource } from './sources.ts'

/** An accepted fact. A follower may fail to apply it, but never rejects it. */
export interface Event<Name extends EventName> {
  readonly id: string
  readonly name: Name
  readonly source: EventSource
  /** Id of the user, group, key, rotation, connection, tenant or request that it tells of. */
  readonly subject: string
  /** Events of one key are followed in the order in which they were appended. */
  readonly key: string
  /** Counts the events of one subject from 1 without a gap; 1 for a request, and the pepper's for a digest. */
  readonly version: number
  readonly time: string
  /** W3C trace context of the request that brought it about. */
  readonly traceparent: string | undefined
  readonly payload: Payload<Name>
}

/** Every event, told apart by its name. */
export type AnyEvent = { [Name in EventName]: Event<Name> }[EventName]

export interface EventOrigin {
  readonly source: EventSource
  readonly subject: string
  /** What the subject belongs to: its connection or tenant, or '' for what belongs to nobody yet. */
  readonly owner: string
  readonly version: number
  readonly time: Date
  readonly traceparent?: string | undefined
}

export function makeEvent<Name extends EventName>(
  name: Name,
  origin: EventOrigin,
  payload: Payload<Name>,
): Event<Name> {
  return {
    id: newId(origin.time.getTime()),
    name,
    source: origin.source,
    subject: origin.subject,
    key: `${origin.owner}/${origin.subject}`,
    version: origin.version,
    time: origin.time.toISOString(),
    traceparent: origin.traceparent,
    payload,
  }
}

/** The event cannot be understood, today or at any retry. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent'
}

/** Checks name and payload of an event that came from outside the process. Throws UnreadableEvent, naming the place and not the value. */
export function readEvent(
  received: Omit<Event<EventName>, 'name' | 'payload'> & { name: string; payload: unknown },
): AnyEvent {
  if (!isEventName(received.name)) throw new UnreadableEvent(`no event is named ${received.name}`)
  const parsed = payloadSchemas[received.name].safeParse(received.payload)
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => `/${issue.path.join('/')} ${issue.code}`)
    throw new UnreadableEvent(`payload of ${received.name} does not fit its schema: ${places.join(', ')}`)
  }
  return { ...received, payload: parsed.data } as AnyEvent
}

function isEventName(name: string): name is EventName {
  return Object.hasOwn(payloadSchemas, name)
}
