import type { Attribute } from './attribute.ts'
import type { OwnExtension } from './resource-types.ts'
import type { SchemaFault } from './schema-faults.ts'

/**
 * What of a changed extension would break those who use it as it was: values that are stored would no longer fit, or what was
 * promised of them would no longer hold. None when it is only wider: more attributes, more canonical values, fewer demands,
 * other words of description. Paths begin at the root of the changed document; a fault of what is gone is told where it would be missed.
 */
export function breaksOf(before: OwnExtension, after: OwnExtension): SchemaFault[] {
  const found: SchemaFault[] = []
  if (after.resourceType !== before.resourceType) {
    found.push(fault(['resourceType'], `was ${before.resourceType}`, `keep ${before.resourceType}`))
  }
  if (after.required && !before.required) {
    found.push(fault(['required'], 'was false, and there may be resources without this schema', 'keep false'))
  }
  compareAll(before.document.attributes, after.document.attributes, ['attributes'], found)
  return found
}

type Path = SchemaFault['path']

function compareAll(before: readonly Attribute[], after: readonly Attribute[], path: Path, found: SchemaFault[]): void {
  const known = new Map(before.map((attribute) => [attribute.name, attribute]))
  for (const [index, attribute] of after.entries()) {
    const at = [...path, index]
    const earlier = known.get(attribute.name)
    if (earlier !== undefined) compare(earlier, attribute, at, found)
    else if (attribute.required) {
      found.push(fault([...at, 'required'], 'is true for a new attribute, which no resource has yet', 'say false'))
    }
    known.delete(attribute.name)
  }
  for (const name of known.keys()) {
    const cause = `no longer defines ${JSON.stringify(name)}`
    found.push(fault(path, cause, 'keep it, in the same letter case; resources may have values of it'))
  }
}

function compare(before: Attribute, after: Attribute, path: Path, found: SchemaFault[]): void {
  const kept = (key: 'type' | 'multiValued' | 'caseExact' | 'mutability' | 'returned' | 'uniqueness'): void => {
    found.push(fault([...path, key], `was ${String(before[key])}`, `keep ${String(before[key])}`))
  }
  // A whole number is a decimal one too.
  const widerNumber = before.type === 'integer' && after.type === 'decimal'
  if (after.type !== before.type && !widerNumber) kept('type')
  if (after.multiValued !== before.multiValued) kept('multiValued')
  if (after.caseExact !== before.caseExact) kept('caseExact')
  if (after.required && !before.required) {
    found.push(fault([...path, 'required'], 'was false, and there may be resources without a value', 'keep false'))
  }
  if (!wider(mutabilities, before.mutability, after.mutability)) kept('mutability')
  if (!wider(returns, before.returned, after.returned)) kept('returned')
  if (after.uniqueness !== before.uniqueness) kept('uniqueness')
  for (const key of ['canonicalValues', 'referenceTypes'] as const) {
    compareTexts(before[key], after[key], [...path, key], found)
  }
  compareAll(before.subAttributes ?? [], after.subAttributes ?? [], [...path, 'subAttributes'], found)
}

/** From narrow to wide. What is not named goes with itself alone: values of what is writeOnly were never kept, and what is never returned was promised so. */
const mutabilities: readonly Attribute['mutability'][] = ['readOnly', 'immutable', 'readWrite']
const returns: readonly Attribute['returned'][] = ['request', 'default', 'always']

function wider<Word>(order: readonly Word[], before: Word, after: Word): boolean {
  if (before === after) return true
  const [from, to] = [order.indexOf(before), order.indexOf(after)]
  return from >= 0 && to > from
}

/** No list is the widest: it names every text. */
function compareTexts(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
  path: Path,
  found: SchemaFault[],
): void {
  if (after === undefined) return
  if (before === undefined) {
    found.push(fault(path, 'was not limited', 'leave it out'))
    return
  }
  const gone = before.filter((text) => !after.includes(text))
  if (gone.length > 0) {
    const names = gone.map((text) => JSON.stringify(text)).join(', ')
    found.push(fault(path, `no longer names ${names}`, 'keep what was named, and add to it'))
  }
}

function fault(path: Path, cause: string, fix: string): SchemaFault {
  return { path, cause, fix }
}
