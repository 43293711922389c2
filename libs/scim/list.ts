import { errors } from './error.ts'
import type { JsonObject } from './json.ts'

const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

/** Which page of a list is asked for, by the place of its first resource or by a cursor (RFC 9865). */
export type Paging = PagingByIndex | PagingByCursor

export interface PagingByIndex {
  readonly method: 'index'
  /** One-based. */
  readonly startIndex: number
  /** At most what was asked for; 0 means totals only. */
  readonly count: number
}

export interface PagingByCursor {
  readonly method: 'cursor'
  /** Empty for the first page. */
  readonly cursor: string
  readonly count: number
}

/**
 * `startIndex`, `count` and `cursor` of a query, RFC 7644 section 3.4.2.4 and RFC 9865 section 2. Index paging unless a cursor is given, be it
 * empty; startIndex is then ignored. Below 1 and below 0 the numbers are 1 and 0, and `count` is never above `maximum`, which it is when
 * absent. When one is no whole number, throws `invalidCount` where a cursor is given, else `invalidValue`.
 */
export function parsePaging(
  query: { startIndex?: unknown; count?: unknown; cursor?: unknown },
  maximum: number,
): Paging {
  const { cursor } = query
  const isByCursor = cursor !== undefined && cursor !== null
  const fault = isByCursor ? errors.invalidCount : errors.invalidValue
  const count = Math.min(maximum, Math.max(0, wholeNumber('count', query.count, fault) ?? maximum))
  if (!isByCursor) {
    return { method: 'index', startIndex: Math.max(1, wholeNumber('startIndex', query.startIndex, fault) ?? 1), count }
  }
  if (typeof cursor !== 'string') throw errors.invalidCursor()
  return { method: 'cursor', cursor, count }
}

function wholeNumber(name: string, value: unknown, fault: (detail: string) => Error): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : ''
  if (!/^[+-]?\d+$/.test(text)) throw fault(`"${name}" is not a whole number. Send one, like ${name}=1.`)
  return Math.max(-1, Math.min(Number(text), 2_147_483_647))
}

/** The whole of a short collection, such as /Schemas, as a ListResponse. */
export function renderAll(documents: readonly JsonObject[]): string {
  const resources = documents.map((document) => JSON.stringify(document))
  return renderList({ totalResults: resources.length, startIndex: 1, resources })
}

/** What a ListResponse tells, RFC 7644 section 3.4.2 and RFC 9865 section 2. Its resources are JSON text already. */
export interface ListResponse {
  /** Absent where a cursor pages through more than can be counted. */
  readonly totalResults?: number | undefined
  /** Of a page by index. */
  readonly startIndex?: number
  /** Of a page by cursor that is not the last. */
  readonly nextCursor?: string | undefined
  readonly resources: readonly string[]
}

export function renderList({ totalResults, startIndex, nextCursor, resources }: ListResponse): string {
  const numbers = JSON.stringify({
    schemas: [listSchema],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    nextCursor,
  })
  return `${numbers.slice(0, -1)},"Resources":[${resources.join(',')}]}`
}
