import { z } from 'zod'

/** What a request must have beside the key itself. Checked for sense where an operator sets it; here it is only read. */

export const keyScopes = ['read', 'write', 'users', 'groups'] as const
export type KeyScope = (typeof keyScopes)[number]

/** RFC 9421. */
const signed = z.discriminatedUnion('algorithm', [
  /** `sealed` opens to the shared secret; only a gateway of this installation can open it. */
  z.object({ method: z.literal('signed'), algorithm: z.literal('hmac-sha256'), sealed: z.string() }),
  /** `publicKey` is base64url of the 32 bytes of an Ed25519 key. */
  z.object({ method: z.literal('signed'), algorithm: z.literal('ed25519'), publicKey: z.string() }),
])

const authentication = z.discriminatedUnion('method', [
  /** The key alone. */
  z.object({ method: z.literal('bearer') }),
  signed,
  /** `certificates` are SHA-256 thumbprints of client certificates, in lower-case hexadecimal digits. */
  z.object({ method: z.literal('mtls'), certificates: z.array(z.string()).min(1) }),
  /** The key is the client secret of RFC 6749 section 4.4: it gets short-lived tokens, and is no bearer token itself. */
  z.object({ method: z.literal('oauth') }),
])

export const keyPolicy = z.object({
  authentication: authentication.default({ method: 'bearer' }),
  /** Ranges of addresses in CIDR notation; empty: from anywhere. */
  allowlist: z.array(z.string()).default([]),
  scopes: z.array(z.enum(keyScopes)).default([...keyScopes]),
  /** From then on the key is refused, whatever its state. */
  expiresAt: z.iso.datetime().nullable().default(null),
  /** Requests a second, and how many may come at once; null: what the gateway is set to. */
  rate: z.object({ perSecond: z.int().positive(), burst: z.int().positive() }).nullable().default(null),
})
export type KeyPolicy = z.infer<typeof keyPolicy>
export type KeyAuthentication = KeyPolicy['authentication']

export const defaultPolicy: KeyPolicy = keyPolicy.parse({})
