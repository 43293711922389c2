import type { Database } from '#libs/postgres/index'
import { parseJson } from '#libs/scim/index'
import type { Capture } from '../capture.ts'

/** Captures that wait for a slow database at the most; what comes beyond is not kept. */
const mostWaiting = 500

type Row = Omit<Capture, 'body'> & { readonly body: string | null }

/** The captured requests of sandboxes. To keep one costs its request nothing, and it may be lost: the trail is elsewhere. */
export class Captures {
  readonly #database: Database
  readonly #onFailure: (error: unknown) => void
  #waiting: Capture[] = []
  #writing: Promise<void> | undefined

  constructor(database: Database, onFailure: (error: unknown) => void) {
    this.#database = database
    this.#onFailure = onFailure
  }

  /** Kept soon. */
  keep(capture: Capture): void {
    if (this.#waiting.length >= mostWaiting) return
    this.#waiting.push(capture)
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  /** The capture of the request with that id. */
  async find(requestId: string): Promise<Capture | undefined> {
    await this.#writing
    const [row] = await this.#database.query<Row>(find, [requestId])
    return row && { ...row, body: row.body === null ? undefined : parseJson(row.body) }
  }

  /** Forgets what was received before that. */
  async purge(before: Date): Promise<void> {
    await this.#database.query('DELETE FROM gateway.captured_request WHERE received_at < $1', [before])
  }

  /** Once all that was to be kept is, or could not be. */
  async settled(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.splice(0).map((one) => ({
        request_id: one.requestId,
        connection: one.connection,
        received_at: one.receivedAt,
        method: one.method,
        path: one.path,
        query: one.query,
        headers: one.headers,
        body: one.body === undefined ? null : JSON.stringify(one.body),
      }))
      await this.#database.query(insert, [JSON.stringify(rows)]).catch(this.#onFailure)
    }
  }
}

const insert = {
  name: 'gateway keep captures',
  text: `
    INSERT INTO gateway.captured_request (connection, request_id, received_at, method, path, query, headers, body)
    SELECT connection, request_id, received_at, method, path, query, headers, body FROM jsonb_to_recordset($1::jsonb)
      AS r(connection text, request_id uuid, received_at timestamptz, method text, path text, query text, headers jsonb, body text)
    WHERE EXISTS (SELECT 1 FROM gateway.known_connection k WHERE k.connection = r.connection)
    ON CONFLICT DO NOTHING`,
}

const find = {
  name: 'gateway find capture',
  text: `
    SELECT connection, request_id AS "requestId", received_at AS "receivedAt", method, path, query, headers, body
    FROM gateway.captured_request WHERE request_id = $1`,
}
