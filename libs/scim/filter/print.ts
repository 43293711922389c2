import { printPath } from './filter.ts'
import type { Filter } from './filter.ts'

/** The filter as text that `parseFilter` reads back to an equal filter. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.map((term) => printTerm(term, filter.kind)).join(` ${filter.kind} `)
    case 'not':
      return `not (${printFilter(filter.term)})`
    case 'present':
      return `${printPath(filter.path)} pr`
    case 'compare':
      return `${printPath(filter.path)} ${filter.operator} ${JSON.stringify(filter.value)}`
    case 'valuePath':
      return `${printPath(filter.path)}[${printFilter(filter.filter)}]`
  }
}

function printTerm(term: Filter, within: 'and' | 'or'): string {
  const needsParentheses = term.kind === within || (term.kind === 'or' && within === 'and')
  return needsParentheses ? `(${printFilter(term)})` : printFilter(term)
}
