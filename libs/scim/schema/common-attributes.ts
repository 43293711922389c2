import { attribute } from './attribute.ts'
import type { Attribute } from './attribute.ts'

/** The attributes every resource has, RFC 7643 sections 3 and 3.1. They belong to no schema and are not listed in one. */
export const commonAttributes: readonly Attribute[] = [
  attribute('schemas', 'reference', 'The schemas in use by the resource.', {
    multiValued: true,
    returned: 'always',
    referenceTypes: ['uri'],
  }),
  attribute('id', 'string', 'The identifier the service provider gave the resource.', {
    caseExact: true,
    mutability: 'readOnly',
    returned: 'always',
    uniqueness: 'server',
  }),
  attribute('externalId', 'string', 'The identifier the provisioning client gave the resource.', { caseExact: true }),
  attribute('meta', 'complex', 'What the service provider knows about the resource.', {
    mutability: 'readOnly',
    subAttributes: [
      attribute('resourceType', 'string', 'The name of the resource type.', {
        caseExact: true,
        mutability: 'readOnly',
      }),
      attribute('created', 'dateTime', 'When the resource was created.', { mutability: 'readOnly' }),
      attribute('lastModified', 'dateTime', 'When the resource last changed.', { mutability: 'readOnly' }),
      attribute('location', 'reference', 'The address of the resource.', {
        caseExact: true,
        mutability: 'readOnly',
        referenceTypes: ['uri'],
      }),
      attribute('version', 'string', 'The version of the resource, as in its ETag.', {
        caseExact: true,
        mutability: 'readOnly',
      }),
    ],
  }),
]
