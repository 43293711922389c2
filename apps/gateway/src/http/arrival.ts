import type { FastifyRequest } from 'fastify'
import { newId } from '#libs/events/index'
import { BodyAborted, BodyTimedOut, BodyTooLarge, BodyUnreadable, readBody } from '#libs/http/index'
import { errors } from '#libs/scim/index'
import { scimPrefix } from '../names.ts'
import type { Arrival } from '../way-in.ts'

/** What the way in needs to know of an HTTP request; nothing is judged here. */
export function arrivalOf(
  request: FastifyRequest,
  trace: { traceId: string; traceparent: string },
  now: Date,
  requestTimeout: number,
): Arrival {
  const { raw } = request
  return {
    requestId: newId(now.getTime()),
    method: raw.method ?? '',
    ...addressed(raw.url ?? '/'),
    headers: headersIn(raw),
    breach: request.breach,
    caller: request.caller,
    receivedAt: now,
    began: request.arrivedAt,
    ...trace,
    readBody: async (limit) => {
      try {
        return await readBody(raw, limit, requestTimeout)
      } catch (error) {
        if (error instanceof BodyTooLarge) throw errors.payloadTooLarge(limit)
        if (error instanceof BodyUnreadable) throw errors.unreadable(400, error.detail)
        if (error instanceof BodyTimedOut || error instanceof BodyAborted) throw errors.incompleteBody()
        throw error
      }
    },
  }
}

/** What an address names. */
export function addressed(target: string): Pick<Arrival, 'connectionId' | 'path' | 'query' | 'target'> {
  const [path = '', query = ''] = splitOnce(target, '?')
  const [connectionId = '', ...rest] = path.startsWith(`${scimPrefix}/`)
    ? path.slice(scimPrefix.length + 1).split('/')
    : ['', path]
  const parts = rest.filter((part) => part !== '').map(decoded)
  return { connectionId, path: `/${parts.join('/')}`, query: readQuery(query), target }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/**
 * RFC 7644 section 1.1 has values percent-encoded (RFC 3986), where "+" is itself; forms write a space so. Which of the two a client does, shows where
 * it writes a space as %20: there every "+" is one, as in an e-mail address.
 */
function readQuery(query: string): URLSearchParams {
  return new URLSearchParams(query.includes('%20') ? query.replaceAll('+', '%2B') : query)
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** A header sent twice is not one that can be trusted to mean either: the two are joined. */
function headersIn({ headersDistinct }: FastifyRequest['raw']): Arrival['headers'] {
  const headers: Record<string, string | undefined> = {}
  for (const [name, values = []] of Object.entries(headersDistinct))
    headers[name] = values.length === 1 ? values[0] : values.join(', ')
  return headers
}
