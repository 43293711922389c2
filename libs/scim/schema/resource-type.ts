import type { Attribute } from './attribute.ts'
import { commonAttributes } from './common-attributes.ts'

/** A schema of RFC 7643 section 7: a URN and the attributes it defines. */
export interface Schema {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly attributes: readonly Attribute[]
}

export interface SchemaExtension {
  readonly schema: Schema
  readonly required: boolean
}

/** What a path means for a resource type: the attribute it ends in and where a stored document keeps it. */
export interface AttributeReference {
  readonly attribute: Attribute
  /** JSON keys from the document's root; an extension's attributes begin with its URN. */
  readonly path: readonly string[]
  /** The complex attribute that holds it, for a sub-attribute. */
  readonly parent?: Attribute
  /** The extension that defines it; absent for the core schema and the common attributes. */
  readonly extension?: string
  /** True when the attribute or its parent is multi-valued. */
  readonly multiValued: boolean
}

/** A resource type of RFC 7643 section 6, made by `defineResourceType`. */
export interface ResourceType {
  readonly name: string
  readonly endpoint: string
  readonly description: string
  readonly schema: Schema
  readonly extensions: readonly SchemaExtension[]
  /** Every way to name an attribute, in lower case. */
  readonly references: ReadonlyMap<string, AttributeReference>
  /** True when something that is stored is returned on request only or never, so that a stored document is not yet an answer. */
  readonly hidesAttributes: boolean
  /** Attributes of which something is never returned; an extension's as "URN:attribute". */
  readonly secrets: ReadonlySet<string>
}

/** A resource type whose attributes can be found by name. Call it again with more extensions to widen a type. */
export function defineResourceType(definition: {
  name: string
  endpoint: string
  description: string
  schema: Schema
  extensions: readonly SchemaExtension[]
}): ResourceType {
  const references = new Map<string, AttributeReference>()
  for (const common of commonAttributes) enter(references, '', common)
  for (const core of definition.schema.attributes) {
    enter(references, '', core)
    enter(references, `${definition.schema.id}:`, core)
  }
  for (const { schema } of definition.extensions) {
    for (const extended of schema.attributes) {
      enter(references, `${schema.id}:`, extended, schema.id)
      if (!references.has(extended.name.toLowerCase())) enter(references, '', extended, schema.id)
    }
  }
  const all = [definition.schema, ...definition.extensions.map((extension) => extension.schema)]
  // The members of a Group are kept beside its document.
  const stored = all.flatMap((schema) =>
    schema.attributes.filter(({ name }) => definition.name !== 'Group' || name !== 'members'),
  )
  const hidesAttributes = stored.some((attribute) => someOf(attribute, isHidden))
  const secrets = all.flatMap((schema) =>
    schema.attributes
      .filter((attribute) => someOf(attribute, ({ returned }) => returned === 'never'))
      .map(({ name }) => (schema === definition.schema ? name : `${schema.id}:${name}`)),
  )
  return { ...definition, references, hidesAttributes, secrets: new Set(secrets) }
}

/**
 * The attribute a path names, in any letter case, with or without its schema's URN ("name.givenName",
 * "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"). The bare name of an extension's attribute is
 * found too unless the core schema has one of that name: Entra sends the path "manager".
 */
export function findAttribute(resourceType: ResourceType, path: string): AttributeReference | undefined {
  return resourceType.references.get(path.toLowerCase())
}

/** The extension of that URN, in any letter case. */
export function findExtension(resourceType: ResourceType, urn: string): Schema | undefined {
  const wanted = urn.toLowerCase()
  return resourceType.extensions.find((extension) => extension.schema.id.toLowerCase() === wanted)?.schema
}

function enter(
  references: Map<string, AttributeReference>,
  prefix: string,
  attribute: Attribute,
  extension?: string,
): void {
  const path = extension === undefined ? [attribute.name] : [extension, attribute.name]
  const origin = extension === undefined ? {} : { extension }
  const key = `${prefix}${attribute.name}`.toLowerCase()
  references.set(key, { attribute, path, multiValued: attribute.multiValued, ...origin })
  for (const sub of attribute.subAttributes ?? []) {
    references.set(`${key}.${sub.name.toLowerCase()}`, {
      attribute: sub,
      path: [...path, sub.name],
      parent: attribute,
      multiValued: attribute.multiValued || sub.multiValued,
      ...origin,
    })
  }
}

/** What is writeOnly is not stored. */
function isHidden({ returned, mutability }: Attribute): boolean {
  return returned === 'request' || (returned === 'never' && mutability !== 'writeOnly')
}

function someOf(attribute: Attribute, test: (one: Attribute) => boolean): boolean {
  return test(attribute) || (attribute.subAttributes ?? []).some(test)
}
