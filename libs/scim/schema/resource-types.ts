import { enterpriseUserSchema } from './enterprise-user.ts'
import { groupSchema } from './group.ts'
import { defineResourceType } from './resource-type.ts'
import { userSchema } from './user.ts'

/** The resource types of RFC 7643 section 4, without any extension of an operator's own. */
export const resourceTypes = {
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
