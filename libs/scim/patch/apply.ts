import { below, deviations } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { differences } from '../diff.ts'
import type { Difference } from '../diff.ts'
import { clip, errors } from '../error.ts'
import type { AttributePath } from '../filter/filter.ts'
import { printPath } from '../filter/filter.ts'
import { parseAttributePath } from '../filter/parse.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { checkImmutable } from '../mutability.ts'
import { checkRequired, livesApart, withSchemas } from '../resource.ts'
import type { Resource } from '../resource.ts'
import { findAttribute, findExtension } from '../schema/resource-type.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { AttributeReference, ResourceType } from '../schema/resource-type.ts'
import { onlyOne, readElement, readParts, readValue } from '../value.ts'
import { copy, holderAt, setKey, withKey } from './document.ts'
import { applyToElements } from './elements.ts'
import { pathPointer } from './operation.ts'
import type { PatchOperation, PatchPath } from './operation.ts'
import { addValue, mergeParts, removeValues } from './values.ts'

export interface PatchedResource {
  resource: Resource
  /** What really changed. */
  changes: Difference[]
}

/**
 * Applies the operations in order, each to what the one before left, RFC 7644 section 3.5.2. The input is not touched, and when
 * an operation fails nothing was done. Operations on the members of a Group are for `splitPatch`; here they are passed over. One that
 * sets a User's `active` to null or [] leaves it as it is.
 * Throws `mutability`, `noTarget`, `invalidPath`, `invalidFilter`, `invalidValue`, `tooMany`.
 */
export function applyPatch(
  resourceType: ResourceType,
  resource: Resource,
  operations: readonly PatchOperation[],
  found = new Diagnosis(),
): PatchedResource {
  const patching: Patching = {
    resourceType,
    document: copy(resource),
    found,
    looks: 0,
  }
  for (const operation of operations) {
    const pointer = below(operation.pointer, 'value')
    if (operation.path === undefined) applyWithoutPath(patching, operation, pointer)
    else applyAtPath(patching, operation, operation.path, pointer)
  }
  const patched = withSchemas(resourceType, patching.document)
  checkRequired(resourceType, patched, resource)
  return { resource: patched, changes: differences(resource, patched) }
}

/** How many elements the operations of one PATCH may look at together: some hundred times what a large one does. */
const maximumLooks = 20_000

interface Patching {
  readonly resourceType: ResourceType
  readonly document: JsonObject
  readonly found: Diagnosis
  looks: number
}

/** Each key of the value is a path of its own; what a client may only echo is passed over. */
function applyWithoutPath(patching: Patching, operation: PatchOperation, pointer: string): void {
  const { value } = operation
  if (!isObject(value)) {
    throw errors.invalidValue(
      `The value at ${pointer} is not an object. Without a path it holds the attributes to set.`,
    )
  }
  for (const [key, content] of Object.entries(value)) {
    if (key.toLowerCase() === 'schemas') continue
    const at = below(pointer, key)
    const path = parseKey(key, patching.found, at)
    if (path === undefined) {
      patching.found.push(deviations.unknownAttribute(at, key))
      continue
    }
    const reference = findAttribute(patching.resourceType, printPath(path.path))
    if (reference !== undefined && isReadOnly(reference)) {
      patching.found.push(deviations.readOnly(at, reference.attribute.name))
      continue
    }
    if (reference !== undefined && (path.path.sub !== undefined || path.path.schema !== undefined || path.filter)) {
      patching.found.push(deviations.flattenedKey(at))
    }
    applyAtPath(patching, { ...operation, value: content }, path, at)
  }
}

function parseKey(key: string, found: Diagnosis, pointer: string): PatchPath | undefined {
  try {
    return parseAttributePath(key, found, pointer)
  } catch {
    // No attribute can have such a name.
    return undefined
  }
}

function applyAtPath(patching: Patching, operation: PatchOperation, path: PatchPath, pointer: string): void {
  const { resourceType } = patching
  const name = printPath(path.path)
  const reference = findAttribute(resourceType, name)
  if (reference === undefined) {
    const extension = findExtension(resourceType, name)
    if (extension !== undefined && path.filter === undefined)
      applyToExtension(patching, operation, extension.id, pointer)
    else if (isWholeResource(resourceType, path.path)) applyToResource(patching, operation, pointer)
    else patching.found.push(deviations.unknownAttribute(pathPointer(operation, pointer), name))
    return
  }
  if (livesApart(resourceType, reference)) return
  if (reference.extension !== undefined && path.path.schema === undefined) {
    patching.found.push(deviations.unqualifiedAttribute(pathPointer(operation, pointer), name))
  }
  if (reference.path[0] === 'schemas') {
    if (operation.op === 'remove' && path.filter === undefined) {
      throw errors.mutability('"schemas" is required. Leave the remove out.')
    }
    // What a resource uses, it names.
    patching.found.push(deviations.readOnly(pathPointer(operation, pointer), 'schemas'))
    return
  }
  checkMutable(reference, operation.op)
  // Checked and dropped, like the password of a PUT.
  if (reference.attribute.mutability === 'writeOnly') {
    readValue(reference.attribute, operation.value, pointer, patching.found)
  } else applyToAttribute(patching, operation, reference, path, pointer)
}

function applyToAttribute(
  patching: Patching,
  operation: PatchOperation,
  reference: AttributeReference,
  path: PatchPath,
  pointer: string,
): void {
  const { attribute, parent } = reference
  if (isActive(patching.resourceType, reference) && path.filter === undefined && setsNothing(operation)) {
    patching.found.push(deviations.activeKept(pathPointer(operation, pointer)))
    return
  }
  const holderPath = reference.path.slice(0, parent === undefined ? -1 : -2)
  const top = parent ?? attribute
  const holder = holderAt(patching.document, holderPath)
  const before = holder[top.name]
  countLooks(patching, before)
  let after: JsonValue | undefined
  if (top.multiValued && (parent !== undefined || path.filter !== undefined || path.sub !== undefined)) {
    const sub = parent === undefined ? path.sub : attribute.name
    const elements = Array.isArray(before) ? before : []
    after = applyToElements({
      attribute: top,
      elements,
      operation,
      pointer,
      found: patching.found,
      ...(path.filter === undefined ? {} : { filter: path.filter }),
      ...(sub === undefined ? {} : { sub }),
    })
  } else if (path.filter !== undefined) {
    throw errors.invalidPath(
      `"${top.name}" has a single value, so a filter cannot select from it. Name it without "[".`,
    )
  } else if (parent !== undefined) {
    const inner = isObject(before) ? before : {}
    after = withKey(inner, attribute.name, changeValue(patching, operation, reference, inner[attribute.name], pointer))
  } else {
    after = changeValue(patching, operation, reference, before, pointer)
  }
  checkImmutable(top, before, after)
  if (operation.op === 'remove' && top.required && before !== undefined && after === undefined) throw required(top.name)
  setKey(holder, top.name, after)
  for (const key of holderPath) if (Object.keys(holder).length === 0) delete patching.document[key]
}

/** Whether a user may sign in: nobody changes that by a mapping that came to nothing. */
function isActive({ name }: ResourceType, { attribute, parent, extension }: AttributeReference): boolean {
  return name === 'User' && parent === undefined && extension === undefined && attribute.name === 'active'
}

function setsNothing({ value }: PatchOperation): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}

function countLooks(patching: Patching, before: JsonValue | undefined): void {
  patching.looks += Array.isArray(before) ? before.length : 0
  if (patching.looks > maximumLooks) {
    throw errors.tooMany('The operations look at too many values together. Split them into several requests.')
  }
}

/** What one whole attribute or sub-attribute becomes. */
function changeValue(
  { found }: Patching,
  operation: PatchOperation,
  { attribute }: AttributeReference,
  before: JsonValue | undefined,
  pointer: string,
): JsonValue | undefined {
  if (operation.op === 'remove') {
    if (attribute.required) throw required(attribute.name)
    if (!attribute.multiValued || operation.value === undefined || operation.value === null) return undefined
    found.push(deviations.valueOnRemove(pointer))
    return removeValues(attribute, before, readListed(attribute, operation.value, pointer, found))
  }
  if (attribute.type === 'complex' && !attribute.multiValued && operation.value !== null) {
    const given = operation.value === undefined ? undefined : onlyOne(attribute, operation.value, pointer, found)
    if (given !== undefined && given !== null) {
      return mergeParts(attribute, before, readParts(attribute, given, pointer, found), operation.op)
    }
  }
  const read = operation.op === 'add' ? readListed : readValue
  const value = read(attribute, operation.value, pointer, found)
  return operation.op === 'add' ? addValue(attribute, before, value) : value
}

/** What is added or removed may also be one value alone, RFC 7644 section 3.5.2.1. */
function readListed(
  attribute: Attribute,
  value: JsonValue | undefined,
  pointer: string,
  found: Diagnosis,
): JsonValue | undefined {
  if (!attribute.multiValued || Array.isArray(value)) return readValue(attribute, value, pointer, found)
  const element = readElement(attribute, value, pointer, found)
  return element === undefined ? undefined : [element]
}

function applyToExtension(patching: Patching, operation: PatchOperation, urn: string, pointer: string): void {
  const { document, resourceType } = patching
  const extension = resourceType.extensions.find(({ schema }) => schema.id === urn)
  if (operation.op === 'remove' || operation.value === null) {
    const block = document[urn]
    const kept = extension?.schema.attributes.find(({ required: needed, name }) => needed && isSet(block, name))
    if (extension?.required || kept !== undefined) throw required(kept?.name ?? urn)
    if (isObject(block))
      for (const one of extension?.schema.attributes ?? []) checkImmutable(one, block[one.name], undefined)
    delete document[urn]
    return
  }
  if (!isObject(operation.value)) {
    throw errors.invalidValue(`The value of ${urn} is not an object. Send the extension's attributes as one.`)
  }
  for (const [name, value] of Object.entries(operation.value)) {
    const at = below(pointer, name)
    const reference = findAttribute(resourceType, `${urn}:${name}`)
    if (reference === undefined) patching.found.push(deviations.unknownAttribute(at, name))
    else if (isReadOnly(reference)) patching.found.push(deviations.readOnly(at, reference.attribute.name))
    else applyAtPath(patching, { ...operation, value }, parseAttributePath(`${urn}:${name}`), at)
  }
}

function checkMutable(reference: AttributeReference, op: PatchOperation['op']): void {
  const { attribute } = reference
  if (isReadOnly(reference)) {
    throw errors.mutability(`"${attribute.name}" is readOnly: the service alone sets it. Leave the ${op} out.`)
  }
}

function isReadOnly({ attribute, parent }: AttributeReference): boolean {
  return attribute.mutability === 'readOnly' || parent?.mutability === 'readOnly'
}

function applyToResource(patching: Patching, operation: PatchOperation, pointer: string): void {
  if (operation.op === 'remove') throw required(patching.resourceType.schema.id)
  applyWithoutPath(patching, operation, pointer)
}

/** A path that is the URN of the core schema means the resource itself. */
function isWholeResource(resourceType: ResourceType, path: AttributePath): boolean {
  return printPath(path).toLowerCase() === resourceType.schema.id.toLowerCase()
}

function required(name: string) {
  return errors.mutability(`${clip(name)} is required and cannot be removed. Replace its value instead.`)
}

function isSet(block: JsonValue | undefined, name: string): boolean {
  return isObject(block) && block[name] !== undefined
}
