import { errors } from './error.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { commonAttributes } from './schema/common-attributes.ts'
import type { Attribute } from './schema/attribute.ts'
import { findAttribute, findExtension } from './schema/resource-type.ts'
import type { ResourceType } from './schema/resource-type.ts'

/** Which attributes an answer has. `default` means a rendered document is the answer as it is. */
export type Projection =
  | { readonly kind: 'default' }
  | { readonly kind: 'include'; readonly names: NameTree }
  | { readonly kind: 'exclude'; readonly names: NameTree; readonly sent?: NameTree }

/** JSON keys; one without keys below it means all of it. */
export interface NameTree extends ReadonlyMap<string, NameTree> {}

/**
 * `attributes` and `excludedAttributes` of a query (names joined by commas) or of a search request (arrays of names), RFC 7644
 * section 3.9. Unknown names are passed over. Throws `invalidValue` when both are given.
 */
export function parseProjection(
  resourceType: ResourceType,
  query: { attributes?: unknown; excludedAttributes?: unknown },
): Projection {
  const included = namesIn('attributes', query.attributes)
  const excluded = namesIn('excludedAttributes', query.excludedAttributes)
  if (included.length > 0 && excluded.length > 0) {
    throw errors.invalidValue('"attributes" and "excludedAttributes" exclude each other. Send one of them.')
  }
  if (included.length > 0) return { kind: 'include', names: nameTree(resourceType, included) }
  if (excluded.length > 0 || resourceType.hidesAttributes) {
    return { kind: 'exclude', names: nameTree(resourceType, excluded) }
  }
  return { kind: 'default' }
}

/**
 * The projection of the answer to a write that sent these attributes: what is returned on request only is shown of them too
 * (RFC 7643 section 7, "returned"), unless the client named what it wants to see.
 */
export function withSent(
  resourceType: ResourceType,
  projection: Projection,
  names: () => readonly string[],
): Projection {
  return projection.kind === 'exclude' ? { ...projection, sent: nameTree(resourceType, names()) } : projection
}

/** Whether the answer has that top-level attribute, so that it is worth fetching. */
export function wants(projection: Projection, name: string): boolean {
  if (projection.kind === 'default') return true
  const below = projection.names.get(name)
  return projection.kind === 'include' ? below !== undefined : below === undefined || below.size > 0
}

/**
 * The attributes of a rendered document that an answer shows: `returned` always and never hold whatever was asked, `request` is
 * shown when named, `default` when nothing else was named (RFC 7643 section 7).
 */
export function project(resourceType: ResourceType, resource: JsonObject, projection: Projection): JsonObject {
  if (projection.kind === 'default') return resource
  const shown = projectAttributes([...commonAttributes, ...resourceType.schema.attributes], resource, projection)
  for (const { schema } of resourceType.extensions) {
    const block = resource[schema.id]
    const names = projection.names.get(schema.id)
    if (!isObject(block)) continue
    const part = names?.size === 0 ? whole(schema.attributes, block, projection.kind) : undefined
    const content = part ?? projectAttributes(schema.attributes, block, within(projection, schema.id))
    if (Object.keys(content).length > 0) shown[schema.id] = content
  }
  return shown
}

const none: NameTree = new Map()

interface Selection {
  readonly kind: 'include' | 'exclude'
  readonly names: NameTree
  /** What a write sent; absent where it was none, or sent nothing of this. */
  readonly sent?: NameTree | 'all'
}

/** What is selected of the parts of an attribute, or of the attributes of an extension. */
function within({ kind, names, sent }: Selection, name: string): Selection {
  const part = sent === 'all' ? sent : sent?.get(name)
  const below = part === undefined ? {} : { sent: part === 'all' || part.size === 0 ? ('all' as const) : part }
  return { kind, names: names.get(name) ?? none, ...below }
}

/** An extension named by its URN alone: all of it, or only what is always returned. */
function whole(attributes: readonly Attribute[], block: JsonObject, kind: Selection['kind']): JsonObject {
  const all: NameTree = new Map(attributes.map((attribute) => [attribute.name, none]))
  return projectAttributes(attributes, block, { kind, names: all })
}

function projectAttributes(attributes: readonly Attribute[], holder: JsonObject, selection: Selection): JsonObject {
  const shown: JsonObject = {}
  for (const attribute of attributes) {
    const value = holder[attribute.name]
    const content = value === undefined ? undefined : projectAttribute(attribute, value, selection)
    if (content !== undefined) shown[attribute.name] = content
  }
  return shown
}

function projectAttribute(attribute: Attribute, value: JsonValue, selection: Selection): JsonValue | undefined {
  const { returned } = attribute
  if (returned === 'never') return undefined
  const { kind, names } = selection
  const below = names.get(attribute.name)
  const named = below !== undefined && below.size === 0
  const parts = within(selection, attribute.name)
  const unnamed = !named && (returned === 'default' || (returned === 'request' && parts.sent !== undefined))
  const wanted = kind === 'include' ? named : unnamed
  if (returned === 'always' || wanted) {
    return projectParts(attribute, value, { ...parts, kind: 'exclude', names: kind === 'exclude' ? parts.names : none })
  }
  // Inside an attribute that was not chosen itself, only chosen parts and those always returned show.
  const hasChosenParts = kind === 'include' && below !== undefined
  return hasChosenParts ? projectParts(attribute, value, { kind: 'include', names: below }) : undefined
}

function projectParts(attribute: Attribute, value: JsonValue, selection: Selection): JsonValue | undefined {
  const parts = attribute.subAttributes
  if (parts === undefined) return value
  if (!Array.isArray(value)) return isObject(value) ? projectObject(parts, value, selection) : value
  const elements = value.map((one) => (isObject(one) ? projectObject(parts, one, selection) : one))
  const shown = elements.filter((element) => element !== undefined)
  return shown.length === 0 && value.length > 0 ? undefined : shown
}

function projectObject(parts: readonly Attribute[], holder: JsonObject, selection: Selection): JsonObject | undefined {
  const shown = projectAttributes(parts, holder, selection)
  return Object.keys(shown).length === 0 ? undefined : shown
}

/** The names that a parameter lists, joined by commas or in an array. Throws `invalidValue` when it is no such list. */
export function namesIn(parameter: string, value: unknown): string[] {
  if (value === undefined || value === null) return []
  const list: unknown[] = Array.isArray(value) ? value : [value]
  const names = list.flatMap((text) => {
    if (typeof text !== 'string') throw errors.invalidValue(`"${parameter}" is not a list of names. Send them so.`)
    return text.split(',')
  })
  return names.map((name) => name.trim()).filter((name) => name !== '')
}

function nameTree(resourceType: ResourceType, names: readonly string[]): NameTree {
  const root: Branch = new Map()
  for (const name of names) {
    const extension = findExtension(resourceType, name)
    const path = extension === undefined ? findAttribute(resourceType, name)?.path : [extension.id]
    if (path !== undefined) grow(root, path)
  }
  return root
}

interface Branch extends Map<string, Branch> {}

function grow(root: Branch, path: readonly string[]): void {
  let branch = root
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1
    const known = branch.get(key)
    // Something shorter was named before, and covers this.
    if (known?.size === 0) return
    const next: Branch = last || known === undefined ? new Map() : known
    branch.set(key, next)
    branch = next
  }
}
