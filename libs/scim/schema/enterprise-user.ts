import { attribute } from './attribute.ts'
import type { Schema } from './resource-type.ts'

/** RFC 7643 sections 4.3 and 8.7.1. */
export const enterpriseUserSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  name: 'EnterpriseUser',
  description: 'Enterprise User',
  attributes: [
    attribute('employeeNumber', 'string', 'The number the organization gave the user.'),
    attribute('costCenter', 'string', 'The name of a cost center.'),
    attribute('organization', 'string', 'The name of an organization.'),
    attribute('division', 'string', 'The name of a division.'),
    attribute('department', 'string', 'The name of a department.'),
    attribute('manager', 'complex', "The user's manager.", {
      subAttributes: [
        attribute('value', 'string', "The id of the manager's User resource."),
        attribute('$ref', 'reference', "The address of the manager's User resource.", { referenceTypes: ['User'] }),
        attribute('displayName', 'string', "The manager's name, for display.", { mutability: 'readOnly' }),
      ],
    }),
  ],
}
