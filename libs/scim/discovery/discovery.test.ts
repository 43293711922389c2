import { resourceTypes } from '../schema/resource-types.ts'
import { findResourceType, resourceTypeDocuments } from './resource-types.ts'
import { findSchema, schemaDocuments } from './schemas.ts'
import { serviceProviderConfig } from './service-provider-config.ts'

const types = [resourceTypes.User, resourceTypes.Group]
const baseUrl = 'https://example.com/scim/v2/c'
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

test('only what works is advertised', () => {
  expect(
    serviceProviderConfig(baseUrl, { maxResults: 150, maxPayloadSize: 1_048_576, cursorTimeout: 3600 }),
  ).toMatchObject({
    patch: { supported: true },
    bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 1_048_576 },
    filter: { supported: true, maxResults: 150 },
    changePassword: { supported: false },
    sort: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: 150,
      maxPageSize: 150,
      cursorTimeout: 3600,
    },
    etag: { supported: true },
    authenticationSchemes: [
      { type: 'oauthbearertoken', primary: true },
      { type: 'oauth2', primary: false },
    ],
    meta: { location: `${baseUrl}/ServiceProviderConfig` },
  })
})

test('point 47: each schema stands once, is addressable in any letter case, and no message schema is among them', () => {
  const documents = schemaDocuments(types, baseUrl)
  expect(documents.map(({ id }) => id)).toEqual([
    'urn:ietf:params:scim:schemas:core:2.0:User',
    enterprise,
    'urn:ietf:params:scim:schemas:core:2.0:Group',
  ])
  for (const document of documents) {
    expect(document).toMatchObject({ meta: { location: `${baseUrl}/Schemas/${String(document['id'])}` } })
    expect(findSchema(types, baseUrl, String(document['id']).toUpperCase())).toEqual(document)
  }
  expect(findSchema(types, baseUrl, 'urn:ietf:params:scim:api:messages:2.0:PatchOp')).toBeUndefined()
})

test('an attribute is described with all its characteristics', () => {
  const [userName] = Object(findSchema(types, baseUrl, 'urn:ietf:params:scim:schemas:core:2.0:User')).attributes
  expect(userName).toEqual({
    name: 'userName',
    type: 'string',
    description: expect.any(String),
    multiValued: false,
    required: true,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'server',
  })
})

test('a resource type names its endpoint, schema and extensions, and is found by name', () => {
  expect(findResourceType(types, baseUrl, 'User')).toMatchObject({
    id: 'User',
    endpoint: '/Users',
    schema: 'urn:ietf:params:scim:schemas:core:2.0:User',
    schemaExtensions: [{ schema: enterprise, required: false }],
    meta: { resourceType: 'ResourceType', location: `${baseUrl}/ResourceTypes/User` },
  })
  expect(resourceTypeDocuments(types, baseUrl)).toHaveLength(2)
  expect(findResourceType(types, baseUrl, 'Robot')).toBeUndefined()
})
