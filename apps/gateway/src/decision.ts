import { type AnyEvent, makeEvent } from '#libs/events/index'
import { excerpt } from '#libs/telemetry/index'
import type { Outcome } from './answer.ts'
import { scimPrefix, tokenPath } from './names.ts'
import { mayBeConnection } from './principal.ts'
import type { Passage } from './way-in.ts'

/** Pointers name what the client sent: enough to find the mapping that is wrong. */
const longestPointer = 200

/**
 * The `request.decided` of one request. It belongs to the connection of the key that was proved; without one, to the
 * connection that the address names, so that a tenant sees what was tried on it; else to nobody. A key that somebody put
 * where it does not belong is not repeated.
 */
export function requestDecided(passage: Passage, outcome: Outcome): AnyEvent {
  const { arrival, key, connection, endpoint, steps, diagnosis } = passage
  const asksForToken = passage.asksForToken !== undefined
  const isOfAnother = key !== undefined && key.connection !== arrival.connectionId
  const owner = key ?? connection
  const userAgent = arrival.headers['user-agent']
  const own = owner !== undefined && connection?.connection === owner.connection ? connection : undefined
  return makeEvent(
    'request.decided',
    {
      source: 'gateway',
      subject: arrival.requestId,
      owner: owner?.connection ?? '',
      version: 1,
      time: arrival.receivedAt,
      traceparent: arrival.traceparent,
    },
    {
      requestId: arrival.requestId,
      surface: 'scim',
      tenant: owner?.tenant ?? null,
      connection: owner?.connection ?? null,
      environment: owner?.environment ?? null,
      identityProvider: own?.identityProvider ?? null,
      kid: key?.kid ?? null,
      method: arrival.method,
      path: excerpt(asksForToken ? tokenPath : `${scimPrefix}/${arrival.connectionId}${arrival.path}`),
      ...(asksForToken && isOfAnother && mayBeConnection(arrival.connectionId)
        ? { client: excerpt(arrival.connectionId) }
        : {}),
      operation: asksForToken ? 'tokens.issue' : (endpoint?.operation ?? null),
      address: arrival.caller.text,
      userAgent: userAgent === undefined ? null : excerpt(userAgent),
      steps: [...steps],
      outcome: outcome.result,
      status: outcome.status,
      code: outcome.code,
      // That of a 401 quotes nothing of the request, and its advice would look like a secret.
      detail: outcome.detail === null || outcome.status === 401 ? outcome.detail : excerpt(outcome.detail),
      subject: outcome.subject,
      changed: [...outcome.changed],
      events: [...outcome.events],
      ...(outcome.takesAway === true ? { takesAway: true as const } : {}),
      ...(outcome.shown === undefined ? {} : { shown: outcome.shown }),
      ...(diagnosis === undefined ? {} : { dialect: diagnosis.dialect.name }),
      deviations: (diagnosis?.deviations ?? []).map(({ pointer, cause, ...rest }) => ({
        ...rest,
        pointer: excerpt(pointer).slice(0, longestPointer),
        cause: excerpt(cause),
      })),
      ...(passage.within === undefined ? {} : { within: passage.within.requestId }),
      ...(outcome.bulk === undefined ? {} : { bulk: outcome.bulk }),
      ...(passage.replayOf === undefined ? {} : { replayOf: passage.replayOf }),
      ...(typeof passage.alike === 'number' ? { alike: passage.alike } : {}),
      ...(passage.isRehearsal === true ? { dryRun: rehearsedIn(outcome) } : {}),
      receivedAt: arrival.receivedAt.toISOString(),
      microseconds: Math.max(0, Math.round((performance.now() - arrival.began) * 1000)),
      traceId: arrival.traceId,
    },
  )
}

function rehearsedIn({ rehearsed }: Outcome): { changed: string[]; events: string[] } {
  return { changed: [...(rehearsed?.changed ?? [])], events: [...(rehearsed?.events ?? [])] }
}
