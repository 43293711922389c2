import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { ResourceType } from '../schema/resource-type.ts'
import { valueOf } from './values.ts'

/** A sound body of a POST or PUT of that type: what is required, and any of the rest. */
export function anyBody(type: ResourceType): fc.Arbitrary<JsonObject> {
  const core = partsOf(type.schema.attributes)
  const extensions = Object.fromEntries(
    type.extensions.map(({ schema }) => [schema.id, sometimes(partsOf(schema.attributes))]),
  )
  return fc
    .record({ core, externalId: sometimes(fc.constantFrom('ext1', 'EXT1', '7')), extensions: fc.record(extensions) })
    .map(({ core: own, externalId, extensions: blocks }) => ({
      schemas: [type.schema.id],
      ...own,
      ...(externalId === undefined ? {} : { externalId }),
      ...present(blocks),
    }))
}

/** Any value of the attribute, as a client may send it, at most one element of it primary. */
export function anyValue(attribute: Attribute): fc.Arbitrary<JsonValue> {
  const one: fc.Arbitrary<JsonValue> = attribute.subAttributes ? partsOf(attribute.subAttributes) : valueOf(attribute)
  if (!attribute.multiValued) return one
  return fc.array(one, { maxLength: 3 }).map((elements) => {
    const first = elements.findIndex(isPrimary)
    return elements.map((element, index) =>
      isPrimary(element) && index !== first ? { ...element, primary: false } : element,
    )
  })
}

function partsOf(attributes: readonly Attribute[]): fc.Arbitrary<JsonObject> {
  const settable = attributes.filter(({ mutability }) => mutability !== 'readOnly')
  const model = settable.map((one) => [one.name, one.required ? anyValue(one) : sometimes(anyValue(one))] as const)
  return fc.record(Object.fromEntries(model)).map(present)
}

function sometimes<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { freq: 2, nil: undefined })
}

function present(values: Record<string, JsonValue | undefined>): JsonObject {
  const entries = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))
  return Object.fromEntries(entries)
}

function isPrimary(element: JsonValue): element is JsonObject {
  return typeof element === 'object' && element !== null && 'primary' in element && element.primary === true
}
