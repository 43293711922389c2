import type { JsonValue } from '#libs/scim/index'
import type { Passage } from './way-in.ts'
import type { Pseudonyms } from './pseudonyms.ts'

/** A request of a sandbox as it can be sent again: all that made it odd, and nothing that names a person. */
export interface Capture {
  readonly requestId: string
  readonly connection: string
  readonly receivedAt: Date
  readonly method: string
  /** Below the SCIM base URL. */
  readonly path: string
  /** Without the "?". */
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonValue | undefined
}

const headersKept = ['accept', 'content-type', 'if-match', 'if-none-match', 'latchkey-dry-run', 'user-agent']
/** Queries whose values say how something is asked for. */
const plainQueries: ReadonlySet<string> = new Set([
  'attributes',
  'excludedAttributes',
  'sortBy',
  'sortOrder',
  'startIndex',
  'count',
])
/** Characters of a capture's body at the most; a larger request can be sent again only by who has it. */
const longestBody = 256 * 1024

/** What can be sent again of a request that was let in; undefined for one of a live connection, without a readable body, or too large. */
export function captureOf(passage: Passage, pseudonyms: (connection: string) => Pseudonyms): Capture | undefined {
  const { arrival, connection, endpoint } = passage
  if (connection?.environment !== 'sandbox' || endpoint === undefined || passage.replayOf !== undefined)
    return undefined
  if (endpoint.takesBody && passage.body === undefined) return undefined
  if (Number(arrival.headers['content-length'] ?? 0) > longestBody) return undefined
  const veil = pseudonyms(connection.connection)
  const query = new URLSearchParams(arrival.query)
  for (const [name, value] of arrival.query) {
    if (name === 'filter') query.set(name, veil.filter(value))
    else if (!plainQueries.has(name)) query.set(name, veil.text(value))
  }
  const [, collection = '', ...rest] = arrival.path.split('/')
  return {
    requestId: arrival.requestId,
    connection: connection.connection,
    receivedAt: arrival.receivedAt,
    method: arrival.method,
    path: `/${[collection, ...rest.map((part) => (collection === 'Schemas' ? part : veil.text(part)))].join('/')}`,
    query: query.toString(),
    headers: Object.fromEntries(
      headersKept.flatMap((name) => {
        const value = arrival.headers[name]
        return value === undefined ? [] : [[name, value]]
      }),
    ),
    body: passage.body === undefined ? undefined : veil.body(passage.body as JsonValue),
  }
}
