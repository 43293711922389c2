import type { Operations } from '#libs/admin/index'

export const gatewayOperations: Operations = {
  'POST /admin/v1/requests/:request/replay': 'requests.replay',
}
