import { errors, fold, type ResolvedFilter } from '#libs/scim/index'
import { emailKey, isId } from '../record.ts'

/** A condition on one row, with the values that its text refers to by number. */
export interface Condition {
  readonly text: string
  /** True when an index narrows the rows down to few: the caller then finds them before it sorts. */
  readonly selective: boolean
  /** Set when the text depends on nothing but this: the statement may be prepared under it. */
  readonly shape: string | undefined
}

type Compare = Extract<ResolvedFilter, { kind: 'compare' }>
type Operator = Compare['operator']
type Scalar = Compare['value']

/** What a table keeps in columns beside the document. */
export interface FilterColumns {
  readonly resourceType: 'User' | 'Group'
  readonly connection: string
  /** Columns by dotted path; `folded` ones hold `fold(value)`. */
  readonly columns: Readonly<
    Record<
      string,
      {
        readonly name: string
        readonly type: 'text' | 'folded' | 'boolean' | 'instant' | 'uuid'
        readonly indexed: boolean
      }
    >
  >
  /** Attributes that live outside the document: SQL that yields their elements as jsonb, by attribute name. */
  readonly elements: Readonly<Record<string, string>>
  /** Equality on these is answered by an index of another table; the parameter's number is put in place of `$value`. */
  readonly lookups: Readonly<Record<string, string>>
  /** Computed texts by dotted path. */
  readonly computed: Readonly<Record<string, string>>
}

/**
 * Compiles a filter to SQL over one table, selecting what `matches` of libs/scim selects. Values travel as
 * parameters, never in the text. A missing value makes a comparison NULL, which counts as false everywhere but
 * under `not`, where it is made false first.
 */
export function compileFilter(filter: ResolvedFilter, source: FilterColumns, values: unknown[]): Condition {
  const compiler = new Compiler(source, values)
  const text = compiler.row(filter)
  const shape =
    filter.kind === 'compare' && compiler.isPlain(filter)
      ? `${filter.target.path.join('.')} ${filter.operator}`
      : undefined
  return { text, selective: compiler.isSelective(filter), shape }
}

class Compiler {
  readonly #source: FilterColumns
  readonly #values: unknown[]
  #depth = 0

  constructor(source: FilterColumns, values: unknown[]) {
    this.#source = source
    this.#values = values
  }

  columnOf(path: readonly string[]): FilterColumns['columns'][string] | undefined {
    return this.#source.columns[path.join('.')]
  }

  isSelective(filter: ResolvedFilter): boolean {
    if (filter.kind === 'and') return filter.terms.some((term) => this.isSelective(term))
    if (filter.kind === 'or') return filter.terms.every((term) => this.isSelective(term))
    if (filter.kind === 'compare' && filter.operator === 'eq') {
      const { path } = filter.target
      return (
        this.#isEmail(path) ||
        this.columnOf(path)?.indexed === true ||
        this.#source.lookups[path.join('.')] !== undefined
      )
    }
    return filter.kind === 'valuePath' && this.#emailNamed(filter) !== undefined
  }

  /** True when the text of the comparison does not depend on its value. */
  isPlain({ target, operator, value }: Compare): boolean {
    const column = this.columnOf(target.path)
    if (column === undefined) return this.#isEmail(target.path) && operator === 'eq'
    return column.type !== 'uuid' || isId(String(value))
  }

  /** A condition on the row. */
  row(filter: ResolvedFilter): string {
    switch (filter.kind) {
      case 'present':
        return this.#presentInRow(filter.target.path, filter.target.multiValued)
      case 'compare':
        return this.#compareInRow(filter)
      case 'valuePath': {
        const email = this.#emailNamed(filter)
        const narrowed = email === undefined ? '' : `email_keys @> ARRAY[${this.#bind(email)}] AND `
        return `(${narrowed}${this.#anyElement(filter.target.path, (element) => this.#element(filter.filter, element))})`
      }
      default:
        return this.#logic(filter, (term) => this.row(term))
    }
  }

  /** A condition on one element (jsonb) of a multi-valued attribute. */
  #element(filter: ResolvedFilter, element: string): string {
    switch (filter.kind) {
      case 'present':
        return hasValue(jsonAt(element, filter.target.path))
      case 'compare':
        return this.#compareText(filter, textAt(element, filter.target.path))
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

  #presentInRow(path: readonly string[], multiValued: boolean): string {
    const column = this.columnOf(path)
    if (column !== undefined)
      return column.type === 'folded' || column.type === 'text'
        ? `coalesce(${column.name} <> '', false)`
        : `${column.name} IS NOT NULL`
    if (this.#source.computed[path.join('.')] !== undefined || path.join('.') === 'meta') return 'true'
    if (!multiValued) return hasValue(jsonAt('document', path))
    return this.#anyElement(path.slice(0, 1 + this.#extensionDepth(path)), (element) =>
      hasValue(jsonAt(element, path.slice(1 + this.#extensionDepth(path)))),
    )
  }

  #compareInRow(filter: Compare): string {
    const { path, multiValued } = filter.target
    const column = this.columnOf(path)
    if (column !== undefined) return this.#compareColumn(column, filter)
    const computed = this.#source.computed[path.join('.')]
    if (computed !== undefined) return this.#compareText(filter, computed)
    if (this.#isEmail(path) && filter.operator === 'eq') {
      return `email_keys @> ARRAY[${this.#bind(emailKey(this.#source.connection, String(filter.value)))}]`
    }
    const lookup = filter.operator === 'eq' ? this.#source.lookups[path.join('.')] : undefined
    if (lookup !== undefined) return lookup.replace('$value', this.#bind(filter.value))
    if (!multiValued) return this.#compareText(filter, textAt('document', path))
    const depth = 1 + this.#extensionDepth(path)
    const holder = path.slice(0, depth)
    const some = this.#anyElement(holder, (element) => this.#compareText(filter, textAt(element, path.slice(depth))))
    return filter.operator === 'ne'
      ? `(${some} OR NOT ${this.#anyElement(holder, (element) => `${textAt(element, path.slice(depth))} IS NOT NULL`)})`
      : some
  }

  #compareColumn(column: FilterColumns['columns'][string], { operator, value }: Compare): string {
    const { name, type } = column
    if (type === 'uuid') {
      if (operator === 'eq') return isId(String(value)) ? `${name} = ${this.#bind(value)}::uuid` : 'false'
      return this.#text(operator, `${name}::text`, String(value))
    }
    if (type === 'boolean') return `${name} ${operator === 'eq' ? '=' : '<>'} ${this.#bind(value)}::boolean`
    // Instants are kept to the millisecond; the value is compared as exactly as the client gave it.
    if (type === 'instant') return `${name} ${sqlOperator(operator)} ${this.#bind(value)}::timestamptz`
    return this.#text(operator, name, type === 'folded' ? fold(String(value)) : String(value))
  }

  #compareText({ target, operator, value }: Compare, text: string): string {
    switch (target.attribute.type) {
      case 'boolean':
        return operator === 'ne'
          ? `(${text})::boolean IS DISTINCT FROM ${this.#bind(value)}::boolean`
          : `(${text})::boolean = ${this.#bind(value)}::boolean`
      case 'integer':
      case 'decimal':
        return `(${text})::numeric ${sqlOperator(operator)} ${this.#bind(String(value))}::numeric`
      case 'dateTime':
        return `(${text})::timestamptz ${sqlOperator(operator)} ${this.#bind(value)}::timestamptz`
      default: {
        const exact = target.attribute.caseExact || target.attribute.type === 'binary'
        return exact ? this.#text(operator, text, value) : this.#text(operator, `lower(${text})`, fold(String(value)))
      }
    }
  }

  #text(operator: Operator, text: string, value: Scalar): string {
    const bound = `${this.#bind(String(value))}::text`
    switch (operator) {
      case 'co':
        return `strpos(${text}, ${bound}) > 0`
      case 'sw':
        return `starts_with(${text}, ${bound})`
      case 'ew':
        return `right(${text}, length(${bound})) = ${bound}`
      case 'ne':
        return `${text} IS DISTINCT FROM ${bound}`
      case 'eq':
        return `${text} = ${bound}`
      default:
        return `(${text}) COLLATE "C" ${sqlOperator(operator)} ${bound} COLLATE "C"`
    }
  }

  #anyElement(path: readonly string[], condition: (element: string) => string): string {
    const element = `element${this.#depth++}`
    const apart = this.#source.elements[path.join('.')]
    const source =
      apart ??
      `SELECT value FROM jsonb_array_elements(CASE jsonb_typeof(${jsonAt('document', path)}) WHEN 'array' THEN ${jsonAt('document', path)} ELSE '[]' END)`
    return `EXISTS (SELECT 1 FROM (${source}) AS ${element}(value) WHERE ${condition(`${element}.value`)})`
  }

  /** The address that every element selected by the filter must have, so that the index can find its row. */
  #emailNamed(filter: Extract<ResolvedFilter, { kind: 'valuePath' }>): string | undefined {
    if (this.#source.resourceType !== 'User' || filter.target.path.join('.') !== 'emails') return undefined
    const terms = filter.filter.kind === 'and' ? filter.filter.terms : [filter.filter]
    const named = terms.find(
      (term): term is Compare =>
        term.kind === 'compare' && term.operator === 'eq' && term.target.path.join('.') === 'value',
    )
    return named === undefined ? undefined : emailKey(this.#source.connection, String(named.value))
  }

  #isEmail(path: readonly string[]): boolean {
    return this.#source.resourceType === 'User' && path.join('.') === 'emails.value'
  }

  #extensionDepth(path: readonly string[]): number {
    return path[0]?.includes(':') === true ? 1 : 0
  }

  #bind(value: unknown): string {
    if (typeof value === 'string' && value.includes('\u0000')) {
      throw errors.invalidFilter(
        'A value in the filter holds the character U+0000, which nothing stored has. Remove it.',
      )
    }
    this.#values.push(value)
    return `$${this.#values.length}`
  }
}

function sqlOperator(operator: Operator): string {
  const operators: Partial<Record<Operator, string>> = {
    eq: '=',
    ne: 'IS DISTINCT FROM',
    gt: '>',
    ge: '>=',
    lt: '<',
    le: '<=',
  }
  return operators[operator] ?? '='
}

/** Keys come from schemas, but an operator's schema may name an attribute as it likes: they are quoted all the same. */
function jsonAt(base: string, path: readonly string[]): string {
  return path.reduce((json, key) => `${json} -> '${key.replaceAll("'", "''")}'`, base)
}

function textAt(base: string, path: readonly string[]): string {
  return `(${jsonAt(base, path)} #>> '{}')`
}

/** RFC 7644 section 3.4.2.2, `pr`: a non-empty value, or a complex one that holds one somewhere. */
function hasValue(json: string): string {
  return `coalesce(jsonb_path_exists(${json}, '$.** ? (@.type() == "boolean" || @.type() == "number" || @.type() == "string" && @ != "")'), false)`
}
