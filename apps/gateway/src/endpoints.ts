import { errors, type ResourceTypeName } from '#libs/scim/index'

/** What can be asked for below the SCIM base URL. */
export interface Endpoint {
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
  | `${'users' | 'groups'}.${'list' | 'create' | 'read' | 'replace' | 'patch' | 'delete'}`
  | 'bulk.run'
  | 'discovery.service-provider-config'
  | `discovery.${'resource-types' | 'resource-type' | 'schemas' | 'schema'}`

/** Everything that is served, RFC 7644 section 3.2. */
export const endpoints: readonly Endpoint[] = [
  serve('GET', '/Users', 'users.list', 'User'),
  serve('POST', '/Users', 'users.create', 'User'),
  serve('GET', '/Users/:id', 'users.read', 'User'),
  serve('PUT', '/Users/:id', 'users.replace', 'User'),
  serve('PATCH', '/Users/:id', 'users.patch', 'User'),
  serve('DELETE', '/Users/:id', 'users.delete', 'User'),
  serve('GET', '/Groups', 'groups.list', 'Group'),
  serve('POST', '/Groups', 'groups.create', 'Group'),
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

/** Throws unknownEndpoint, or methodNotAllowed naming the methods of that path. */
export function findEndpoint(method: string, path: string): Endpoint {
  const here = endpoints.filter((candidate) => fits(candidate, path))
  const found = here.find((candidate) => candidate.method === method)
  if (found !== undefined) return found
  if (here.length === 0) throw errors.unknownEndpoint(path)
  throw errors.methodNotAllowed(here.map((candidate) => candidate.method))
}

const readingVerbs: ReadonlySet<string> = new Set(['list', 'read', 'search'])

/** Whether requests to it may change what is stored. */
export function writes({ operation }: Endpoint): boolean {
  const [noun, verb = ''] = operation.split('.')
  return noun !== 'discovery' && !readingVerbs.has(verb)
}

function fits({ path: pattern, hasId }: Endpoint, path: string): boolean {
  const parts = path.split('/')
  if (!hasId) return path === pattern
  return parts.length === 3 && parts[2] !== '' && `/${parts[1]}/:id` === pattern
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
