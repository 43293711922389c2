import { comparedText, type ResolvedFilter, type Target } from '#libs/scim/index'
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
    if (column.type === 'instant') return !isBetweenMicroseconds(String(value))
    return column.type !== 'uuid' || isId(String(value))
  }

  /** A condition on the row. */
  row(filter: ResolvedFilter): string {
    switch (filter.kind) {
      case 'present':
        return this.#presentInRow(filter.target)
      case 'compare':
        return this.#compareInRow(filter)
      case 'valuePath': {
        const email = this.#emailNamed(filter)
        const narrowed = email === undefined ? '' : `email_keys @> ARRAY[${this.#bind(email)}] AND `
        return `(${narrowed}${this.#someInRow(filter.target, (element) => this.#element(filter.filter, element))})`
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
        return this.#compareSome(filter, (condition) => this.#some(element, filter.target, condition))
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

  #presentInRow(target: Target): string {
    const { path } = target
    const column = this.columnOf(path)
    if (column !== undefined)
      return column.type === 'folded' || column.type === 'text'
        ? `coalesce(${column.name} <> '', false)`
        : `${column.name} IS NOT NULL`
    if (this.#source.computed[path.join('.')] !== undefined || path.join('.') === 'meta') return 'true'
    return this.#someInRow(target, hasValue)
  }

  #compareInRow(filter: Compare): string {
    const { path } = filter.target
    const column = this.columnOf(path)
    if (column !== undefined) return this.#compareColumn(column, filter)
    const computed = this.#source.computed[path.join('.')]
    if (computed !== undefined) return this.#compareText(filter, computed)
    if (this.#isEmail(path) && filter.operator === 'eq') {
      return `email_keys @> ARRAY[${this.#bind(emailKey(this.#source.connection, String(filter.value)))}]`
    }
    const lookup = filter.operator === 'eq' ? this.#source.lookups[path.join('.')] : undefined
    if (lookup !== undefined) return lookup.replace('$value', this.#bind(filter.value))
    return this.#compareSome(filter, (condition) => this.#someInRow(filter.target, condition))
  }

  /** `ne` holds for some value that differs, and where there is none. */
  #compareSome(filter: Compare, some: (condition: (json: string) => string) => string): string {
    if (filter.operator !== 'ne') return some((json) => this.#compareJson(filter, json))
    const differs = some((json) => `${isValue(json)} AND ${this.#compareJson(filter, json)}`)
    return `(${differs} OR NOT coalesce(${some(isValue)}, false))`
  }

  /** Whether the condition holds for some value of the attribute, whose path begins at the row. */
  #someInRow(target: Target, condition: (json: string) => string): string {
    const depth = target.path.length - (target.parent === undefined ? 0 : 1)
    const holder = target.path.slice(0, depth)
    const apart = this.#source.elements[holder.join('.')]
    const held = jsonAt('document', holder)
    if (target.parent === undefined) return this.#each(held, target.attribute.multiValued, condition, apart)
    const rest = { ...target, path: target.path.slice(depth) }
    return this.#each(held, target.parent.multiValued, (json) => this.#some(json, rest, condition), apart)
  }

  /** The same within one value, where the path begins. */
  #some(json: string, { path, attribute }: Target, condition: (json: string) => string): string {
    return this.#each(jsonAt(json, path), attribute.multiValued, condition)
  }

  #compareColumn(column: FilterColumns['columns'][string], { target, operator, value }: Compare): string {
    const { name, type } = column
    if (type === 'uuid') {
      if (operator === 'eq') return isId(String(value)) ? `${name} = ${this.#bind(value)}::uuid` : 'false'
      return this.#text(operator, `${name}::text`, String(value))
    }
    if (type === 'boolean') return `${name} ${operator === 'eq' ? '=' : '<>'} ${this.#bind(value)}::boolean`
    if (type === 'instant') return this.#compareInstant(name, operator, String(value))
    return this.#text(operator, name, comparedText(target.attribute, String(value), operator))
  }

  /** Postgres would round what lies between its microseconds, where no row is. */
  #compareInstant(name: string, operator: Operator, instant: string): string {
    const between = isBetweenMicroseconds(instant)
    if (between && (operator === 'eq' || operator === 'ne')) return String(operator === 'ne')
    const compared = between && operator === 'ge' ? 'gt' : between && operator === 'lt' ? 'le' : operator
    return `${name} ${sqlOperator(compared)} ${this.#bind(`${instant.slice(0, endOfMicroseconds)}Z`)}::timestamptz`
  }

  /** Of another type than the attribute's is nothing that the connection stores: such a value is none. */
  #compareJson(filter: Compare, json: string): string {
    const { target, operator, value } = filter
    const text = `(${json} #>> '{}')`
    switch (target.attribute.type) {
      case 'boolean':
        return `${json} ${sqlOperator(operator)} to_jsonb(${this.#bind(value)}::boolean)`
      case 'integer':
      case 'decimal':
        return `CASE WHEN jsonb_typeof(${json}) = 'number' THEN ${text}::numeric END ${sqlOperator(operator)} ${this.#bind(String(value))}::numeric`
      case 'dateTime':
        return this.#text(operator, instantOf(text), value)
      default:
        return this.#compareText(filter, text)
    }
  }

  #compareText({ target: { attribute }, operator, value }: Compare, text: string): string {
    const isFolded = !attribute.caseExact && attribute.type !== 'binary'
    const sought = comparedText(attribute, String(value), operator)
    return this.#text(operator, isFolded ? `gateway.fold(${text})` : text, sought)
  }

  #text(operator: Operator, text: string, value: Compare['value']): string {
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

  #each(json: string, multiValued: boolean, condition: (json: string) => string, apart?: string): string {
    if (!multiValued) return condition(json)
    const element = `element${this.#depth++}`
    const source =
      apart ??
      `SELECT value FROM jsonb_array_elements(CASE jsonb_typeof(${json}) WHEN 'array' THEN ${json} ELSE '[]' END)`
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

  #bind(value: unknown): string {
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

/** Where the microseconds of an instant end, as `canonicalDateTime` writes it; three digits follow. */
const endOfMicroseconds = '2026-01-31T12:00:00.000000'.length

function isBetweenMicroseconds(instant: string): boolean {
  return /[1-9]/.test(instant.slice(endOfMicroseconds))
}

/** What `canonicalDateTime` makes of a stored dateTime: Postgres keeps time to the microsecond, so the fraction is taken from the text. */
function instantOf(text: string): string {
  const zone = `CASE WHEN ${text} ~ '(Z|[+-]\\d\\d:\\d\\d)$' THEN '' ELSE 'Z' END`
  const seconds = `(regexp_replace(${text}, '\\.\\d+', '') || ${zone})::timestamptz AT TIME ZONE 'UTC'`
  const fraction = `rpad(left(coalesce(substring(${text} from '\\.(\\d+)'), ''), 9), 9, '0')`
  return `CASE WHEN ${text} ~ '^\\d{4}-\\d\\d-\\d\\dT' THEN to_char(${seconds}, 'YYYY-MM-DD"T"HH24:MI:SS.') || ${fraction} || 'Z' END`
}

/** NULL where nothing is. */
function isValue(json: string): string {
  return `jsonb_typeof(${json}) <> 'null'`
}

/** RFC 7644 section 3.4.2.2, `pr`: a non-empty value, or a complex one that holds one somewhere. */
function hasValue(json: string): string {
  return `coalesce(jsonb_path_exists(${json}, '$.** ? (@.type() == "boolean" || @.type() == "number" || @.type() == "string" && @ != "")'), false)`
}
