import { canonicalText, elementKey } from './elements.ts'
import { clip, errors } from './error.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { withSchemas } from './resource.ts'
import type { Resource } from './resource.ts'
import type { Attribute } from './schema/attribute.ts'
import type { ResourceType } from './schema/resource-type.ts'

/**
 * Throws `mutability` when what is immutable and has a value would get another or lose it: the attribute, a part of it, or a
 * part of an element that is there before and after (RFC 7643 section 7).
 */
export function checkImmutable(
  attribute: Attribute,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): void {
  if (before === undefined || before === after) return
  if (attribute.mutability === 'immutable') {
    if (after === undefined || unordered(before) !== unordered(after)) throw immutable(attribute.name)
    return
  }
  const parts = (attribute.subAttributes ?? []).filter(hasImmutable)
  if (parts.length === 0) return
  for (const [one, other] of pairs(attribute, before, after)) {
    for (const part of parts) checkImmutable(part, one[part.name], other[part.name])
  }
}

/**
 * What a PUT leaves of a resource, RFC 7644 section 3.5.1: the new document, with the immutable values that it does not mention.
 * Throws `mutability` when it mentions one and it is not the one that is set.
 */
export function keepImmutable(resourceType: ResourceType, before: Resource, after: Resource): Resource {
  const kept = keepIn(resourceType.schema.attributes, before, after)
  let document = kept
  for (const { schema } of resourceType.extensions) {
    const [known, given] = [before[schema.id], after[schema.id]]
    if (!isObject(known)) continue
    const block = isObject(given) ? given : {}
    const both = keepIn(schema.attributes, known, block)
    if (both !== block) document = { ...document, [schema.id]: both }
  }
  return document === after ? after : withSchemas(resourceType, document)
}

function keepIn(attributes: readonly Attribute[], before: JsonObject, after: JsonObject): JsonObject {
  let kept = after
  for (const attribute of attributes) {
    const [known, given] = [before[attribute.name], after[attribute.name]]
    if (known === undefined || !hasImmutable(attribute)) continue
    const value = keepValue(attribute, known, given)
    checkImmutable(attribute, known, value)
    if (value !== given && value !== undefined) kept = { ...kept, [attribute.name]: value }
  }
  return kept
}

function keepValue(attribute: Attribute, known: JsonValue, given: JsonValue | undefined): JsonValue | undefined {
  if (attribute.mutability === 'immutable') return given ?? known
  const parts = (attribute.subAttributes ?? []).filter(hasImmutable)
  if (!attribute.multiValued) {
    const both = keepIn(parts, isObject(known) ? known : {}, isObject(given) ? given : {})
    return Object.keys(both).length === 0 ? given : both
  }
  if (!Array.isArray(given)) return given
  const earlier = byKey(attribute, known)
  return given.map((element) => {
    const one = earlier.get(elementKey(attribute, element))
    return one !== undefined && isObject(element) ? keepIn(parts, one, element) : element
  })
}

/** A complex value before and after; of a multi-valued one, each element that is there before and after. */
function pairs(
  attribute: Attribute,
  before: JsonValue,
  after: JsonValue | undefined,
): (readonly [JsonObject, JsonObject])[] {
  if (!attribute.multiValued) return isObject(before) ? [[before, isObject(after) ? after : {}]] : []
  const later = byKey(attribute, after ?? null)
  return [...byKey(attribute, before)].flatMap(([key, one]) => {
    const other = later.get(key)
    return other === undefined ? [] : [[one, other] as const]
  })
}

function byKey(attribute: Attribute, elements: JsonValue): Map<string, JsonObject> {
  const objects = Array.isArray(elements) ? elements.filter(isObject) : []
  return new Map(objects.map((element) => [elementKey(attribute, element), element]))
}

function hasImmutable({ mutability, subAttributes }: Attribute): boolean {
  return mutability === 'immutable' || (subAttributes ?? []).some(hasImmutable)
}

function unordered(value: JsonValue): string {
  return Array.isArray(value) ? value.map(canonicalText).sort().join() : canonicalText(value)
}

function immutable(name: string) {
  return errors.mutability(`${clip(name)} is immutable and already has a value. Leave it as it is.`)
}
