import { problems } from '#libs/http/index'
import { retryTransient } from '#libs/postgres/index'
import { type DataKey, makeDataKey } from '#libs/sealing/index'
import { dataKeyMade } from './data-key.ts'
import type { KeysParts } from './parts.ts'
import { alone } from './store/alone.ts'
import { holdTenant } from './store/connections.ts'
import { findDataKey, insertDataKey } from './store/data-keys.ts'

/**
 * The data key that secrets of the tenant are sealed under, unwrapped; made, with its event, where there is none. Not to be awaited in a transaction: it asks
 * whoever holds the KEK. Rejects with SealingError, and with Problem `notFound` where the tenant was deleted meanwhile.
 */
export async function dataKeyOfTenant(
  { entities, keyring, dataKeys, log, clock }: Pick<KeysParts, 'entities' | 'keyring' | 'dataKeys' | 'log' | 'clock'>,
  tenant: string,
  traceparent: string | undefined,
): Promise<DataKey> {
  const found = await findDataKey(entities.manager, tenant)
  if (found !== undefined) return dataKeys.unwrapped(found)
  const { dataKey, bytes } = makeDataKey(tenant)
  const wrapped = await keyring.wrap(bytes, { tenant, dataKey: dataKey.id })
  bytes.fill(0)
  const made = { ...wrapped, tenant, id: dataKey.id, version: 1, createdAt: clock() }
  const kept = await retryTransient(() =>
    entities.transaction(async (manager, transaction) => {
      if (!(await holdTenant(manager, tenant))) throw problems.notFound('tenant', tenant)
      await alone(manager, `data key of ${tenant}`)
      const other = await findDataKey(manager, tenant)
      if (other !== undefined) return other
      await insertDataKey(manager, made)
      log.append(transaction, [dataKeyMade(made, traceparent)])
      return made
    }),
  )
  return kept === made ? dataKey : dataKeys.unwrapped(kept)
}
