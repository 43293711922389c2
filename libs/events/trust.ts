import { z } from 'zod'
import { connectionSettings } from './connection-settings.ts'
import { connectionSchema } from './connection-schema.ts'
import { keyPolicy } from './key-policy.ts'

/** What the keys service tells: tenants, connections and the keys that the gateway may accept. */

export const environments = ['live', 'sandbox'] as const
export type Environment = (typeof environments)[number]

export const identityProviders = [
  'okta',
  'entra',
  'google',
  'onelogin',
  'jumpcloud',
  'pingfederate',
  'pingone',
  'sailpoint',
  'rippling',
  'other',
] as const
export type IdentityProvider = (typeof identityProviders)[number]

const tenant = z.object({ tenant: z.string(), name: z.string() })

export const connectionFacts = z.object({
  tenant: z.string(),
  connection: z.string(),
  name: z.string(),
  environment: z.enum(environments),
  identityProvider: z.enum(identityProviders),
  state: z.enum(['enabled', 'disabled']),
  settings: connectionSettings.prefault({}),
  schemas: z.array(connectionSchema).default([]),
})
export type ConnectionFacts = z.infer<typeof connectionFacts>

/** A key as a gateway must know it: a keyed digest, never the secret. `digest` is base64url of HMAC-SHA-256 under pepper `pepperVersion`. */
export const knownKeyFacts = z.object({
  tenant: z.string(),
  connection: z.string(),
  environment: z.enum(environments),
  kid: z.string(),
  pepperVersion: z.int().positive(),
  digest: z.string(),
  policy: keyPolicy.prefault({}),
})
export type KnownKeyFacts = z.infer<typeof knownKeyFacts>

export const tenantEvents = {
  'tenant.created': tenant,
  'tenant.changed': tenant.extend({ changed: z.array(z.string()) }),
  'tenant.deleted': z.object({ tenant: z.string() }),
}

export const connectionEvents = {
  'connection.created': connectionFacts,
  'connection.changed': connectionFacts.extend({ changed: z.array(z.string()) }),
  'connection.deleted': z.object({ tenant: z.string(), connection: z.string() }),
}

const ofKey = { tenant: z.string(), connection: z.string(), kid: z.string() }

/** A key is pending when it is minted; see `libs/credentials/life.ts` for what may follow what. */
export const keyEvents = {
  'key.minted': knownKeyFacts,
  /** Its policy is another now. */
  'key.changed': z.object({ ...ofKey, policy: keyPolicy, changed: z.array(z.string()) }),
  /** It was used for the first time. */
  'key.activated': z.object({ ...ofKey, activatedAt: z.iso.datetime() }),
  /** Another has taken its place: it is accepted until then, or until it is told otherwise. */
  'key.retired': z.object({ ...ofKey, retiredAt: z.iso.datetime(), until: z.iso.datetime().nullable() }),
  'key.expired': z.object({ ...ofKey, expiredAt: z.iso.datetime() }),
  'key.cancelled': z.object({ ...ofKey, cancelledAt: z.iso.datetime() }),
  /** It came over plain HTTP, where others could read it, and worked: told of a live key once. */
  'key.exposed': z.object({ ...ofKey, exposedAt: z.iso.datetime(), address: z.string() }),
  'key.revoked': z.object({ ...ofKey, revokedAt: z.iso.datetime() }),
  /** Somebody was shown the text of a key that the schedule had minted; it is kept nowhere from then on. */
  'key.revealed': z.object({ ...ofKey, revealedAt: z.iso.datetime() }),
}
