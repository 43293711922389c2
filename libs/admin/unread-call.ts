import { type Event, type EventSource, newId } from '#libs/events/index'
import type { ProblemCode, UnreadRequest } from '#libs/http/index'
import type { Span } from '#libs/telemetry/index'
import { aboutNothing } from './admin-call.ts'
import { recordOf } from './call-record.ts'

const code: ProblemCode = 'badRequest'

/** The record of a call that HTTP itself refused: of its headers nothing is known, so that it is nobody's. */
export function unreadCall(
  {
    method,
    target,
    caller,
    status,
    detail,
    alike,
  }: UnreadRequest & { readonly status: number; readonly detail: string; readonly alike: number | undefined },
  { source, span, now }: { readonly source: EventSource; readonly span: Span; readonly now: Date },
): Event<'request.decided'> {
  const { traceId, traceparent } = span
  const id = newId(now.getTime())
  const call = {
    ...aboutNothing,
    requestId: id,
    method,
    path: target.split('?', 1)[0] ?? '',
    operation: null,
    address: caller.text,
    userAgent: null,
    steps: [{ step: 'request', decision: 'refused' as const, code, microseconds: 0 }],
    status,
    code,
    detail,
    changed: [],
    events: [],
    ...(alike === undefined ? {} : { alike }),
    receivedAt: now.toISOString(),
    microseconds: 0,
    traceId,
  }
  return recordOf(call, { source, traceparent, time: now })
}
