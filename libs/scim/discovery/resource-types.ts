import type { JsonObject } from '../json.ts'
import type { ResourceType } from '../schema/resource-type.ts'

/** The resource types served, RFC 7643 section 6; each stands at `meta.location`. */
export function resourceTypeDocuments(types: readonly ResourceType[], baseUrl: string): JsonObject[] {
  return types.map((type) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: type.name,
    name: type.name,
    description: type.description,
    endpoint: type.endpoint,
    schema: type.schema.id,
    schemaExtensions: type.extensions.map(({ schema, required }) => ({ schema: schema.id, required })),
    meta: { resourceType: 'ResourceType', location: `${baseUrl}/ResourceTypes/${type.name}` },
  }))
}

/** The resource type of that name, undefined when there is none. */
export function findResourceType(
  types: readonly ResourceType[],
  baseUrl: string,
  name: string,
): JsonObject | undefined {
  return resourceTypeDocuments(types, baseUrl).find((document) => document['id'] === name)
}
