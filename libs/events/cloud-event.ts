import type { Event } from './envelope.ts'
import type { EventName } from './names.ts'
import type { Payload } from './payloads.ts'

/** CloudEvents 1.0 in structured form, with the extensions partitionkey, sequence and distributed tracing. */
export interface CloudEvent<Name extends EventName> {
  readonly specversion: '1.0'
  readonly id: string
  readonly type: Name
  readonly source: string
  readonly subject: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly dataschema: string
  readonly partitionkey: string
  readonly sequence: string
  readonly traceparent?: string
  readonly data: Payload<Name>
}

export function toCloudEvent<Name extends EventName>(event: Event<Name>): CloudEvent<Name> {
  return {
    specversion: '1.0',
    id: event.id,
    type: event.name,
    source: `/latchkey/${event.source}`,
    subject: event.subject,
    time: event.time,
    datacontenttype: 'application/json',
    dataschema: `urn:latchkey:event:${event.name}:1`,
    partitionkey: event.key,
    sequence: String(event.version),
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    data: event.payload,
  }
}
