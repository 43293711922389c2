import {
  type Diagnosis,
  errors,
  parseFilter,
  parsePaging,
  parseProjection,
  parseSearch,
  parseSort,
  type Projection,
  readSearch,
  renderList,
  reportUnknownNames,
  resolveFilters,
  resolveSort,
  type ResourceType,
  type SearchRequest,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import type { Cursors } from './cursor.ts'
import type { ListedRecord, ListQuery, RecordReads } from './record-store.ts'
import { represent } from './representation.ts'
import { mostMembersHeld, standings } from './standing.ts'
import type { Admitted } from './way-in.ts'

export interface ListParts {
  readonly records: RecordReads
  readonly cursors: Cursors
  readonly baseUrl: (connection: string) => string
}

/** Resources in one page of a list at the most. */
export const largestPage = 200

/** RFC 7644 section 3.4.2, of one resource type or of all. */
export function list(request: Admitted, types: readonly ResourceType[], parts: ListParts): Promise<Answer> {
  return answer(request, types, readSearch(request.arrival.query), (parameter) => `?${parameter}`, parts)
}

/** RFC 7644 section 3.4.3: the same, asked for in a body. */
export function search(request: Admitted, types: readonly ResourceType[], parts: ListParts): Promise<Answer> {
  return answer(request, types, parseSearch(request.body, request.diagnosis), (parameter) => `/${parameter}`, parts)
}

async function answer(
  { principal: { connection }, arrival, diagnosis }: Admitted,
  types: readonly ResourceType[],
  asked: SearchRequest,
  at: (parameter: string) => string,
  { records, cursors, baseUrl }: ListParts,
): Promise<Answer> {
  const base = baseUrl(connection)
  const paging = parsePaging(asked, largestPage)
  const projections = new Map(types.map((type) => [type.name, parseProjection(type, asked)]))
  reportUnknownNames(types, asked, diagnosis, at)
  const context = { connection, types: types.map((type) => type.name), search: asked, count: paging.count }
  const page = paging.method === 'index' ? paging : pageOf(paging.cursor)
  const found = await records.list(connection, {
    ...queryOf(types, asked, diagnosis, at('filter')),
    page,
    baseUrl: base,
  })
  const shown = new Map<string, string>()
  for (const type of types) {
    const own = found.records.filter((record) => record.type === type.name)
    const projection = projections.get(type.name) ?? { kind: 'default' }
    for (const [id, text] of await render(own, type, projection)) shown.set(id, text)
  }
  const { totalResults, next } = found
  const resources = found.records.flatMap(({ id }) => shown.get(id) ?? [])
  const numbers =
    page.method === 'index'
      ? { startIndex: page.startIndex }
      : { nextCursor: next && cursors.write(context, next, totalResults, arrival.receivedAt) }
  return {
    status: 200,
    headers: {},
    body: renderList({ totalResults, ...numbers, resources }),
    outcome: accepted(200, { shown: resources.length }),
  }

  function pageOf(cursor: string): ListQuery['page'] {
    if (cursor === '') return { method: 'cursor', count: paging.count, after: undefined }
    return cursors.read(context, cursor, arrival.receivedAt)
  }

  async function render(
    own: readonly ListedRecord[],
    type: ResourceType,
    projection: Projection,
  ): Promise<[string, string][]> {
    const standing = await standings(type, connection, own, projection, records, mostMembersHeld)
    if (standing === undefined) {
      throw errors.tooMany(
        `The groups of this page have more than ${mostMembersHeld} members together. Ask with excludedAttributes=members, or for fewer groups by count.`,
      )
    }
    return own.map((stored, index) => [
      stored.id,
      represent(type, base, standing[index] ?? stored, stored.document, projection),
    ])
  }
}

/** What is asked of each resource type: an attribute that one does not have has no value there (RFC 7644 section 3.4.2.1). */
function queryOf(
  types: readonly ResourceType[],
  asked: SearchRequest,
  diagnosis: Diagnosis,
  filterAt: string,
): Pick<ListQuery, 'of' | 'descending'> {
  const filter = asked.filter === undefined ? undefined : parseFilter(asked.filter, diagnosis, filterAt)
  const filters = filter === undefined ? [] : resolveFilters(types, filter, diagnosis, filterAt)
  const sort = parseSort(asked)
  const sortedBy = sort === undefined ? [] : resolveSort(types, sort)
  const of = types.map((type, index) => ({
    type,
    filter: filters[index],
    sortedBy: sortedBy[index],
  }))
  return { of, descending: sort?.descending ?? false }
}
