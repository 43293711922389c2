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
import { largestPage } from './resources.ts'
import type { Admitted } from './way-in.ts'

const types = Object.values(resourceTypes)

/** RFC 7644 section 4. A filter is 403 here; paging is passed over. */
export function discover(request: Admitted, baseUrl: string): Answer {
  if (request.arrival.query.has('filter')) {
    throw errors.forbidden(
      'discovery-filter',
      'What is discovered here cannot be filtered. Ask again without "filter".',
    )
  }
  return {
    status: 200,
    headers: {},
    body: documentOf(request, baseUrl),
    outcome: accepted(200),
  }
}

function documentOf({ endpoint, resourceId = '' }: Admitted, baseUrl: string): string {
  switch (endpoint.operation) {
    case 'discovery.service-provider-config':
      return JSON.stringify(serviceProviderConfig(baseUrl, largestPage))
    case 'discovery.resource-types':
      return renderAll(resourceTypeDocuments(types, baseUrl))
    case 'discovery.schemas':
      return renderAll(schemaDocuments(types, baseUrl))
    case 'discovery.resource-type':
      return found(findResourceType(types, baseUrl, resourceId), 'ResourceType', resourceId)
    default:
      return found(findSchema(types, baseUrl, resourceId), 'Schema', resourceId)
  }
}

function found(document: JsonObject | undefined, kind: string, id: string): string {
  if (document === undefined) throw errors.notFound(kind, id)
  return JSON.stringify(document)
}
