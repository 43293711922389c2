import {
  errors,
  findResourceType,
  findSchema,
  type JsonObject,
  renderAll,
  resourceTypeDocuments,
  schemaDocuments,
  serviceProviderConfig,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import type { Cursors } from './cursor.ts'
import { largestPage } from './listing.ts'
import type { BodyLimits } from './read-body.ts'
import { refusals } from './refusals.ts'
import type { Admitted, Placed } from './way-in.ts'

export interface DiscoverParts {
  readonly cursors: Cursors
  readonly baseUrl: (connection: string) => string
  readonly bodyLimits: BodyLimits
}

/** RFC 7644 section 4: a filter is 403, paging is passed over. Without a key only the configuration is shown. */
export function discover(request: Placed | Admitted, parts: DiscoverParts): Answer {
  if (request.arrival.query.has('filter')) {
    throw refusals.forbidden(
      'discovery-filter',
      'What is discovered here cannot be filtered. Ask again without "filter".',
    )
  }
  const baseUrl = parts.baseUrl(request.arrival.connectionId)
  const offer = {
    maxResults: largestPage,
    maxPayloadSize: parts.bodyLimits.bulk,
    cursorTimeout: parts.cursors.lifetime,
  }
  const body =
    request.endpoint.verb === 'service-provider-config'
      ? JSON.stringify(serviceProviderConfig(baseUrl, offer))
      : documentOf(request, baseUrl)
  return { status: 200, headers: {}, body, outcome: accepted(200) }
}

function documentOf(request: Placed | Admitted, baseUrl: string): string {
  if (!('principal' in request)) throw errors.internal()
  const { endpoint, principal, resourceId = '' } = request
  const types = [principal.types.User, principal.types.Group]
  switch (endpoint.verb) {
    case 'resource-types':
      return renderAll(resourceTypeDocuments(types, baseUrl))
    case 'schemas':
      return renderAll(schemaDocuments(types, baseUrl))
    case 'resource-type':
      return found(findResourceType(types, baseUrl, resourceId), request)
    default:
      return found(findSchema(types, baseUrl, resourceId), request)
  }
}

function found(document: JsonObject | undefined, { arrival }: Placed): string {
  if (document === undefined) throw errors.unknownEndpoint(arrival.path)
  return JSON.stringify(document)
}
