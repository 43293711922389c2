import { maximumBulkOperations } from '../bulk/request.ts'
import type { JsonObject } from '../json.ts'

/** What is configured of what the service offers. */
export interface ServiceOffer {
  /** Resources in one page at the most. */
  readonly maxResults: number
  /** Bytes of one body at the most. */
  readonly maxPayloadSize: number
  /** Seconds for which a cursor is good. */
  readonly cursorTimeout: number
}

/** What the service offers, RFC 7643 section 5 and RFC 9865 section 4. Only what works is advertised. */
export function serviceProviderConfig(
  baseUrl: string,
  { maxResults, maxPayloadSize, cursorTimeout }: ServiceOffer,
): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: maximumBulkOperations, maxPayloadSize },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: maxResults,
      maxPageSize: maxResults,
      cursorTimeout,
    },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Provisioning key',
        description: 'The provisioning key of the connection as a bearer token.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
      {
        type: 'oauth2',
        name: 'Access token',
        description:
          'A bearer token that a provisioning key which was minted for it is exchanged for, by the grant client_credentials.',
        specUri: 'https://www.rfc-editor.org/info/rfc6749',
        primary: false,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${baseUrl}/ServiceProviderConfig` },
  }
}
