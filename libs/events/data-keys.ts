import { z } from 'zod'
import { environments } from './trust.ts'

const ofDataKey = { tenant: z.string(), dataKey: z.string() }

/** Wrapped by a key encryption key (KEK), which is never told: who does not have it can do nothing with this. */
export const wrappedDataKey = z.object({
  ...ofDataKey,
  kekId: z.string(),
  kekVersion: z.string(),
  wrapped: z.string(),
})
export type WrappedDataKey = z.infer<typeof wrappedDataKey>

/** Of the keys that the secrets of a tenant are sealed under. */
export const dataKeyEvents = {
  'data-key.made': wrappedDataKey,
  /** By another KEK, or another version of it; what is sealed under it stays as it is. */
  'data-key.rewrapped': wrappedDataKey,
  /** What was sealed under it can be opened no more. */
  'data-key.destroyed': z.object(ofDataKey),
}

/** Told by gateways, which alone ever see the secret of a key. */
export const keyDigestEvents = {
  /** A key that was digested under an older pepper was used, and is digested under the current one from now on. `digest` is base64url. */
  'key-digest.renewed': z.object({
    tenant: z.string(),
    connection: z.string(),
    environment: z.enum(environments).optional(),
    kid: z.string(),
    pepperVersion: z.int().positive(),
    digest: z.string(),
  }),
}
