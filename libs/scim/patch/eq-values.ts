import type { ComparedValue, ResolvedFilter } from '../filter/resolve.ts'
import type { JsonObject } from '../json.ts'

/**
 * The element that a filter describes when it is an `eq` or a conjunction of them: `type eq "work" and primary eq true` is
 * `{type: 'work', primary: true}`. Undefined for every other filter.
 */
export function elementFromFilter(filter: ResolvedFilter): JsonObject | undefined {
  const terms = filter.kind === 'and' ? filter.terms : [filter]
  const element = new Map<string, ComparedValue>()
  for (const term of terms) {
    if (term.kind !== 'compare' || term.operator !== 'eq') return undefined
    const [key] = term.target.path
    if (key === undefined || (element.has(key) && element.get(key) !== term.value)) return undefined
    element.set(key, term.value)
  }
  return Object.fromEntries(element)
}
