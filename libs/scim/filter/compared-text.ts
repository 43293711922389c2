import { fold } from '../precis/fold.ts'
import { enforceUserName, foldPart } from '../precis/user-name.ts'
import type { Attribute } from '../schema/attribute.ts'
import { canonicalDateTime } from './date-time.ts'
import type { ComparisonOperator } from './filter.ts'

/**
 * The form in which texts of an attribute compare: as they are when case counts, else folded. `operator` is given for a text
 * that a filter seeks; only then may it be a part of one that is stored.
 */
export function comparedText(attribute: Attribute, text: string, operator: ComparisonOperator = 'eq'): string {
  const { type, caseExact, profile } = attribute
  if (type === 'dateTime') return canonicalDateTime(text) ?? text
  if (caseExact || type === 'binary') return text
  if (profile === undefined) return fold(text)
  const isPart = operator === 'co' || operator === 'sw' || operator === 'ew'
  return isPart ? foldPart(text) : enforceUserName(text)
}
