import { below, deviations } from './deviation.ts'
import { Diagnosis } from './diagnosis.ts'
import { errors } from './error.ts'
import { isObject, parseStored } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { readMemberIds } from './member.ts'
import type { Attribute } from './schema/attribute.ts'
import { findAttribute, findExtension } from './schema/resource-type.ts'
import type { AttributeReference, ResourceType } from './schema/resource-type.ts'
import { readValue } from './value.ts'

/**
 * A resource as it is stored: canonical names and values, without `id`, `meta`, `groups`, `password` and, for a Group, without
 * `members`. `schemas` names the core schema and each extension in use.
 */
export interface Resource extends JsonObject {
  schemas: string[]
}

export interface ReadResource {
  resource: Resource
  /** For Groups, when the body has the attribute: the ids of the members, none when it came as null or []. */
  members?: string[]
}

/**
 * The body of a POST or PUT as a resource. readOnly and unknown attributes are left out and added to `found`; a writeOnly one, such as
 * the password, is checked and dropped. Throws `invalidSyntax` when the body is no object, `invalidValue` when a value does not fit
 * or a required attribute or extension is missing.
 */
export function readResource(resourceType: ResourceType, body: unknown, found = new Diagnosis()): ReadResource {
  if (!isObject(body)) {
    throw errors.invalidSyntax(`The body is not a JSON object. Send the attributes of one ${resourceType.name}.`)
  }
  const draft = new Draft(resourceType)
  const read: { members?: string[] } = {}
  for (const [key, value] of Object.entries(body)) {
    const pointer = below(found.place, key)
    const extension = findExtension(resourceType, key)
    if (key.toLowerCase() === 'schemas') reportSchemas(resourceType, value, pointer, found)
    else if (extension !== undefined) {
      for (const [name, content] of Object.entries(extensionBlock(extension.id, value))) {
        const reference = findAttribute(resourceType, `${extension.id}:${name}`)
        readInto(isPath(reference) ? undefined : reference, name, content, below(pointer, name))
      }
    } else {
      const reference = findAttribute(resourceType, key)
      // A bare name at the root means the core schema alone: what an extension defines belongs into its block.
      const misplaced = isPath(reference) || reference?.extension !== undefined || key.includes(':')
      readInto(misplaced ? undefined : reference, key, value, pointer)
    }
  }
  const resource = draft.finish()
  checkRequired(resourceType, resource)
  reportMissingSchemas(body['schemas'], resource, found)
  return { resource, ...read }

  function readInto(reference: AttributeReference | undefined, key: string, value: JsonValue, pointer: string): void {
    if (reference === undefined) {
      found.push(key.includes(':') ? deviations.unknownSchema(pointer, key) : deviations.unknownAttribute(pointer, key))
      return
    }
    const { attribute } = reference
    if (attribute.mutability === 'readOnly') {
      if (value !== null) found.push(deviations.readOnly(pointer, attribute.name))
      return
    }
    if (livesApart(resourceType, reference)) {
      if (read.members !== undefined) throw twice(attribute.name)
      read.members = readMemberIds(value, pointer, found)
      return
    }
    const content = readValue(attribute, value, pointer, found)
    if (content !== undefined && attribute.mutability !== 'writeOnly') draft.set(reference, content)
  }
}

/** A key of a body is a name; only a PATCH may have paths. */
function isPath(reference: AttributeReference | undefined): boolean {
  return reference?.parent !== undefined
}

/** A resource from the JSON text of what was stored of it; every number is as it was. */
export function storedResource(text: string): Resource {
  return parseStored(text) as Resource
}

/** Whether an attribute is kept beside the document and not in it: the members of a Group. */
export function livesApart(resourceType: ResourceType, { attribute, parent, extension }: AttributeReference): boolean {
  return resourceType.name === 'Group' && extension === undefined && (parent ?? attribute).name === 'members'
}

/**
 * A copy of the document with the `schemas` it uses: the core schema first, extensions in the order of the type. Blocks that are
 * empty, or of an extension that there is no longer, are gone.
 */
export function withSchemas(resourceType: ResourceType, document: JsonObject): Resource {
  const schemas = [resourceType.schema.id]
  const resource: Resource = { schemas }
  for (const [key, value] of Object.entries(document)) {
    if (key === 'schemas') continue
    const isKept = !key.includes(':') || (isBlock(value) && findExtension(resourceType, key) !== undefined)
    if (isKept) resource[key] = value
  }
  for (const { schema } of resourceType.extensions) if (resource[schema.id] !== undefined) schemas.push(schema.id)
  return resource
}

function isBlock(value: JsonValue): boolean {
  return isObject(value) && Object.keys(value).length > 0
}

/**
 * Throws `invalidValue` when a required attribute, sub-attribute of a value that is there, or extension has no value. A resource that
 * was there before its extension was may go on without it (`before`).
 */
export function checkRequired(resourceType: ResourceType, resource: JsonObject, before?: JsonObject): void {
  requireAll(resourceType.schema.attributes, resource)
  for (const { schema, required } of resourceType.extensions) {
    const block = resource[schema.id]
    if (isObject(block)) requireAll(schema.attributes, block)
    else if (required && (before === undefined || before[schema.id] !== undefined)) {
      throw errors.invalidValue(`The extension ${schema.id} is required and has no value. Send its attributes.`)
    }
  }
}

function requireAll(attributes: readonly Attribute[], holder: JsonObject, parent = ''): void {
  for (const { name, required, mutability, subAttributes } of attributes) {
    const value = holder[name]
    if (required && isUnset(value) && mutability !== 'readOnly' && mutability !== 'writeOnly') {
      throw errors.invalidValue(`The attribute "${parent}${name}" is required and has no value. Send one.`)
    }
    if (value === undefined || subAttributes?.some(isRequired) !== true) continue
    for (const element of Array.isArray(value) ? value : [value]) {
      if (isObject(element)) requireAll(subAttributes, element, `${name}.`)
    }
  }
}

function isRequired({ required }: Attribute): boolean {
  return required
}

function isUnset(value: JsonValue | undefined): boolean {
  return value === undefined || (typeof value === 'string' && value.trim() === '')
}

/** Collects values under their canonical keys, refusing the second of two spellings of one attribute. */
class Draft {
  readonly #resourceType: ResourceType
  readonly #document: JsonObject = {}

  constructor(resourceType: ResourceType) {
    this.#resourceType = resourceType
  }

  set({ path, attribute }: AttributeReference, value: JsonValue): void {
    let holder = this.#document
    for (const key of path.slice(0, -1)) {
      const next = holder[key] ?? {}
      if (!isObject(next)) throw twice(key)
      holder[key] = next
      holder = next
    }
    if (holder[attribute.name] !== undefined) throw twice(attribute.name)
    holder[attribute.name] = value
  }

  finish(): Resource {
    return withSchemas(this.#resourceType, this.#document)
  }
}

function twice(name: string) {
  return errors.invalidSyntax(`The body has "${name}" twice, spelt differently. Send it once.`)
}

function extensionBlock(urn: string, value: JsonValue): JsonObject {
  if (value === null) return {}
  if (isObject(value)) return value
  throw errors.invalidValue(`The value of ${urn} is not an object. Send the extension's attributes as one.`)
}

function reportSchemas(resourceType: ResourceType, value: JsonValue, pointer: string, found: Diagnosis): void {
  if (!Array.isArray(value)) found.push(deviations.singleAsMany(pointer))
  const named = new Set<string>()
  for (const [index, urn] of (Array.isArray(value) ? value : [value]).entries()) {
    const text = typeof urn === 'string' ? urn : ''
    if (named.has(text.toLowerCase())) found.push(deviations.repeatedSchema(below(pointer, index)))
    named.add(text.toLowerCase())
    const known = text.toLowerCase() === resourceType.schema.id.toLowerCase() || findExtension(resourceType, text)
    if (!known) found.push(deviations.unknownSchema(below(pointer, index), text))
  }
}

function reportMissingSchemas(declared: unknown, resource: Resource, found: Diagnosis): void {
  const list: unknown[] = Array.isArray(declared) ? declared : [declared]
  const known = new Set(list.map((urn) => (typeof urn === 'string' ? urn.toLowerCase() : '')))
  for (const urn of resource.schemas) {
    if (!known.has(urn.toLowerCase())) found.push(deviations.missingSchema(below(found.place, 'schemas'), urn))
  }
}
