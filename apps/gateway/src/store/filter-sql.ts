import { isId } from '#libs/events/index'
import { matcher, type ResolvedFilter, type Target } from '#libs/scim/index'
import type { RecordTable } from './columns.ts'
import {
  columnComparand,
  type Comparand,
  type Compare,
  comparison,
  jsonComparand,
  textComparand,
} from './compare-sql.ts'
import { hasValue, jsonAt, valuesAt } from './json-sql.ts'

/** A condition on one row, with the values that its text refers to by number. */
export interface Condition {
  readonly text: string
  /** An index narrows the rows down to few: the caller then finds them before it sorts. */
  readonly selective: boolean
  /** Set when the filter is a single look-up in an index, and the text depends on nothing but this: it may be prepared under it. */
  readonly shape: string | undefined
  /** A single look-up whose cost does not depend on how many records there are. */
  readonly isBounded: boolean
  /** The index gives the rows in the order of their ids. */
  readonly ordered: boolean
  /** An index alone tells which rows fit, of however many. */
  readonly covered: boolean
}

type ValuePath = Extract<ResolvedFilter, { kind: 'valuePath' }>

/**
 * Compiles a filter to SQL over one table, selecting what `matches` of libs/scim selects. Values travel as parameters, never in the
 * text. A missing value makes a comparison NULL, which counts as false everywhere but under `not`, where it is made false first.
 */
export function compileFilter(filter: ResolvedFilter, table: RecordTable, values: unknown[]): Condition {
  const compiler = new Compiler(table, values)
  const text = compiler.row(filter)
  const selective = compiler.isSelective(filter)
  const shape = selective && filter.kind === 'compare' && text !== 'false' ? filter.target.path.join('.') : undefined
  const ordered = shape !== undefined && table.columns[shape] !== undefined
  const isBounded = shape !== undefined && table.lookups[shape]?.isBounded !== false
  return { text, selective, shape, isBounded, ordered, covered: !selective && isCovered(filter, table) }
}

/** A comparison with a column whose index holds the ids too; `ne` is left out, as it fits most rows. */
function isCovered(filter: ResolvedFilter, { columns }: RecordTable): boolean {
  if (filter.kind !== 'compare' || filter.operator === 'ne') return false
  return columns[filter.target.path.join('.')]?.covered === true
}

/** Where a term looks: into one element of a multi-valued attribute. */
interface Element {
  /** The value as it compares, of a sub-attribute that has one at the most. */
  value(target: Target): Comparand
  present(path: readonly string[]): string
  values(path: readonly string[]): string
}

class Compiler {
  readonly #table: RecordTable
  readonly #values: unknown[]
  #aliases = 0

  constructor(table: RecordTable, values: unknown[]) {
    this.#table = table
    this.#values = values
  }

  isSelective(filter: ResolvedFilter): boolean {
    switch (filter.kind) {
      case 'and':
        return filter.terms.some((term) => this.isSelective(term))
      case 'or':
        return filter.terms.every((term) => this.isSelective(term))
      case 'compare': {
        if (filter.operator !== 'eq') return false
        const path = filter.target.path.join('.')
        return this.#table.columns[path]?.indexed === true || this.#table.lookups[path] !== undefined
      }
      case 'valuePath':
        return this.#named(filter) !== undefined
      default:
        return false
    }
  }

  /** A condition on the row. */
  row(filter: ResolvedFilter): string {
    switch (filter.kind) {
      case 'present':
        return this.#presentInRow(filter.target)
      case 'compare':
        return this.#compareInRow(filter)
      case 'valuePath': {
        const named = this.#named(filter)
        const narrowed = named === undefined ? '' : `${this.#lookUp(named.path, named.value)} AND `
        return `(${narrowed}${this.#anyElement(filter.target.path, (element) => this.#element(filter.filter, element))})`
      }
      default:
        return this.#logic(filter, (term) => this.row(term))
    }
  }

  #element(filter: ResolvedFilter, element: Element): string {
    switch (filter.kind) {
      case 'present':
        return element.present(filter.target.path)
      case 'compare': {
        const { target } = filter
        if (target.multiValued) return this.#compareAny(filter, element.values(target.path))
        return comparison(element.value(target), filter, this.#bind)
      }
      case 'valuePath':
        return 'false'
      default:
        return this.#logic(filter, (term) => this.#element(term, element))
    }
  }

  #logic(
    filter: Extract<ResolvedFilter, { kind: 'and' | 'or' | 'not' | 'constant' }>,
    term: (filter: ResolvedFilter) => string,
  ): string {
    switch (filter.kind) {
      case 'constant':
        return String(filter.holds)
      case 'not':
        return `NOT coalesce(${term(filter.term)}, false)`
      default:
        return `(${filter.terms.map(term).join(filter.kind === 'and' ? ' AND ' : ' OR ')})`
    }
  }

  #presentInRow({ path }: Target): string {
    const { columns, computed, elements } = this.#table
    const dotted = path.join('.')
    const column = columns[dotted]
    if (column !== undefined) {
      return column.type === 'folded' || column.type === 'text'
        ? `coalesce(${column.name} <> '', false)`
        : `${column.name} IS NOT NULL`
    }
    if (computed[dotted] !== undefined || dotted === 'meta' || dotted === 'meta.resourceType') return 'true'
    const [holder = '', ...rest] = path
    if (elements[holder] === undefined) return hasValue('document', path)
    return this.#anyElement([holder], (element) => element.present(rest))
  }

  #compareInRow(filter: Compare): string {
    const { target, operator, value } = filter
    const { columns, computed, elements, lookups, type } = this.#table
    const dotted = target.path.join('.')
    if (dotted === 'meta.resourceType') return String(matcher(filter)({ meta: { resourceType: type } }))
    if (operator === 'eq' && lookups[dotted] !== undefined) return this.#lookUp(dotted, String(value))
    const column = columns[dotted]
    if (column?.type === 'uuid' && operator === 'eq') {
      return isId(String(value)) ? `${column.name} = ${this.#bind(value)}::uuid` : 'false'
    }
    // Each of the two values has an index, and what is unassigned differs from both.
    if (column?.type === 'boolean') {
      const same = `${column.name} = ${(operator === 'eq') === value}`
      return operator === 'eq' ? same : `(${same} OR ${column.name} IS NULL)`
    }
    if (column !== undefined) return comparison(columnComparand(column), filter, this.#bind)
    const text = computed[dotted]
    if (text !== undefined) return comparison(textComparand(target.attribute, text), filter, this.#bind)
    const [holder = '', ...rest] = target.path
    if (elements[holder] !== undefined) {
      const part = { ...target, path: rest }
      const value = (element: Element): Comparand => element.value(part)
      if (operator !== 'ne')
        return this.#anyElement([holder], (element) => comparison(value(element), filter, this.#bind))
      const isThere = (element: Element): string => `${value(element).text} IS NOT NULL`
      const differs = (element: Element): string =>
        `${isThere(element)} AND ${comparison(value(element), filter, this.#bind)}`
      return `(${this.#anyElement([holder], differs)} OR NOT ${this.#anyElement([holder], isThere)})`
    }
    if (target.multiValued) return this.#compareAny(filter, valuesAt('document', target.path))
    return comparison(jsonComparand(target.attribute, jsonAt('document', target.path)), filter, this.#bind)
  }

  /** `values` is SQL that gives rows of one jsonb. */
  #compareAny(filter: Compare, values: string): string {
    const alias = this.#alias()
    const compared = comparison(jsonComparand(filter.target.attribute, alias), filter, this.#bind)
    const some = `EXISTS (SELECT 1 FROM ${values} AS ${alias} WHERE ${compared})`
    return filter.operator === 'ne' ? `(${some} OR NOT EXISTS (SELECT 1 FROM ${values}))` : some
  }

  #anyElement(path: readonly string[], condition: (element: Element) => string): string {
    const alias = this.#alias()
    const apart = path.length === 1 ? this.#table.elements[path[0] ?? ''] : undefined
    if (apart === undefined) {
      const element: Element = {
        value: ({ attribute, path: inner }) => jsonComparand(attribute, jsonAt(alias, inner)),
        present: (inner) => hasValue(alias, inner),
        values: (inner) => valuesAt(alias, inner),
      }
      return `EXISTS (SELECT 1 FROM ${valuesAt('document', path)} AS ${alias} WHERE ${condition(element)})`
    }
    const part = (inner: readonly string[]): string => `${alias}.${apart.parts[inner[0] ?? 'value'] ?? 'value'}`
    const element: Element = {
      value: ({ attribute, path: inner }) => textComparand(attribute, part(inner)),
      present: (inner) => (inner.length === 0 ? 'true' : `coalesce(${part(inner)} <> '', false)`),
      values: (inner) => `to_jsonb(${part(inner)})`,
    }
    return `EXISTS (SELECT 1 FROM (${apart.from}) AS ${alias} WHERE ${condition(element)})`
  }

  /** The look-up that every element selected by the filter fits, so that an index can find its row. */
  #named({ target, filter }: ValuePath): { path: string; value: string } | undefined {
    const terms = filter.kind === 'and' ? filter.terms : [filter]
    for (const term of terms) {
      if (term.kind !== 'compare' || term.operator !== 'eq') continue
      const path = [...target.path, ...term.target.path].join('.')
      if (this.#table.lookups[path] !== undefined) return { path, value: String(term.value) }
    }
    return undefined
  }

  #lookUp(path: string, value: string): string {
    return this.#table.lookups[path]?.condition(value, this.#bind) ?? 'false'
  }

  #alias(): string {
    return `element${this.#aliases++}`
  }

  readonly #bind = (value: unknown): string => `$${this.#values.push(value)}`
}
