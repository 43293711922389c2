import type { JsonObject } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import { schemaSchema } from '../schema/read-schema.ts'
import type { ResourceType, Schema } from '../schema/resource-type.ts'

/** The schemas of the resource types, each once, RFC 7643 section 7; each stands at `meta.location`. */
export function schemaDocuments(types: readonly ResourceType[], baseUrl: string): JsonObject[] {
  const schemas = new Map<string, Schema>()
  for (const type of types) {
    schemas.set(type.schema.id, type.schema)
    for (const { schema } of type.extensions) schemas.set(schema.id, schema)
  }
  return [...schemas.values()].map((schema) => ({
    ...schemaDocument(schema),
    meta: { resourceType: 'Schema', location: `${baseUrl}/Schemas/${schema.id}` },
  }))
}

/** JSON without numbers. */
export interface SchemaDocument {
  [key: string]: string | boolean | string[] | SchemaDocument[]
}

/** A schema as RFC 7643 section 7 has it, with every characteristic said. */
export function schemaDocument({ id, name, description, attributes }: Schema): SchemaDocument {
  return { schemas: [schemaSchema], id, name, description, attributes: attributes.map(attributeDocument) }
}

/** The schema of that URN in any letter case, undefined when there is none. */
export function findSchema(types: readonly ResourceType[], baseUrl: string, urn: string): JsonObject | undefined {
  const wanted = urn.toLowerCase()
  return schemaDocuments(types, baseUrl).find((document) => String(document['id']).toLowerCase() === wanted)
}

function attributeDocument(attribute: Attribute): SchemaDocument {
  const { canonicalValues, referenceTypes, subAttributes, profile: _profile, ...characteristics } = attribute
  return {
    ...characteristics,
    ...(canonicalValues === undefined ? {} : { canonicalValues: [...canonicalValues] }),
    ...(referenceTypes === undefined ? {} : { referenceTypes: [...referenceTypes] }),
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(attributeDocument) }),
  }
}
