import type { Operations } from '#libs/admin/index'

export const directoryOperations = {
  'GET /directory/v1/:connection/users': 'directory.users.list',
  'GET /directory/v1/:connection/users/:id': 'directory.users.read',
  'GET /directory/v1/:connection/groups': 'directory.groups.list',
  'GET /directory/v1/:connection/groups/:id': 'directory.groups.read',
} as const satisfies Operations
