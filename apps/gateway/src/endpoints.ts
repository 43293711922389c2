import { errors, type ResourceTypeName } from '#libs/scim/index'

/** What can be asked for below the SCIM base URL. */
export interface Endpoint {
  /** What is served to GET is served to HEAD, without its body. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  /** noun.verb, as the request's record names it. */
  readonly operation: Operation
  /** Which of the connection's resource types it is about. */
  readonly type: ResourceTypeName | undefined
  readonly takesBody: boolean
  readonly hasId: boolean
}

export type Operation =
  | `${'users' | 'groups'}.${'list' | 'search' | 'create' | 'read' | 'replace' | 'patch' | 'delete'}`
  | `resources.${'list' | 'search'}`
  | 'bulk.run'
  | 'discovery.service-provider-config'
  | `discovery.${'resource-types' | 'resource-type' | 'schemas' | 'schema'}`

/** Everything that is served, RFC 7644 section 3.2. */
export const endpoints: readonly Endpoint[] = [
  serve('GET', '/', 'resources.list'),
  serve('POST', '/.search', 'resources.search'),
  serve('GET', '/Users', 'users.list', 'User'),
  serve('POST', '/Users', 'users.create', 'User'),
  serve('POST', '/Users/.search', 'users.search', 'User'),
  serve('GET', '/Users/:id', 'users.read', 'User'),
  serve('PUT', '/Users/:id', 'users.replace', 'User'),
  serve('PATCH', '/Users/:id', 'users.patch', 'User'),
  serve('DELETE', '/Users/:id', 'users.delete', 'User'),
  serve('GET', '/Groups', 'groups.list', 'Group'),
  serve('POST', '/Groups', 'groups.create', 'Group'),
  serve('POST', '/Groups/.search', 'groups.search', 'Group'),
  serve('GET', '/Groups/:id', 'groups.read', 'Group'),
  serve('PUT', '/Groups/:id', 'groups.replace', 'Group'),
  serve('PATCH', '/Groups/:id', 'groups.patch', 'Group'),
  serve('DELETE', '/Groups/:id', 'groups.delete', 'Group'),
  serve('POST', '/Bulk', 'bulk.run'),
  serve('GET', '/ServiceProviderConfig', 'discovery.service-provider-config'),
  serve('GET', '/ResourceTypes', 'discovery.resource-types'),
  serve('GET', '/ResourceTypes/:id', 'discovery.resource-type'),
  serve('GET', '/Schemas', 'discovery.schemas'),
  serve('GET', '/Schemas/:id', 'discovery.schema'),
]

/** Throws unknownEndpoint, methodNotAllowed naming the methods of that path, or notImplemented for /Me (RFC 7644 section 3.11). */
export function findEndpoint(method: string, path: string): Endpoint {
  if (path === '/Me') {
    throw errors.notImplemented(
      'A provisioning key belongs to no user, so that there is no /Me here. Address the user as /Users/<id>.',
    )
  }
  const here = endpointsAt(path)
  const found = here.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method))
  if (found !== undefined) return found
  if (here.length === 0) throw errors.unknownEndpoint(path)
  throw errors.methodNotAllowed(
    here.flatMap((candidate) => (candidate.method === 'GET' ? ['GET', 'HEAD'] : candidate.method)),
  )
}

/** What stands at the path itself comes before a resource of that id: there is none called ".search". */
function endpointsAt(path: string): Endpoint[] {
  const exact = endpoints.filter((candidate) => candidate.path === path)
  if (exact.length > 0) return exact
  const [, collection = '', id = '', ...more] = path.split('/')
  if (id === '' || more.length > 0) return []
  return endpoints.filter((candidate) => candidate.path === `/${collection}/:id`)
}

const readingVerbs: ReadonlySet<string> = new Set(['list', 'read', 'search'])

/** Whether requests to it may change what is stored. */
export function writes({ operation }: Endpoint): boolean {
  const [noun, verb = ''] = operation.split('.')
  return noun !== 'discovery' && !readingVerbs.has(verb)
}

function serve(method: Endpoint['method'], path: string, operation: Operation, type?: ResourceTypeName): Endpoint {
  return {
    method,
    path,
    operation,
    type,
    takesBody: ['POST', 'PUT', 'PATCH'].includes(method),
    hasId: path.endsWith('/:id'),
  }
}
