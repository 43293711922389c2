import { type Attribute, type ComparisonOperator, fold } from '#libs/scim/index'
import type { Column } from './columns.ts'

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

/** Of a text in a document of `comparableForm`: dateTimes are canonical there and compare as texts do. */
export function textComparand({ type, caseExact }: Attribute, text: string): Comparand {
  switch (type) {
    case 'boolean':
      return { text: `(${text})::boolean`, kind: 'boolean' }
    case 'integer':
    case 'decimal':
      return { text: `(${text})::numeric`, kind: 'number' }
    case 'dateTime':
    case 'binary':
      return { text: `(${text}) COLLATE "C"`, kind: 'exact' }
    default:
      return caseExact
        ? { text: `(${text}) COLLATE "C"`, kind: 'exact' }
        : { text: `lower((${text}) COLLATE "C")`, kind: 'folded' }
  }
}

/** The comparison that `matches` of libs/scim makes. `bind` names a parameter. NULL where the comparand is, except that `ne` then holds. */
export function comparison(
  { text, kind }: Comparand,
  operator: ComparisonOperator,
  value: string | number | boolean,
  bind: (value: unknown) => string,
): string {
  switch (kind) {
    case 'boolean':
      // Written out, so that an index of one of the two values serves.
      return `${text} ${sqlOperator(operator)} ${value === true}`
    case 'instant':
      return instantComparison(text, operator, String(value), bind)
    case 'uuid':
      return comparison({ text: `${text}::text COLLATE "C"`, kind: 'exact' }, operator, value, bind)
    case 'number':
      return `${text} ${sqlOperator(operator)} ${bind(value)}::numeric`
    default:
      return textComparison(text, operator, `${bind(kind === 'folded' ? fold(String(value)) : String(value))}::text`)
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
