import fc from 'fast-check'
import { anyBody, anyJson, anyPatch, everyType, runs } from '../arbitrary/index.ts'
import type { PlainOperation } from '../arbitrary/index.ts'
import { canonicalText } from '../elements.ts'
import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { fold } from '../precis/fold.ts'
import { dialects } from '../quirks/identity-providers.ts'
import { readResource, storedResource } from '../resource.ts'
import type { Resource } from '../resource.ts'
import type { Attribute } from '../schema/attribute.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { readValue } from '../value.ts'
import { applyPatch } from './apply.ts'
import { parsePatch, patchSchema } from './operation.ts'
import { splitPatch } from './split.ts'

/** PATCH as RFC 7644 section 3.5.2 tells it, one operation after the other on a copy, for operations of which the parts are known. */
function plainPatch(before: Resource, operations: readonly PlainOperation[]): JsonObject {
  const document: JsonObject = storedResource(JSON.stringify(before))
  for (const operation of operations) {
    const { attribute, extension, op, part, where } = operation
    const holder = extension === undefined ? document : ((document[extension] ??= {}) as JsonObject)
    const known = holder[attribute.name]
    let after: JsonValue | undefined
    if (attribute.multiValued && (part ?? where) !== undefined) after = inElements(operation, asArray(known))
    else if (part !== undefined) {
      const inner = isObject(known) ? known : {}
      after = withPart(inner, part, changed(part, inner[part.name], op, operation.value))
    } else after = changed(attribute, known, op, operation.value)
    if (attribute.name === 'active' && extension === undefined && 'value' in operation) after ??= known
    set(holder, attribute.name, after)
    if (extension !== undefined && Object.keys(holder).length === 0) delete document[extension]
  }
  const extensions = everyType.extensions.map(({ schema }) => schema.id).filter((urn) => document[urn] !== undefined)
  if (typeof document['userName'] !== 'string' || document['userName'].trim() === '') throw new Refused()
  return { ...document, schemas: [everyType.schema.id, ...extensions] }
}

class Refused extends Error {}

function changed(
  attribute: Attribute,
  known: JsonValue | undefined,
  op: PlainOperation['op'],
  value: JsonValue | undefined,
): JsonValue | undefined {
  if (op === 'remove') {
    if (attribute.required) throw new Refused()
    return undefined
  }
  if (attribute.type === 'complex' && !attribute.multiValued) {
    if (isObject(value)) return merged(attribute, isObject(known) ? known : {}, op, value)
    return op === 'add' ? known : undefined
  }
  const read = readValue(attribute, value, '', new Diagnosis())
  if (op === 'replace' || read === undefined) return op === 'replace' ? read : known
  if (!attribute.multiValued) return read
  const added = asArray(read)
  const others = asArray(known)
  return asValue(withoutTwins(attribute, [...(added.some(isPrimary) ? others.map(notPrimary) : others), ...added]))
}

/** The named parts take their place; a replace by nothing takes one away. A new value does not keep the address of the old one. */
function merged(
  attribute: Attribute,
  known: JsonObject,
  op: PlainOperation['op'],
  value: JsonObject,
): JsonValue | undefined {
  const after = { ...known }
  for (const part of attribute.subAttributes ?? []) {
    const given = value[part.name]
    if (given === undefined || part.mutability === 'readOnly') continue
    set(after, part.name, changed(part, known[part.name], op, given))
  }
  const isNew =
    value['value'] !== undefined && canonicalText(after['value'] ?? null) !== canonicalText(known['value'] ?? null)
  if (isNew && value['$ref'] === undefined) delete after['$ref']
  return Object.keys(after).length === 0 ? undefined : after
}

function inElements(
  { attribute, op, where, part, value }: PlainOperation,
  elements: JsonValue[],
): JsonValue | undefined {
  const selects = (element: JsonValue): boolean =>
    where === undefined || (isObject(element) && isSame(where.part, element[where.part.name], where.value))
  const change = (element: JsonValue): JsonValue | undefined => {
    const inner = isObject(element) ? element : {}
    if (part !== undefined) return withPart(inner, part, changed(part, inner[part.name], op, value))
    if (op === 'remove') return undefined
    if (!isObject(value)) return op === 'add' ? element : undefined
    return merged(attribute, inner, op, value)
  }
  let touched: (JsonValue | undefined)[]
  let after: (JsonValue | undefined)[]
  if (op === 'remove' || elements.some(selects)) {
    after = elements.map((element) => (selects(element) ? change(element) : element))
    touched = after.filter((_, index) => selects(elements[index] ?? null))
  } else {
    if (where !== undefined && op === 'replace') throw new Refused()
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return asValue(elements)
    const created =
      where === undefined
        ? {}
        : (readValue(attribute, [{ [where.part.name]: where.value }], '', new Diagnosis()) ?? [{}])
    touched = [change(asArray(created)[0] ?? {})]
    after = [...elements, ...touched]
  }
  const primaries = touched.filter((element) => element !== undefined && isPrimary(element))
  if (primaries.length > 1) throw new Refused()
  const kept = after.filter((element) => element !== undefined)
  const marked =
    primaries.length === 0 ? kept : kept.map((element) => (element === primaries[0] ? element : notPrimary(element)))
  return asValue(withoutTwins(attribute, marked))
}

function isSame(part: Attribute, known: JsonValue | undefined, sought: JsonValue): boolean {
  if (typeof known !== 'string' || typeof sought !== 'string') return known === sought
  return part.type === 'binary' || part.caseExact ? known === sought : fold(known) === fold(sought)
}

/** Each pair of type and value once (RFC 7643 section 2.4); a later one adds to the earlier. */
function withoutTwins(attribute: Attribute, elements: readonly JsonValue[]): JsonValue[] {
  const part = (name: string): Attribute | undefined => attribute.subAttributes?.find((one) => one.name === name)
  const folded = (of: Attribute | undefined, value: JsonValue | undefined): string =>
    typeof value === 'string' && !of?.caseExact && of?.type !== 'binary' && of?.type !== 'reference'
      ? `text ${fold(value)}`
      : canonicalText(value ?? null)
  const kept: { key: string; element: JsonValue }[] = []
  for (const element of elements) {
    const hasValue = isObject(element) && element['value'] !== undefined
    const key = hasValue
      ? `${folded(part('type'), element['type'])} / ${folded(part('value'), element['value'])}`
      : isObject(element)
        ? canonicalText(element)
        : folded(attribute, element)
    const twin = kept.find((one) => one.key === key)
    if (twin === undefined) kept.push({ key, element })
    else if (isObject(element) && isObject(twin.element)) {
      const { type: _type, value: _value, ...rest } = element
      twin.element = { ...twin.element, ...rest }
    }
  }
  return kept.map(({ element }) => element)
}

function withPart(object: JsonObject, part: Attribute, value: JsonValue | undefined): JsonValue | undefined {
  const after = { ...object }
  set(after, part.name, value)
  return Object.keys(after).length === 0 ? undefined : after
}

function set(holder: JsonObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) delete holder[key]
  else holder[key] = value
}

function asArray(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}

function asValue(elements: JsonValue[]): JsonValue | undefined {
  return elements.length === 0 ? undefined : elements
}

function isPrimary(element: JsonValue): boolean {
  return isObject(element) && element['primary'] === true
}

function notPrimary(element: JsonValue): JsonValue {
  return isObject(element) && isPrimary(element) ? { ...element, primary: false } : element
}

function message(operations: readonly JsonValue[]): JsonObject {
  return { schemas: [patchSchema], Operations: [...operations] }
}

test('operations in a row leave what the RFC says each of them leaves', () => {
  let applied = 0
  fc.assert(
    fc.property(anyBody(everyType), anyPatch(everyType), (body, operations) => {
      const { resource } = readResource(everyType, body)
      const parsed = parsePatch(message(operations.map(({ written }) => written)))
      let expected: JsonObject | undefined
      try {
        expected = plainPatch(resource, operations)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
      }
      if (expected === undefined) {
        expect(() => applyPatch(everyType, resource, parsed)).toThrow(ScimError)
        return
      }
      expect(applyPatch(everyType, resource, parsed).resource).toEqual(expected)
      applied++
    }),
    runs(150),
  )
  expect(applied).toBeGreaterThan(0)
})

const words = [
  'op Op path value OPERATIONS schemas type primary display givenName toString title userName active name name.givenName',
  'emails emails.value roles manager members addresses id meta password __proto__ constructor emails[primary].x',
]
  .flatMap((line) => line.split(' '))
  .concat(['emails[type eq "work"]', 'emails[type eq "x"].value', 'emails[primary eq true].primary'])
  .concat(['members[value eq "x"]', 'members[type ne "User"].display', everyType.schema.id])
  .concat(everyType.extensions.map(({ schema }) => schema.id))
  .concat(everyType.extensions.flatMap(({ schema }) => schema.attributes.map(({ name }) => `${schema.id}:${name}`)))
const operation = fc.record(
  {
    op: fc.constantFrom('add', 'Replace', 'remove', 'x'),
    path: fc.oneof(fc.constantFrom(...words), anyJson(words)),
    value: anyJson(words),
  },
  { requiredKeys: ['op'] },
)

test('no PATCH touches its input, leaves anything but a resource, or throws anything but a SCIM error', () => {
  const dialect = fc.constantFrom(...dialects)
  let applied = 0
  fc.assert(
    fc.property(anyBody(everyType), fc.array(operation, { maxLength: 4 }), dialect, (body, operations, spoken) => {
      const { resource: before } = readResource(everyType, body)
      const input = message(operations.map((one) => one as JsonObject))
      const [document, sent] = [JSON.stringify(before), JSON.stringify(input)]
      try {
        const found = new Diagnosis(spoken)
        const parsed = parsePatch(input, found)
        applyPatch(resourceTypes.Group, { schemas: [], displayName: 'g' }, splitPatch(parsed, found).document, found)
        const { resource, changes } = applyPatch(everyType, before, parsed, found)
        applied++
        expect(changes.length === 0).toBe(canonicalText(sorted(resource)) === canonicalText(sorted(before)))
        expect(readResource(everyType, resource).resource).toEqual(resource)
        for (const hidden of ['password', 'id', 'meta', 'groups']) expect(resource).not.toHaveProperty(hidden)
      } catch (error) {
        expect(error).toBeInstanceOf(ScimError)
      }
      expect(JSON.stringify(before)).toBe(document)
      expect(JSON.stringify(input)).toBe(sent)
    }),
    runs(200),
  )
  expect(applied).toBeGreaterThan(0)
})

/** With the elements of every array in one order, which is no difference. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((element) => canonicalText(sorted(element))).sort()
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, sorted(content)]))
}
