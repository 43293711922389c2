/** What each address of the admin API does, as it is named in the record of a request. */
export const operations: Readonly<Record<string, string>> = {
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
  'POST /admin/v1/connections/:connection/keys': 'keys.mint',
  'GET /admin/v1/connections/:connection/keys': 'keys.list',
  'POST /admin/v1/keys/:kid/revoke': 'keys.revoke',
  'GET /admin/v1/followers': 'followers.list',
  'GET /admin/v1/followers/:group/dead-letters': 'deadLetters.list',
  'POST /admin/v1/followers/:group/dead-letters/replay': 'deadLetters.replay',
}
