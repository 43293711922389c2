import type { Statement } from '#libs/postgres/index'
import type { ResourceType } from '#libs/scim/index'
import type { ListQuery } from '../record-store.ts'
import { groupColumns, userColumns } from './columns.ts'
import { compileFilter, type Condition } from './filter-sql.ts'

interface Bound {
  readonly statement: string | Statement
  readonly values: readonly unknown[]
}

export const recordColumns = 'id, version, created, last_modified AS "lastModified", document::text AS document'

export function tableOf(type: ResourceType): 'scim_user' | 'scim_group' {
  return type.name === 'User' ? 'scim_user' : 'scim_group'
}

/** The statements of one page and of the number of all matches. Those whose text depends on no value are prepared. */
export function listStatements(
  type: ResourceType,
  connection: string,
  query: ListQuery,
): { page: Bound; count: Bound } {
  const table = tableOf(type)
  const values: unknown[] = [connection]
  const source = (type.name === 'User' ? userColumns : groupColumns)(connection, query.baseUrl)
  const condition: Condition =
    query.filter === undefined
      ? { text: 'true', selective: false, shape: 'all' }
      : compileFilter(query.filter, source, values)
  const found = `FROM gateway.${table} WHERE connection = $1 AND ${condition.text}`
  const limit = ` ORDER BY id LIMIT $${values.length + 1} OFFSET $${values.length + 2}`
  // Few rows are found by their index before they are sorted; the planner might rather walk all in order.
  const page = condition.selective
    ? `WITH found AS MATERIALIZED (SELECT * ${found}) SELECT ${recordColumns} FROM found${limit}`
    : `SELECT ${recordColumns} ${found}${limit}`
  const statement = (purpose: string, text: string): string | Statement =>
    condition.shape === undefined ? text : { name: `gateway ${purpose} ${table} ${condition.shape}`, text }
  return {
    page: { statement: statement('page', page), values: [...values, query.count, query.startIndex - 1] },
    count: { statement: statement('count', `SELECT count(*) AS total ${found}`), values },
  }
}
