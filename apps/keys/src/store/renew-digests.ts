import { open, type Peppers, seal } from '#libs/credentials/index'
import type { Event } from '#libs/events/index'
import type { Transaction } from '#libs/postgres/index'
import { sandboxPurpose } from '../provisioning-key.ts'

/**
 * Takes over what gateways digested under the current pepper. The text of a sandbox key is sealed anew with it, so that nothing of an accepted key needs the
 * older pepper any more. The caller holds the keys. Delivered twice, or late, it changes nothing: an older pepper never takes the place of a newer.
 */
export async function renewDigests(
  transaction: Transaction,
  events: readonly Event<'key-digest.renewed'>[],
  peppers: Peppers,
): Promise<void> {
  for (const { payload } of events) {
    const { tenant, connection, kid, pepperVersion, digest } = payload
    const [row] = await transaction.query<{ sealed: string | null }>(sealedOf, [connection, kid])
    if (row === undefined) continue
    const context = { purpose: sandboxPurpose, of: [tenant, kid] }
    const text = row.sealed === null ? undefined : open(peppers, context, row.sealed)
    const sealed = text === undefined ? row.sealed : seal(peppers, context, text)
    await transaction.query(renew, [connection, kid, pepperVersion, Buffer.from(digest, 'base64url'), sealed])
  }
}

const sealedOf = `
  SELECT sealed FROM keys.provisioning_key WHERE connection = $1 AND kid = $2 AND ended_at IS NULL`

const renew = `
  UPDATE keys.provisioning_key SET pepper_version = $3, digest = $4, sealed = $5
  WHERE connection = $1 AND kid = $2 AND pepper_version < $3`
