import { z } from 'zod'
import { environments } from './trust.ts'

/** What becomes of many deactivations and deletions that a connection brings in a short time. The subject is the connection. */

const scope = { tenant: z.string(), connection: z.string(), environment: z.enum(environments) }

export const guardEvents = {
  /** From then on they wait for a person. `passed` were done in the window before. */
  'guard.held': z.object({
    ...scope,
    heldAt: z.iso.datetime(),
    passed: z.int().nonnegative(),
    windowSeconds: z.int().positive(),
  }),
  /** A person lets them go on, until then or so many. */
  'guard.allowed': z.object({
    ...scope,
    allowedAt: z.iso.datetime(),
    until: z.iso.datetime().nullable(),
    count: z.int().positive().nullable(),
  }),
  /** A person refuses them until then. */
  'guard.denied': z.object({ ...scope, deniedAt: z.iso.datetime(), until: z.iso.datetime() }),
}
