import type { Target } from '#libs/scim/index'
import type { Place } from '../record-store.ts'
import type { RecordTable } from './columns.ts'
import { columnComparand, type Comparand, jsonComparand, sqlTypes, textComparand } from './compare-sql.ts'
import { chosenOf, jsonAt } from './json-sql.ts'

/**
 * What the rows of a table are sorted by, as `sortKeyOf` of libs/scim has it: an SQL expression, NULL where a row has no value. Undefined where
 * the order is that of the ids anyway.
 */
export function sortComparand({ path, attribute, parent }: Target, table: RecordTable): Comparand | undefined {
  const dotted = path.join('.')
  if (dotted === 'id') return undefined
  const column = table.columns[dotted]
  if (column !== undefined) return columnComparand(column)
  if (dotted === 'meta.resourceType') return { text: `'${table.type}'::text COLLATE "C"`, kind: 'exact' }
  const computed = table.computed[dotted]
  if (computed !== undefined) return textComparand(attribute, computed)
  const [holder = '', sub = 'value'] = path
  const apart = table.elements[holder]
  if (apart !== undefined) {
    const part = apart.parts[sub] ?? 'value'
    return textComparand(
      attribute,
      `(SELECT ${part} FROM (${apart.from}) AS element ORDER BY value COLLATE "C" LIMIT 1)`,
    )
  }
  const above = parent === undefined ? path : path.slice(0, -1)
  const held = jsonAt('document', above)
  const chosen = (parent ?? attribute).multiValued ? `(${chosenOf(held)})` : held
  const value = parent === undefined ? chosen : jsonAt(chosen, path.slice(-1))
  const isList = parent !== undefined && attribute.multiValued
  return jsonComparand(attribute, isList ? `(${chosenOf(value)})` : value)
}

/** The order of a list. Where `key` is undefined it is that of the ids alone. */
export interface Order {
  readonly descending: boolean
  readonly key: Pick<Comparand, 'kind'> | undefined
}

/** For ORDER BY; no value comes last ascending and first descending, which is how Postgres has it. `key` is an expression or a column. */
export function orderBy({ descending, key: sorted }: Order, key: string | undefined, id = 'id'): string {
  const direction = descending ? ' DESC' : ''
  return sorted === undefined || key === undefined ? `${id}${direction}` : `${key}${direction}, ${id}${direction}`
}

/** A condition with parameters that `bind` names. */
export type Part = (bind: (value: unknown) => string) => string

/**
 * Conditions on the rows that come after a place; those of the first come before those of the second. `key` is undefined for a table that has
 * no attribute of that name.
 */
export function rowsAfter({ descending, key: sorted }: Order, key: string | undefined, place: Place): Part[] {
  const beyond = descending ? '<' : '>'
  const byId: Part = (bind) => `id ${beyond} ${bind(place.id)}::uuid`
  if (sorted === undefined) return [byId]
  const has: Part = () => (key === undefined ? 'false' : `(${key}) IS NOT NULL`)
  const lacks: Part = () => (key === undefined ? 'true' : `(${key}) IS NULL`)
  if (place.key === undefined) {
    const rest: Part = (bind) => `${lacks(bind)} AND ${byId(bind)}`
    return descending ? [rest, has] : [rest]
  }
  const type = sqlTypes[sorted.kind]
  const rest: Part = (bind) =>
    key === undefined
      ? 'false'
      : `${has(bind)} AND (${key}, id) ${beyond} (${bind(place.key)}::${type}, ${bind(place.id)}::uuid)`
  return descending ? [rest] : [rest, lacks]
}
