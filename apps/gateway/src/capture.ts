import type { KnownConnection } from './principal.ts'
import type { Pseudonyms } from './pseudonyms.ts'
import type { Passage } from './way-in.ts'

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
  /** JSON text. */
  readonly body: string | undefined
}

/** Nest provider: a `Captures`. */
export const CAPTURES = Symbol('CAPTURES')

/** Where captured requests are kept. One may be lost: the trail is elsewhere. */
export interface Captures {
  /**
   * Keeps what `make` gives, soon: it is called after the answer to the request, and what it throws harms nobody. Of very many that wait,
   * or of very large ones, those that come last are not kept; `size` is about how many characters of the request wait with it.
   */
  keep(make: () => Capture | undefined, size: number): void
  /** The capture of the request with that id, one that is still to be kept included. Rejects with the driver's error while Postgres is away. */
  find(requestId: string): Promise<Capture | undefined>
  /** Forgets what was received before that. Rejects as `find` does. */
  purge(before: Date): Promise<void>
  /** Resolves once all that was to be kept is, or could not be. */
  settled(): Promise<void>
}

const headersKept = ['accept', 'content-type', 'if-match', 'if-none-match', 'latchkey-dry-run', 'user-agent']
/** Characters of a capture's body at the most, and bytes of what it is made of; a larger request can be sent again only by who has it. */
const longestBody = 256 * 1024

/** Whether the request can be sent again: not one of a live connection, nor one that was not let in, has no readable path or body, or is too large. */
export function isCaptured({ arrival, connection, endpoint, replayOf, body, bodySize = 0 }: Passage): boolean {
  if (arrival.path.includes('\0') || !arrival.path.isWellFormed()) return false
  if (connection?.environment !== 'sandbox' || endpoint === undefined || replayOf !== undefined) return false
  return (!endpoint.takesBody || body !== undefined) && bodySize <= longestBody
}

/** What can be sent again of a request; undefined for one that is not captured. */
export function captureOf(
  passage: Passage,
  pseudonyms: (connection: KnownConnection) => Pseudonyms,
): Capture | undefined {
  const { arrival, connection, endpoint } = passage
  if (connection === undefined || endpoint === undefined || !isCaptured(passage)) return undefined
  const veil = pseudonyms(connection)
  const body = passage.body === undefined ? undefined : JSON.stringify(veil.body(passage.body))
  if (body !== undefined && body.length > longestBody) return undefined
  const query = [...arrival.query].map(([name, value]): [string, string] => [veil.path(name), veil.query(name, value)])
  return {
    requestId: arrival.requestId,
    connection: connection.connection,
    receivedAt: arrival.receivedAt,
    method: arrival.method,
    path: endpoint.hasId && endpoint.type !== undefined ? veil.address(arrival.path) : arrival.path,
    query: new URLSearchParams(query).toString(),
    headers: Object.fromEntries(
      headersKept.flatMap((name) => {
        const value = arrival.headers[name]
        return value === undefined ? [] : [[name, value]]
      }),
    ),
    body,
  }
}
