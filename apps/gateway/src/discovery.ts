import {
  errors,
  findResourceType,
  findSchema,
  renderAll,
  type JsonObject,
  resourceTypeDocuments,
  resourceTypes,
  schemaDocuments,
  serviceProviderConfig,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import type { Cursors } from './cursor.ts'
import { largestPage } from './listing.ts'
import type { Placed } from './way-in.ts'

export interface DiscoverParts {
  readonly cursors: Cursors
  readonly baseUrl: (connection: string) => string
}

const types = Object.values(resourceTypes)

/** RFC 7644 section 4. A filter is 403 here; paging is passed over. */
export function discover(request: Placed, parts: DiscoverParts): Answer {
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

function documentOf(request: Placed, { cursors, baseUrl: baseUrlOf }: DiscoverParts): string {
  const { endpoint, resourceId = '', arrival } = request
  const baseUrl = baseUrlOf(arrival.connectionId)
  switch (endpoint.operation) {
    case 'discovery.service-provider-config':
      return JSON.stringify(
        serviceProviderConfig(baseUrl, { maxResults: largestPage, cursorTimeout: cursors.lifetime }),
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

function found(document: JsonObject | undefined, { arrival }: Placed): string {
  if (document === undefined) throw errors.unknownEndpoint(arrival.path)
  return JSON.stringify(document)
}
