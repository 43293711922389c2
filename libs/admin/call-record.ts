import { type Event, type EventSource, makeEvent, type RequestDecided } from '#libs/events/index'
import { excerpt } from '#libs/telemetry/index'

/** What is known of a call of the admin API once it is answered; texts that a client chose as it chose them. */
export type AnsweredCall = Omit<RequestDecided, 'surface' | 'kid' | 'outcome' | 'deviations'>

/** The record of a call of the admin API: it belongs to the connection that it was about, else to the tenant, else to nobody. */
export function recordOf(
  call: AnsweredCall,
  of: { readonly source: EventSource; readonly traceparent: string; readonly time: Date },
): Event<'request.decided'> {
  const { requestId, connection, tenant, path, userAgent, status, detail } = call
  return makeEvent(
    'request.decided',
    { ...of, subject: requestId, owner: connection ?? tenant ?? '', version: 1 },
    {
      ...call,
      surface: 'admin',
      kid: null,
      path: excerpt(path),
      userAgent: userAgent === null ? null : excerpt(userAgent),
      outcome: status < 400 ? 'accepted' : status < 500 ? 'refused' : 'failed',
      // A detail may quote a part of the address; that of a 401 quotes nothing, and its advice would look like a secret.
      detail: detail === null || status === 401 ? detail : excerpt(detail),
      deviations: [],
    },
  )
}
