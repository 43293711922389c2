import { errors } from './error.ts'
import { isObject } from './json.ts'
import type { JsonValue } from './json.ts'

export const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'

/** The fields of a search request as they came: `filter` is for `parseFilter`, the others for `parseProjection` and `parsePaging`. */
export interface SearchRequest {
  filter?: string
  attributes?: JsonValue
  excludedAttributes?: JsonValue
  startIndex?: JsonValue
  count?: JsonValue
}

const fields = ['attributes', 'excludedAttributes', 'startIndex', 'count'] as const

/** The body of a POST to /.search, RFC 7644 section 3.4.3. Throws `invalidSyntax`, and `invalidFilter` when the filter is no string. */
export function parseSearch(body: unknown): SearchRequest {
  const schemas = isObject(body) ? body['schemas'] : undefined
  if (!isObject(body) || !Array.isArray(schemas) || !schemas.includes(searchSchema)) {
    throw errors.invalidSyntax(
      `The body is not a search request. Send an object whose "schemas" holds ${searchSchema}.`,
    )
  }
  const search: SearchRequest = {}
  const { filter } = body
  if (typeof filter === 'string') search.filter = filter
  else if (filter !== undefined && filter !== null) throw errors.invalidFilter('"filter" is not a string. Send one.')
  for (const field of fields) {
    const value = body[field]
    if (value !== undefined && value !== null) search[field] = value
  }
  return search
}
