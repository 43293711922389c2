import { attribute } from './attribute.ts'
import type { Schema } from './resource-type.ts'

/**
 * RFC 7643 sections 4.2 and 8.7.1. Where the two differ the text of 4.2 holds: displayName is required. Members have `display`
 * as in section 2.4, and their `value` is caseExact as the id that it is (section 3.1).
 */
export const groupSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  name: 'Group',
  description: 'Group',
  attributes: [
    attribute('displayName', 'string', 'The name of the group.', { required: true }),
    attribute('members', 'complex', 'The members of the group: users and other groups.', {
      multiValued: true,
      subAttributes: [
        attribute('value', 'string', 'The id of the member.', { mutability: 'immutable', caseExact: true }),
        attribute('$ref', 'reference', 'The address of the member.', {
          mutability: 'immutable',
          referenceTypes: ['User', 'Group'],
        }),
        attribute('type', 'string', 'Whether the member is a user or a group.', {
          mutability: 'immutable',
          canonicalValues: ['User', 'Group'],
        }),
        attribute('display', 'string', 'The name of the member, for display.', { mutability: 'readOnly' }),
      ],
    }),
  ],
}
