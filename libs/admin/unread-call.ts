import { type Event, type EventSource, makeEvent, newId } from '#libs/events/index'
import type { ProblemCode, UnreadRequest } from '#libs/http/index'
import { excerpt, type Span } from '#libs/telemetry/index'
import { aboutNothing } from './admin-call.ts'

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
  return makeEvent(
    'request.decided',
    { source, subject: id, owner: '', version: 1, time: now, traceparent },
    {
      ...aboutNothing,
      requestId: id,
      surface: 'admin',
      kid: null,
      method,
      path: excerpt(target.split('?', 1)[0] ?? ''),
      operation: null,
      address: caller.text,
      userAgent: null,
      steps: [{ step: 'request', decision: 'refused', code, microseconds: 0 }],
      outcome: 'refused',
      status,
      code,
      detail,
      changed: [],
      events: [],
      deviations: [],
      ...(alike === undefined ? {} : { alike }),
      receivedAt: now.toISOString(),
      microseconds: 0,
      traceId,
    },
  )
}
