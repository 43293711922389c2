/**
 * What an admin token can be allowed, noun:verb: each opens the operations that name it in their service's table, and a test holds
 * that every one is named there.
 */
export const adminScopes = [
  'tenants:read',
  'tenants:write',
  'connections:read',
  'connections:write',
  'keys:read',
  'keys:mint',
  'keys:write',
  'keys:rotate',
  'keys:revoke',
  'requests:replay',
  'guard:read',
  'guard:decide',
  'deleted:read',
  'deleted:restore',
  'data-keys:read',
  'data-keys:rewrap',
  'followers:read',
  'dead-letters:read',
  'dead-letters:replay',
  'tokens:read',
  'tokens:write',
  'audit:read',
  'detections:read',
  'detections:write',
  'directory:read',
] as const
export type AdminScope = (typeof adminScopes)[number]
