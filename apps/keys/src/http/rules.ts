import { z } from 'zod'
import { readRange } from '#libs/addresses/index'
import { findSecrets } from '#libs/credentials/index'
import { pagingQuery } from '#libs/http/index'
import { defaultRotationPolicy, rotationModes } from '../rotation-policy.ts'

/** Names of tenants, connections and admin tokens, which everybody may read who may list them: spaces around them do not count. */
export const nameRule = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'is longer than 200 characters')
  .regex(/^\P{Cc}*$/u, 'must not hold control characters')
  .refine(
    (name) => findSecrets(name).length === 0,
    'must not hold a provisioning key or an admin token, which whoever reads the name could use: give another name, and revoke it',
  )

/** A connection's name stands in addresses, where these two lead elsewhere (RFC 3986 section 5.2.4). */
export const connectionNameRule = nameRule.regex(/^(?!\.{1,2}$)/, 'must not be . or .., which no address can hold')

const range = z
  .string()
  .refine(
    (text) => readRange(text) !== undefined,
    'is neither an address nor a range in CIDR notation such as 10.0.0.0/8 or 2001:db8::/32, with no bits beyond its prefix',
  )

/** Where a key or an admin token is taken from; empty: from anywhere. */
export const allowlistRule = z.array(range).max(100, 'names more than 100 ranges')

function within(least: number, most: number, unit: 'hours' | 'days', orElse = '') {
  const rule = `must be a whole number of ${unit} from ${least} to ${most}${orElse}`
  return z.int(rule).min(least, rule).max(most, rule)
}

/** 0: the old key ends as soon as the new one is seen, unless `safe` keeps it for being in use. */
export const graceRule = within(0, 8_760, 'hours')

export const rotationsQuery = pagingQuery.extend({ state: z.enum(['running', 'finished', 'cancelled']).optional() })

export const rotationPolicyRule = z
  .strictObject({
    mode: z.enum(rotationModes).default(defaultRotationPolicy.mode),
    everyDays: within(2, 3_650, 'days', ', or null').nullable().default(null),
    graceHours: graceRule.default(defaultRotationPolicy.graceHours),
    mintAheadDays: within(1, 365, 'days').default(defaultRotationPolicy.mintAheadDays),
  })
  .refine(
    ({ everyDays, mintAheadDays, graceHours }) => everyDays === null || (everyDays - mintAheadDays) * 24 > graceHours,
    {
      path: ['everyDays'],
      error:
        'must be longer than mintAheadDays and graceHours together: the key before would else still be accepted when the next one is to be minted, and there are two at the most',
    },
  )
