import { deviations as all } from '../deviation.ts'
import type { Diagnosis } from '../diagnosis.ts'
import { isPrimary, mergeDuplicates, onePrimary, withoutPrimary } from '../elements.ts'
import { clip, errors } from '../error.ts'
import type { Filter } from '../filter/filter.ts'
import { matcher } from '../filter/matches.ts'
import { resolveElementFilter } from '../filter/resolve.ts'
import type { ResolvedFilter } from '../filter/resolve.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { subAttribute } from '../schema/attribute.ts'
import type { Attribute } from '../schema/attribute.ts'
import { checkImmutable } from '../mutability.ts'
import { readElement, readParts, readValue } from '../value.ts'
import { elementFromFilter } from './eq-values.ts'
import { pathPointer } from './operation.ts'
import type { PatchOperation } from './operation.ts'
import { addValue, mergeParts, sameValue } from './values.ts'

/** An operation on some elements of a multi-valued attribute: all, or those a filter selects; whole, or one sub-attribute of them. */
export interface ElementsOperation {
  readonly attribute: Attribute
  readonly elements: readonly JsonValue[]
  readonly operation: PatchOperation
  readonly pointer: string
  readonly filter?: Filter
  readonly sub?: string
  readonly found: Diagnosis
}

/** The elements afterwards; undefined when none is left. */
export function applyToElements(target: ElementsOperation): JsonValue | undefined {
  const { attribute, elements, operation, found } = target
  const whole = { attribute, path: [], multiValued: true }
  const filter =
    target.filter && resolveElementFilter(whole, target.filter, found, pathPointer(operation, target.pointer))
  const sub = findSub(target)
  if (sub === 'unknown') {
    found.push(all.unknownAttribute(pathPointer(operation, target.pointer), `${attribute.name}.${target.sub}`))
    return elements.length === 0 ? undefined : [...elements]
  }
  const selected = new Set(filter === undefined ? elements : elements.filter(matcher(filter)))
  if (selected.size === 0 && operation.op === 'add' && isNothing(operation.value)) {
    return elements.length === 0 ? undefined : [...elements]
  }
  const change = elementChange(target, sub)
  let after: (JsonValue | undefined)[]
  let touched: JsonValue[] = []
  if (selected.size === 0 && operation.op !== 'remove') {
    const created = change(createFrom(target, filter))
    touched = created === undefined ? [] : [created]
    after = [...elements, created]
  } else {
    after = elements.map((element) => {
      if (!selected.has(element)) return element
      const changed = change(element)
      if (changed !== undefined) touched.push(changed)
      return changed
    })
  }
  const kept = after.filter((element) => element !== undefined)
  return finish(target, kept, touched.filter(isPrimary))
}

/** A newly primary element takes that mark from the others, RFC 7644 section 3.5.2. */
function finish(
  { attribute, pointer, found }: ElementsOperation,
  elements: JsonValue[],
  primaries: JsonValue[],
): JsonValue | undefined {
  const primary = onePrimary(attribute, primaries, pointer, found).findLast(isPrimary)
  const marked = primary === undefined ? elements : elements.map((one) => (one === primary ? one : withoutPrimary(one)))
  const merged = mergeDuplicates(attribute, marked)
  return merged.length === 0 ? undefined : merged
}

function findSub({ attribute, sub }: ElementsOperation): Attribute | 'unknown' | undefined {
  if (sub === undefined) return undefined
  return subAttribute(attribute, sub) ?? 'unknown'
}

function elementChange(
  { attribute, operation, pointer, found }: ElementsOperation,
  sub: Attribute | undefined,
): (element: JsonValue) => JsonValue | undefined {
  const { op } = operation
  if (sub === undefined) {
    if (op === 'remove') return () => undefined
    const given = unwrap(operation.value)
    if (given === undefined || given === null) return op === 'add' ? (element) => element : () => undefined
    if (attribute.type !== 'complex') {
      const value = readElement(attribute, given, pointer, found)
      return () => value
    }
    const parts = readParts(attribute, given, pointer, found)
    return (element) => {
      const changed = mergeParts(attribute, element, parts, op)
      for (const part of attribute.subAttributes ?? []) checkPart(part, element, changed)
      return sameValue(element, changed) ? element : changed
    }
  }
  if (sub.mutability === 'readOnly') {
    throw errors.mutability(`${clip(`${attribute.name}.${sub.name}`)} is readOnly. Leave the ${op} out.`)
  }
  if (op === 'remove') {
    if (sub.required) throw errors.mutability(`"${attribute.name}.${sub.name}" is required. Remove the whole element.`)
    return (element) => withPart(element, sub, undefined)
  }
  const value = readValue(sub, operation.value, pointer, found)
  // Checked and dropped, like the password.
  if (sub.mutability === 'writeOnly') return (element) => element
  return (element) => {
    const known = isObject(element) ? element[sub.name] : undefined
    return withPart(element, sub, op === 'add' ? addValue(sub, known, value) : value)
  }
}

function withPart(element: JsonValue, sub: Attribute, value: JsonValue | undefined): JsonValue | undefined {
  const before = isObject(element) ? element : {}
  const known = before[sub.name]
  if (sameValue(known, value)) return Object.keys(before).length === 0 ? undefined : element
  const after: JsonObject = { ...before }
  if (value === undefined) delete after[sub.name]
  else after[sub.name] = value
  const changed = Object.keys(after).length === 0 ? undefined : after
  checkPart(sub, element, changed)
  return changed
}

function checkPart(part: Attribute, before: JsonValue, after: JsonValue | undefined): void {
  if (isObject(before)) checkImmutable(part, before[part.name], isObject(after) ? after[part.name] : undefined)
}

function createFrom(target: ElementsOperation, filter: ResolvedFilter | undefined): JsonValue {
  const { attribute, operation, pointer, found } = target
  if (filter === undefined) return {}
  const element = elementFromFilter(filter)
  if (element === undefined || (operation.op === 'replace' && !found.tolerances.createsByReplace)) {
    throw errors.noTarget(
      `No element of "${attribute.name}" matches the filter at ${pathPointer(operation, pointer)}. Add the element first.`,
    )
  }
  found.push(all.createdByFilter(pathPointer(operation, pointer)))
  return readElement(attribute, element, pathPointer(operation, pointer), found) ?? {}
}

function isNothing(value: JsonValue | undefined): boolean {
  return (unwrap(value) ?? null) === null
}

function unwrap(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) && value.length <= 1 ? value[0] : value
}
