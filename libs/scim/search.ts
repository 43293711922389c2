import { below, deviations } from './deviation.ts'
import { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { isObject } from './json.ts'
import type { JsonValue } from './json.ts'
import { caselessFields, namesSchema } from './message.ts'

export const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'

/**
 * What a list is asked for, as it came: `filter` is for `parseFilter`, the others for `parseProjection`, `parseSort` and `parsePaging`.
 */
export interface SearchRequest {
  filter?: string
  attributes?: JsonValue
  excludedAttributes?: JsonValue
  sortBy?: JsonValue
  sortOrder?: JsonValue
  startIndex?: JsonValue
  count?: JsonValue
  cursor?: JsonValue
}

const fields = ['attributes', 'excludedAttributes', 'sortBy', 'sortOrder', 'startIndex', 'count', 'cursor'] as const

/** The parameters of a GET, RFC 7644 section 3.4.2. Others are ignored; a list of names may be given in several. */
export function readSearch(query: URLSearchParams): SearchRequest {
  const search: SearchRequest = {}
  for (const field of ['filter', ...fields] as const) {
    const values = query.getAll(field)
    if (values.length > 0) search[field] = field.endsWith('ttributes') ? values.join(',') : (values[0] ?? '')
  }
  return search
}

/**
 * The body of a POST to /.search, RFC 7644 section 3.4.3, its keys in any letter case. Throws `invalidSyntax`, and `invalidFilter` when
 * the filter is no string.
 */
export function parseSearch(body: unknown, found = new Diagnosis()): SearchRequest {
  const sent = isObject(body) ? caselessFields(body) : undefined
  if (sent === undefined || !namesSchema(sent.get('schemas'), searchSchema)) {
    throw errors.invalidSyntax(
      `The body is not a search request. Send an object whose "schemas" holds ${searchSchema}.`,
    )
  }
  const search: SearchRequest = {}
  const filter = sent.get('filter')
  if (typeof filter === 'string') search.filter = filter
  else if (filter !== undefined && filter !== null) throw errors.invalidFilter('"filter" is not a string. Send one.')
  for (const field of fields) {
    const value = sent.get(field.toLowerCase())
    if (value === undefined || value === null) continue
    search[field] = value
    if (typeof value !== 'string') continue
    const pointer = below(found.place, field)
    if (field === 'startIndex' || field === 'count') found.push(deviations.numberAsString(pointer))
    if (field.endsWith('ttributes')) found.push(deviations.singleAsMany(pointer))
  }
  return search
}
