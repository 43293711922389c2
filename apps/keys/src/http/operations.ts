import type { Operations } from '#libs/admin/index'

export const keysOperations: Operations = {
  'POST /admin/v1/tenants': 'tenants.create',
  'GET /admin/v1/tenants': 'tenants.list',
  'GET /admin/v1/tenants/:tenant': 'tenants.read',
  'DELETE /admin/v1/tenants/:tenant': 'tenants.delete',
  'POST /admin/v1/tenants/:tenant/connections': 'connections.create',
  'GET /admin/v1/tenants/:tenant/connections': 'connections.list',
  'GET /admin/v1/connections': 'connections.list',
  'GET /admin/v1/connections/:connection': 'connections.read',
  'PATCH /admin/v1/connections/:connection': 'connections.update',
  'POST /admin/v1/connections/:connection/disable': 'connections.disable',
  'POST /admin/v1/connections/:connection/schemas': 'schemas.create',
  'GET /admin/v1/connections/:connection/schemas': 'schemas.list',
  'GET /admin/v1/connections/:connection/schemas/:urn': 'schemas.read',
  'PUT /admin/v1/connections/:connection/schemas/:urn': 'schemas.update',
  'DELETE /admin/v1/connections/:connection/schemas/:urn': 'schemas.delete',
  'POST /admin/v1/connections/:connection/keys': 'keys.mint',
  'GET /admin/v1/connections/:connection/keys': 'keys.list',
  'POST /admin/v1/keys/:kid/revoke': 'keys.revoke',
  'POST /leaks': 'keys.report-leak',
}
