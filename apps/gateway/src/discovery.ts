import {
  errors,
  findResourceType,
  findSchema,
  renderAll,
  type JsonObject,
  resourceTypeDocuments,
  schemaDocuments,
  serviceProviderConfig,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import { largestPage } from './resources.ts'
import type { Admitted } from './way-in.ts'

export interface DiscoveryParts {
  readonly baseUrl: (connection: string) => string
  readonly bodyLimit: number
}

/** RFC 7644 section 4. A filter is 403 here; paging is passed over. */
export function discover(request: Admitted, parts: DiscoveryParts): Answer {
  if (request.arrival.query.has('filter')) {
    throw errors.forbidden(
      'discovery-filter',
      'What is discovered here cannot be filtered. Ask again without "filter".',
    )
  }
  return {
    status: 200,
    headers: {},
    body: documentOf(request, parts),
    outcome: accepted(200),
  }
}

function documentOf(request: Admitted, parts: DiscoveryParts): string {
  const { endpoint, principal, resourceId = '' } = request
  const baseUrl = parts.baseUrl(principal.connection)
  const types = [principal.types.User, principal.types.Group]
  switch (endpoint.operation) {
    case 'discovery.service-provider-config':
      return JSON.stringify(
        serviceProviderConfig(baseUrl, { maxResults: largestPage, maxPayloadSize: parts.bodyLimit }),
      )
    case 'discovery.resource-types':
      return renderAll(resourceTypeDocuments(types, baseUrl))
    case 'discovery.schemas':
      return renderAll(schemaDocuments(types, baseUrl))
    case 'discovery.resource-type':
      return found(findResourceType(types, baseUrl, resourceId), request)
    default:
      return found(findSchema(types, baseUrl, resourceId), request)
  }
}

function found(document: JsonObject | undefined, { arrival }: Admitted): string {
  if (document === undefined) throw errors.unknownEndpoint(arrival.path)
  return JSON.stringify(document)
}
