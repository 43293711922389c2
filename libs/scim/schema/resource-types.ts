import { enterpriseUserSchema } from './enterprise-user.ts'
import { groupSchema } from './group.ts'
import { attribute } from './attribute.ts'
import type { Attribute } from './attribute.ts'
import { defineResourceType } from './resource-type.ts'
import type { ResourceType, Schema } from './resource-type.ts'
import { userSchema } from './user.ts'

export type ResourceTypeName = 'User' | 'Group'
export type ResourceTypes = Readonly<Record<ResourceTypeName, ResourceType>>

/** The resource types of RFC 7643 section 4, without any extension of an operator's own. */
export const resourceTypes: ResourceTypes = {
  User: defineResourceType({
    name: 'User',
    endpoint: '/Users',
    description: 'User Account',
    schema: userSchema,
    extensions: [{ schema: enterpriseUserSchema, required: false }],
  }),
  Group: defineResourceType({
    name: 'Group',
    endpoint: '/Groups',
    description: 'Group',
    schema: groupSchema,
    extensions: [],
  }),
}

/** A schema of an operator's own and the resource type that it extends, RFC 7643 section 6. */
export interface OwnExtension {
  readonly resourceType: ResourceTypeName
  readonly required: boolean
  readonly document: Schema
}

/** The resource types with these extensions; `resourceTypes` itself when there are none. The schemas are taken as `readSchema` made them. */
export function extendResourceTypes(extensions: readonly OwnExtension[]): ResourceTypes {
  if (extensions.length === 0) return resourceTypes
  return { User: extended(resourceTypes.User, extensions), Group: extended(resourceTypes.Group, extensions) }
}

function extended(type: ResourceType, all: readonly OwnExtension[]): ResourceType {
  const own = all.filter(({ resourceType }) => resourceType === type.name)
  if (own.length === 0) return type
  const added = own.map(({ required, document }) => ({ required, schema: inOrder(document) }))
  return defineResourceType({ ...type, extensions: [...type.extensions, ...added] })
}

/** What was stored may name the characteristics in any order; all schemas are shown alike. */
function inOrder({ id, name, description, attributes }: Schema): Schema {
  return { id, name, description, attributes: attributes.map(attributeInOrder) }
}

function attributeInOrder({ name, type, description, subAttributes, ...characteristics }: Attribute): Attribute {
  return attribute(name, type, description, {
    ...characteristics,
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(attributeInOrder) }),
  })
}
