import { z } from 'zod'

/** Names of tenants and connections: spaces around them do not count. */
export const nameRule = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'is longer than 200 characters')
  .regex(/^\P{Cc}*$/u, 'must not hold control characters')
