import { z } from 'zod'

/** What an admin token may do. Checked for sense where it is made; here it is only read. */
const powers = {
  /** noun:verb, from the list of `libs/admin`; one that a reader does not know opens nothing there. */
  scopes: z.array(z.string()),
  /** The tenants that it is limited to; null: all there are and will be. */
  tenants: z.array(z.string()).nullable(),
  /** Ranges of addresses in CIDR notation; empty: from anywhere. */
  allowlist: z.array(z.string()),
  /** From then on it is refused. */
  expiresAt: z.iso.datetime().nullable(),
}
const adminTokenPowers = z.object(powers)
export type AdminTokenPowers = z.infer<typeof adminTokenPowers>

const ofToken = { token: z.string() }

/** Told by the keys service, which alone writes about tokens; told apart from what is the token's own, whose versions it does not count. */
export const adminTokenDigestEvents = {
  /** A token that was digested under an older pepper was used, and is digested under the current one from now on. `digest` is base64url. */
  'admin-token-digest.renewed': z.object({ ...ofToken, pepperVersion: z.int().positive(), digest: z.string() }),
}

export const adminTokenEvents = {
  /** `digest` is base64url of HMAC-SHA-256 of the secret under pepper `pepperVersion`. */
  'admin-token.minted': z.object({
    ...ofToken,
    name: z.string(),
    ...powers,
    pepperVersion: z.int().positive(),
    digest: z.string(),
    /** Id of the token that it was made with, or bootstrap. */
    mintedBy: z.string(),
  }),
  'admin-token.changed': z.object({ ...ofToken, name: z.string(), ...powers, changed: z.array(z.string()) }),
  'admin-token.revoked': z.object({ ...ofToken, revokedAt: z.iso.datetime() }),
}
