import type { AnyEvent } from '#libs/events/index'
import type { Statement, Transaction } from '#libs/postgres/index'
import type { Exposure } from '../exposure.ts'
import { keyExposed, type ProvisioningKey } from '../provisioning-key.ts'

/** One that is marked already, or is accepted no longer, is passed over. */
const mark: Statement = {
  name: 'keys mark exposed',
  text: `
    UPDATE keys.provisioning_key SET exposed_at = $3, version = version + 1
    WHERE connection = $1 AND kid = $2 AND exposed_at IS NULL AND ended_at IS NULL
    RETURNING connection, kid, tenant, version`,
}

/** Marks the keys, which the caller holds, and gives the event of each that was not marked before. */
export async function markExposed(transaction: Transaction, exposures: readonly Exposure[]): Promise<AnyEvent[]> {
  const events: AnyEvent[] = []
  for (const exposure of exposures) {
    const { connection, kid, at } = exposure
    const [key] = await transaction.query<Pick<ProvisioningKey, 'kid' | 'tenant' | 'connection' | 'version'>>(mark, [
      connection,
      kid,
      at,
    ])
    if (key !== undefined) events.push(keyExposed(key, exposure))
  }
  return events
}
