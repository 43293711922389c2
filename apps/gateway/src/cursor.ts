import { createHash } from 'node:crypto'
import { z } from 'zod'
import { open, type Peppers, seal } from '#libs/credentials/index'
import { errors, type SearchRequest } from '#libs/scim/index'
import type { PageAfter, Place } from './record-store.ts'

/** What a cursor is good for: this query of this connection, and no other. */
export interface CursorContext {
  readonly connection: string
  /** Names of the resource types listed. */
  readonly types: readonly string[]
  readonly search: SearchRequest
  /** Resources in a page. */
  readonly count: number
}

/** The longest key, in bytes, that a cursor carries: an address has an end. Of a longer one it carries the digest. */
const longestKey = 2_000

export function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}

/**
 * Cursors of RFC 9865: a place in the order of a list and when it was given out, sealed, so that they cannot be read, forged or used for anything
 * else. Every gateway of an installation reads them, also after a restart; nothing is kept of them.
 */
export class Cursors {
  readonly #peppers: Peppers
  /** Seconds for which a cursor is good. */
  readonly lifetime: number

  /** `lifetime` in milliseconds. */
  constructor(peppers: Peppers, lifetime: number) {
    this.#peppers = peppers
    this.lifetime = Math.floor(lifetime / 1000)
  }

  write(context: CursorContext, { id, key }: Place, totalResults: number | undefined, now: Date): string {
    const isLong = key !== undefined && Buffer.byteLength(key) > longestKey
    const carried = isLong ? { digest: digestOf(key) } : (key ?? null)
    const content: z.input<typeof fields> = [secondsOf(now), context.count, totalResults ?? null, id, carried]
    return seal(this.#peppers, sealContext(context), JSON.stringify(content))
  }

  /** Throws invalidCursor, expiredCursor, and invalidCount when the page is to be of another size than the first. */
  read(context: CursorContext, cursor: string, now: Date): PageAfter {
    const content = open(this.#peppers, sealContext(context), cursor)
    const read = content === undefined ? undefined : fields.safeParse(JSON.parse(content)).data
    if (read === undefined) throw errors.invalidCursor()
    const [givenOut, count, totalResults, id, key] = read
    if (secondsOf(now) - givenOut > this.lifetime) throw errors.expiredCursor(this.lifetime)
    if (count !== context.count) {
      throw errors.invalidCount(
        `The first page of this query was asked for with another count. Repeat the query with count=${count}, or with an empty cursor to begin anew.`,
      )
    }
    const after = typeof key === 'object' && key !== null ? { id, ...key } : { id, key: key ?? undefined }
    return { method: 'cursor', count, after, totalResults: totalResults ?? undefined }
  }
}

const key = z.union([z.string(), z.object({ digest: z.string() })])
const fields = z.tuple([z.int(), z.int(), z.int().nullable(), z.string(), key.nullable()])

/** A key for each connection, so that none is used more often than is good for it. */
function sealContext({ connection, types, search }: CursorContext): { purpose: string; of: string[] } {
  const { filter, sortBy, sortOrder, attributes, excludedAttributes } = search
  const query = JSON.stringify([types, filter, sortBy, sortOrder, attributes, excludedAttributes])
  return { purpose: `cursor ${connection}`, of: [query] }
}

function secondsOf(now: Date): number {
  return Math.floor(now.getTime() / 1000)
}
