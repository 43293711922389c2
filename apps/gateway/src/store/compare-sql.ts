import { type Attribute, comparedText, type ComparisonOperator, type ResolvedFilter } from '#libs/scim/index'
import type { Column } from './columns.ts'
import { textOf } from './json-sql.ts'

export type Compare = Extract<ResolvedFilter, { kind: 'compare' }>

/** An SQL expression with the way in which its values compare. */
export interface Comparand {
  readonly text: string
  readonly kind: 'exact' | 'folded' | 'number' | 'boolean' | 'instant' | 'uuid'
}

/** The SQL type of the values that a comparand is compared with. */
export const sqlTypes: Readonly<Record<Comparand['kind'], string>> = {
  exact: 'text',
  folded: 'text',
  number: 'numeric',
  boolean: 'boolean',
  instant: 'timestamptz',
  uuid: 'uuid',
}

export function columnComparand({ name, type }: Column): Comparand {
  return { text: name, kind: type === 'text' ? 'exact' : type }
}

/** Of a text that is computed, or lies in another table. */
export function textComparand({ type, caseExact }: Attribute, text: string): Comparand {
  return caseExact || type === 'binary'
    ? { text: `(${text}) COLLATE "C"`, kind: 'exact' }
    : { text: `gateway.fold(${text}) COLLATE "C"`, kind: 'folded' }
}

/** Of a value in a document. Of another type than the attribute's is nothing that the connection stores: such a value is none. */
export function jsonComparand(attribute: Attribute, json: string): Comparand {
  const text = textOf(json)
  const ofType = (type: string): string => `CASE WHEN jsonb_typeof(${json}) = '${type}' THEN ${text} END`
  switch (attribute.type) {
    case 'boolean':
      return { text: `(${ofType('boolean')})::boolean`, kind: 'boolean' }
    case 'integer':
    case 'decimal':
      return { text: `(${ofType('number')})::numeric`, kind: 'number' }
    case 'dateTime':
      return { text: `(${instantOf(text)}) COLLATE "C"`, kind: 'exact' }
    default:
      return textComparand(attribute, text)
  }
}

/** What `canonicalDateTime` makes of a stored dateTime: Postgres keeps time to the microsecond, so the fraction is taken from the text. */
function instantOf(text: string): string {
  const zone = `CASE WHEN ${text} ~ '(Z|[+-]\\d\\d:\\d\\d)$' THEN '' ELSE 'Z' END`
  const seconds = `(regexp_replace(${text}, '\\.\\d+', '') || ${zone})::timestamptz AT TIME ZONE 'UTC'`
  const fraction = `rpad(left(coalesce(substring(${text} from '\\.(\\d+)'), ''), 9), 9, '0')`
  return `CASE WHEN ${text} ~ '^\\d{4}-\\d\\d-\\d\\dT' THEN to_char(${seconds}, 'YYYY-MM-DD"T"HH24:MI:SS.') || ${fraction} || 'Z' END`
}

/**
 * The comparison that `matches` of libs/scim makes. `bind` names a parameter. NULL where the comparand is, except that `ne` then holds.
 */
export function comparison(
  { text, kind }: Comparand,
  { target, operator, value }: Compare,
  bind: (value: unknown) => string,
): string {
  switch (kind) {
    case 'boolean':
      return `${text} ${sqlOperator(operator)} ${value === true}`
    case 'instant':
      return instantComparison(text, operator, String(value), bind)
    case 'number':
      return `${text} ${sqlOperator(operator)} ${bind(String(value))}::numeric`
    case 'uuid':
      return textComparison(`${text}::text COLLATE "C"`, operator, `${bind(value)}::text`)
    default:
      return textComparison(text, operator, `${bind(comparedText(target.attribute, String(value), operator))}::text`)
  }
}

function textComparison(text: string, operator: ComparisonOperator, value: string): string {
  switch (operator) {
    case 'co':
      return `strpos(${text}, ${value}) > 0`
    case 'sw':
      return `starts_with(${text}, ${value})`
    case 'ew':
      return `right(${text}, length(${value})) = ${value}`
    default:
      return `${text} ${sqlOperator(operator)} ${value}`
  }
}

/** Instants are kept to the millisecond, and the value may be finer: it then lies between two of them. */
function instantComparison(
  text: string,
  operator: ComparisonOperator,
  canonical: string,
  bind: (value: unknown) => string,
): string {
  const millisecond = `${canonical.slice(0, 23)}Z`
  const isFiner = /[1-9]/.test(canonical.slice(23))
  if (isFiner && operator === 'eq') return 'false'
  if (isFiner && operator === 'ne') return 'true'
  const between: Partial<Record<ComparisonOperator, ComparisonOperator>> = isFiner ? { ge: 'gt', lt: 'le' } : {}
  return `${text} ${sqlOperator(between[operator] ?? operator)} ${bind(millisecond)}::timestamptz`
}

function sqlOperator(operator: ComparisonOperator): string {
  const operators: Partial<Record<ComparisonOperator, string>> = {
    eq: '=',
    ne: 'IS DISTINCT FROM',
    gt: '>',
    ge: '>=',
    lt: '<',
    le: '<=',
  }
  return operators[operator] ?? '='
}
