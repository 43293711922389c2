import type { Statement } from '#libs/postgres/index'
import type { ResourceType } from '#libs/scim/index'
import type { DigestedPlace, ListQuery, PageAfter, Place } from '../record-store.ts'
import { groupTable, type RecordTable, userTable } from './columns.ts'
import { type Comparand, sqlTypes } from './compare-sql.ts'
import { compileFilter, type Condition } from './filter-sql.ts'
import { type Order, orderBy, rowsAfter, sortComparand } from './sort-sql.ts'

export interface Bound {
  readonly statement: string | Statement
  readonly values: readonly unknown[]
}

export interface ListStatements {
  /** What it costs does not depend on how many records there are. */
  readonly isLookup: boolean
  /** The parts of the page in their order, to be asked for in turn until it is full; `limit` is how many records are still wanted. */
  readonly parts: readonly ((limit: number) => Bound)[]
  /** The number of all matches, as `total`. */
  readonly count: Bound
}

export const recordColumns = 'id, version, created, last_modified AS "lastModified", document::text AS document'

/** From here on the rows of a page are fetched only once their places are known: those passed over then cost an entry of an index each. */
const deep = 1_000

/** One table of the list, with what is asked of it compiled. */
interface Source {
  readonly table: RecordTable
  readonly condition: Condition
  readonly key: Comparand | undefined
}

/** A list of which it is known where its page begins. */
export interface PlacedQuery extends Omit<ListQuery, 'page'> {
  readonly page: Exclude<ListQuery['page'], PageAfter> | (PageAfter & { readonly after: Place | undefined })
}

/** What the list is sorted by at a record that stands, as `sortKey`; no row where there is none. */
export function keyAt(connection: string, { of, baseUrl }: ListQuery, { id }: DigestedPlace): Bound {
  const keys = of.flatMap(({ type, sortedBy }) => {
    const table = tableOf(type, connection, baseUrl)
    const key = sortedBy === undefined ? undefined : sortComparand(sortedBy, table)
    const record = `FROM gateway.${table.name} WHERE connection = $1 AND id = $2::uuid`
    return key === undefined ? [] : [`SELECT ${told(key.text)} AS "sortKey" ${record}`]
  })
  return { statement: keys.join(' UNION ALL '), values: [connection, id] }
}

/** The statements of one list, over one table or several. Those whose text depends on no value are prepared. */
export function listStatements(connection: string, query: PlacedQuery): ListStatements {
  const values: unknown[] = [connection]
  const sources = query.of.map(({ type, filter, sortedBy }): Source => {
    const table = tableOf(type, connection, query.baseUrl)
    const condition = filter === undefined ? everything : compileFilter(filter, table, values)
    return { table, condition, key: sortedBy === undefined ? undefined : sortComparand(sortedBy, table) }
  })
  const order: Order = { descending: query.descending, key: sources.find(({ key }) => key !== undefined)?.key }
  const lists = new Lists(sources, order, values)
  const [first] = sources
  const isLookup = sources.length === 1 && first?.condition.isBounded === true
  return { isLookup, parts: lists.parts(query.page), count: lists.count() }
}

function tableOf({ name }: ResourceType, connection: string, baseUrl: string): RecordTable {
  return name === 'User' ? userTable(connection, baseUrl) : groupTable(baseUrl)
}

const everything: Condition = {
  text: 'true',
  selective: false,
  shape: 'all',
  isBounded: false,
  ordered: true,
  covered: false,
}

class Lists {
  readonly #sources: readonly Source[]
  readonly #order: Order
  readonly #values: readonly unknown[]

  constructor(sources: readonly Source[], order: Order, values: readonly unknown[]) {
    this.#sources = sources
    this.#order = order
    this.#values = values
  }

  parts(page: PlacedQuery['page']): ((limit: number) => Bound)[] {
    if (page.method === 'index') return [(limit) => this.#page('', undefined, limit, page.startIndex - 1)]
    const { after } = page
    if (after === undefined) return [(limit) => this.#page(' first', undefined, limit)]
    const each = this.#sources.map(({ key }) => rowsAfter(this.#order, key?.text, after))
    const parts = Math.max(...each.map((conditions) => conditions.length))
    return Array.from({ length: parts }, (_, part) => {
      const values = [...this.#values]
      const conditions = each.map((one) => one[part]?.((value) => `$${values.push(value)}`) ?? 'false')
      return (limit) => this.#page(' after', conditions, limit, undefined, values)
    })
  }

  count(): Bound {
    const counts = this.#sources.map((source) => `(SELECT count(*) ${from(source)})`)
    return this.#bound('count', `SELECT ${counts.join(' + ')} AS total`, this.#values)
  }

  #page(
    purpose: string,
    parts: readonly string[] | undefined,
    limit: number,
    offset?: number,
    values = this.#values,
  ): Bound {
    const [only, ...others] = this.#sources
    const bounds = offset === undefined ? [limit] : [limit, offset]
    const limits = ` LIMIT $${values.length + 1}${offset === undefined ? '' : ` OFFSET $${values.length + 2}`}`
    const isAlone = only !== undefined && others.length === 0
    const direct = isAlone && (offset ?? 0) < deep && !this.#isCovered(only)
    const text = direct ? this.#direct(only, parts?.[0], limits) : this.#byPlaces(parts, limits, values.length, bounds)
    return this.#bound(direct ? `page${purpose}` : undefined, text, [...values, ...bounds])
  }

  #direct(source: Source, part: string | undefined, limits: string): string {
    const { table, key } = source
    const order = orderBy(this.#order, key?.text)
    const sortKey = key === undefined ? '' : `, ${told(key.text)} AS "sortKey"`
    return `SELECT '${table.type}' AS type, ${recordColumns}${sortKey} ${this.#from(source, part)} ORDER BY ${order}${limits}`
  }

  /** First only the places of the page's records, then these. */
  #byPlaces(parts: readonly string[] | undefined, limits: string, bound: number, bounds: readonly number[]): string {
    const { key: sorted } = this.#order
    const kind = sorted === undefined ? 'text' : sqlTypes[sorted.kind]
    const within = bounds.map((_, index) => `$${bound + 1 + index}::bigint`).join(' + ')
    const places = this.#sources.map((source, index) => {
      const { table, key } = source
      const order = orderBy(this.#order, key?.text)
      const own = key === undefined ? `NULL::${kind}` : key.text
      return `(SELECT '${table.type}' AS type, id, ${own} AS key ${this.#from(source, parts?.[index])} ORDER BY ${order} LIMIT ${within})`
    })
    const collated = kind === 'text' ? ' COLLATE "C"' : ''
    const order = (name: string): string => orderBy(this.#order, `${name}key${collated}`, `${name}id`)
    const records = this.#sources.map(
      ({ table }) =>
        `SELECT ${recordColumns} FROM gateway.${table.name} WHERE place.type = '${table.type}' AND connection = $1 AND id = place.id`,
    )
    return `
      WITH place AS MATERIALIZED (SELECT * FROM (${places.join(' UNION ALL ')}) AS each ORDER BY ${order('')}${limits})
      SELECT place.type, record.*, ${told('place.key')} AS "sortKey"
      FROM place CROSS JOIN LATERAL (${records.join(' UNION ALL ')}) AS record ORDER BY ${order('place.')}`
  }

  #from(source: Source, part: string | undefined): string {
    const isInOrder = source.condition.ordered && this.#order.key === undefined
    return from(source, part, this.#isCovered(source) || (source.condition.selective && !isInOrder))
  }

  /** Its ids are read from the index, and sorted, sooner than all rows are walked in their order. */
  #isCovered({ condition }: Source): boolean {
    return condition.covered && this.#order.key === undefined
  }

  /** Prepared only where no value could have asked for another plan. */
  #bound(purpose: string | undefined, text: string, values: readonly unknown[]): Bound {
    const [only, ...others] = this.#sources
    const isPlain = others.length === 0 && this.#order.key === undefined && !this.#order.descending
    const shape = isPlain ? only?.condition.shape : undefined
    if (only === undefined || shape === undefined || purpose === undefined) return { statement: text, values }
    return { statement: { name: `gateway ${purpose} ${only.table.name} ${shape}`, text }, values }
  }
}

/** Few rows are found by their index before they are sorted; the planner might rather walk all in order. OFFSET 0 keeps it from that. */
function from({ table, condition }: Source, part?: string, foundFirst = false): string {
  const rows = `FROM gateway.${table.name} WHERE connection = $1 AND ${condition.text}`
  if (!foundFirst) return part === undefined ? rows : `${rows} AND ${part}`
  return `FROM (SELECT * ${rows} OFFSET 0) AS ${table.name} WHERE ${part ?? 'true'}`
}

/** A value as text that its type reads back, whatever the session's styles. */
function told(value: string): string {
  return `to_jsonb(${value}) #>> '{}'`
}
