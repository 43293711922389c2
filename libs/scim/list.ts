import { errors } from './error.ts'
import type { JsonObject } from './json.ts'

export const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

export interface Paging {
  /** One-based. */
  startIndex: number
  /** At most what was asked for; 0 means totals only. */
  count: number
}

/**
 * `startIndex` and `count` of a query, RFC 7644 section 3.4.2.4: below 1 and below 0 they are 1 and 0, and `count` is never above
 * `maximum`, which it is when absent. Throws `invalidValue` when one is no whole number.
 */
export function parsePaging(query: { startIndex?: unknown; count?: unknown }, maximum: number): Paging {
  return {
    startIndex: Math.max(1, wholeNumber('startIndex', query.startIndex) ?? 1),
    count: Math.min(maximum, Math.max(0, wholeNumber('count', query.count) ?? maximum)),
  }
}

function wholeNumber(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : ''
  if (!/^[+-]?\d+$/.test(text)) throw errors.invalidValue(`"${name}" is not a whole number. Send one, like ${name}=1.`)
  return Math.max(-1, Math.min(Number(text), 2_147_483_647))
}

/** The whole of a short collection, such as /Schemas, as a ListResponse. */
export function renderAll(documents: readonly JsonObject[]): string {
  const resources = documents.map((document) => JSON.stringify(document))
  return renderList({ totalResults: resources.length, startIndex: 1, resources })
}

/** A ListResponse, RFC 7644 section 3.4.2, around resources that are JSON text already. */
export function renderList(list: { totalResults: number; startIndex: number; resources: readonly string[] }): string {
  const { totalResults, startIndex, resources } = list
  return `{"schemas":["${listSchema}"],"totalResults":${totalResults},"startIndex":${startIndex},"itemsPerPage":${resources.length},"Resources":[${resources.join(',')}]}`
}
