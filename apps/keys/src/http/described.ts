import type { AdminPart } from '#libs/admin/index'
import { connections } from './described/connections.ts'
import { dataKeys } from './described/data-keys.ts'
import { keys } from './described/keys.ts'
import { leaks } from './described/leaks.ts'
import { peppers } from './described/peppers.ts'
import { rotations } from './described/rotations.ts'
import { schemas } from './described/schemas.ts'
import { tenants } from './described/tenants.ts'
import { tokens } from './described/tokens.ts'
import { keysOperations } from './operations.ts'

/** Each of the service's operations: what it asks for, takes and answers. */
export const keysPart: AdminPart<typeof keysOperations> = {
  service: 'keys',
  operations: keysOperations,
  described: {
    ...tenants,
    ...connections,
    ...schemas,
    ...keys,
    ...rotations,
    ...leaks,
    ...dataKeys,
    ...peppers,
    ...tokens,
  },
}
