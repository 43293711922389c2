import { maximumBulkOperations } from '../bulk/request.ts'
import type { JsonObject } from '../json.ts'

/** What the service offers, RFC 7643 section 5. Only what works is advertised. `maxPayloadSize` is in bytes. */
export function serviceProviderConfig(
  baseUrl: string,
  { maxResults, maxPayloadSize }: { readonly maxResults: number; readonly maxPayloadSize: number },
): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: maximumBulkOperations, maxPayloadSize },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Provisioning key',
        description: 'The provisioning key of the connection as a bearer token.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${baseUrl}/ServiceProviderConfig` },
  }
}
