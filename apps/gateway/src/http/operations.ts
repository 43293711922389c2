import type { Operations } from '#libs/admin/index'

export const gatewayOperations = {
  'GET /admin/v1/connections/:connection/deleted': 'deleted.list',
  'POST /admin/v1/connections/:connection/deleted/:id/restore': 'deleted.restore',
  'GET /admin/v1/guard': 'guard.list',
  'POST /admin/v1/guard/:connection/allow': 'guard.allow',
  'POST /admin/v1/guard/:connection/deny': 'guard.deny',
  'POST /admin/v1/requests/:request/replay': 'requests.replay',
} as const satisfies Operations
