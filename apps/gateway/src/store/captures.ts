import { setImmediate } from 'node:timers/promises'
import { type Database, isConnectionLoss } from '#libs/postgres/index'
import type { Capture, Captures } from '../capture.ts'

/** Captures that wait at the most, and characters of the requests that they are made of. */
const mostWaiting = 200
const mostCharactersWaiting = 16 * 1024 * 1024
/** Captures of one insert at the most; another is begun once they have so many characters. */
const mostRows = 50
const manyCharacters = 1024 * 1024

interface Waiting {
  readonly make: () => Capture | undefined
  readonly size: number
}

/** The captured requests of sandboxes in Postgres. They are made one in a turn of the event loop, so that other requests come between. */
export class StoredCaptures implements Captures {
  readonly #database: Database
  readonly #onFailure: (error: unknown) => void
  readonly #waiting: Waiting[] = []
  #charactersWaiting = 0
  #working: Promise<void> | undefined

  constructor(database: Database, onFailure: (error: unknown) => void) {
    this.#database = database
    this.#onFailure = onFailure
  }

  keep(make: Waiting['make'], size: number): void {
    if (this.#waiting.length >= mostWaiting || this.#charactersWaiting + size > mostCharactersWaiting) return
    this.#waiting.push({ make, size })
    this.#charactersWaiting += size
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  async find(requestId: string): Promise<Capture | undefined> {
    await this.#working
    const [row] = await this.#database.query<Row>(find, [requestId])
    return row && { ...row, body: row.body ?? undefined }
  }

  async purge(before: Date): Promise<void> {
    await this.#database.query('DELETE FROM gateway.captured_request WHERE received_at < $1', [before])
  }

  async settled(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = await this.#make()
      await this.#insert(rows)
    }
  }

  /** One that Postgres refuses, for whatever reason, costs no other. */
  async #insert(rows: readonly object[]): Promise<void> {
    if (rows.length === 0) return
    try {
      await this.#database.query(insert, [JSON.stringify(rows)])
    } catch (error) {
      if (rows.length === 1 || isConnectionLoss(error)) this.#onFailure(error)
      else for (const row of rows) await this.#insert([row])
    }
  }

  async #make(): Promise<object[]> {
    const rows: object[] = []
    for (let characters = 0; rows.length < mostRows && characters < manyCharacters;) {
      await setImmediate()
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#charactersWaiting -= next.size
      const capture = this.#captureOf(next)
      if (capture === undefined) continue
      rows.push(rowOf(capture))
      characters += capture.body?.length ?? 0
    }
    return rows
  }

  #captureOf({ make }: Waiting): Capture | undefined {
    try {
      return make()
    } catch (error) {
      this.#onFailure(error)
      return undefined
    }
  }
}

type Row = Omit<Capture, 'body'> & { readonly body: string | null }

function rowOf({ requestId, receivedAt, ...rest }: Capture): object {
  return { ...rest, request_id: requestId, received_at: receivedAt }
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
