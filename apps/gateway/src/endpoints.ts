import { errors, type ResourceTypeName } from '#libs/scim/index'

/** What can be asked for below the SCIM base URL. */
export type Endpoint = Address & Named

interface Address {
  /** What is served to GET is served to HEAD, without its body. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  /** noun.verb, as the request's record names it. */
  readonly operation: string
  /** Which of the connection's resource types it is about. */
  readonly type: ResourceTypeName | undefined
  readonly takesBody: boolean
  readonly hasId: boolean
}

/** What is done there, and to what. */
type Named =
  | {
      readonly noun: 'users' | 'groups'
      readonly verb: 'list' | 'search' | 'create' | 'read' | 'replace' | 'patch' | 'delete'
    }
  | { readonly noun: 'resources'; readonly verb: 'list' | 'search' }
  | { readonly noun: 'bulk'; readonly verb: 'run' }
  | {
      readonly noun: 'discovery'
      readonly verb: 'service-provider-config' | 'resource-types' | 'resource-type' | 'schemas' | 'schema'
    }

/** Everything that is served, RFC 7644 section 3.2. */
export const endpoints: readonly Endpoint[] = [
  serve('GET', '/', { noun: 'resources', verb: 'list' }),
  serve('POST', '/.search', { noun: 'resources', verb: 'search' }),
  serve('GET', '/Users', { noun: 'users', verb: 'list' }, 'User'),
  serve('POST', '/Users', { noun: 'users', verb: 'create' }, 'User'),
  serve('POST', '/Users/.search', { noun: 'users', verb: 'search' }, 'User'),
  serve('GET', '/Users/:id', { noun: 'users', verb: 'read' }, 'User'),
  serve('PUT', '/Users/:id', { noun: 'users', verb: 'replace' }, 'User'),
  serve('PATCH', '/Users/:id', { noun: 'users', verb: 'patch' }, 'User'),
  serve('DELETE', '/Users/:id', { noun: 'users', verb: 'delete' }, 'User'),
  serve('GET', '/Groups', { noun: 'groups', verb: 'list' }, 'Group'),
  serve('POST', '/Groups', { noun: 'groups', verb: 'create' }, 'Group'),
  serve('POST', '/Groups/.search', { noun: 'groups', verb: 'search' }, 'Group'),
  serve('GET', '/Groups/:id', { noun: 'groups', verb: 'read' }, 'Group'),
  serve('PUT', '/Groups/:id', { noun: 'groups', verb: 'replace' }, 'Group'),
  serve('PATCH', '/Groups/:id', { noun: 'groups', verb: 'patch' }, 'Group'),
  serve('DELETE', '/Groups/:id', { noun: 'groups', verb: 'delete' }, 'Group'),
  serve('POST', '/Bulk', { noun: 'bulk', verb: 'run' }),
  serve('GET', '/ServiceProviderConfig', { noun: 'discovery', verb: 'service-provider-config' }),
  serve('GET', '/ResourceTypes', { noun: 'discovery', verb: 'resource-types' }),
  serve('GET', '/ResourceTypes/:id', { noun: 'discovery', verb: 'resource-type' }),
  serve('GET', '/Schemas', { noun: 'discovery', verb: 'schemas' }),
  serve('GET', '/Schemas/:id', { noun: 'discovery', verb: 'schema' }),
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
export function writes({ noun, verb }: Endpoint): boolean {
  return noun !== 'discovery' && !readingVerbs.has(verb)
}

function serve(method: Address['method'], path: string, named: Named, type?: ResourceTypeName): Endpoint {
  return {
    ...named,
    method,
    path,
    operation: `${named.noun}.${named.verb}`,
    type,
    takesBody: ['POST', 'PUT', 'PATCH'].includes(method),
    hasId: path.endsWith('/:id'),
  }
}
