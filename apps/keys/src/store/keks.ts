import { type KekAddress, type Keyring, makeLocalKek, SealingError } from '#libs/sealing/index'
import type { Database } from '#libs/postgres/index'

/** Data keys of this database are wrapped by a KEK that this program does not have. The message is one line: cause and fix. */
export class KekDoesNotFit extends Error {
  override readonly name = 'KekDoesNotFit'

  constructor(kekId: string, count: number, tenants: number, { message, fault }: SealingError) {
    const lost =
      ' No other is made in its place. Only where it is lost for good, and no backup has it, are the secrets sealed under it lost too (not the keys of bearers): ' +
      `run DELETE FROM keys.data_key WHERE kek_id = '${kekId}' (docs/secrets.md, "When a secret file is lost"), start again, revoke the signed keys of the tenants that it was used for and mint new ones.`
    super(
      `Data keys in the database (${count}, tenants: ${tenants}) are wrapped by the KEK ${kekId}, which cannot be had: ${message}${fault === 'kek-missing' ? lost : ''}`,
    )
  }
}

/**
 * Compares the KEKs with those that the data keys of this database are wrapped by. A KEK in a file is made where there is none and none is missed; whether
 * one elsewhere can be used is not asked.
 * @throws KekDoesNotFit, and then nothing is made
 * @throws SealingError when the file of the present KEK is unfit, or cannot be made
 */
export async function checkKeks(database: Database, keyring: Keyring, present: KekAddress): Promise<void> {
  const used = await database.query<{ kek_id: string; count: number; tenants: number }>(
    `SELECT kek_id, count(*)::int AS count, count(DISTINCT tenant)::int AS tenants FROM keys.data_key GROUP BY kek_id ORDER BY kek_id`,
  )
  for (const { kek_id: kekId, count, tenants } of used) {
    try {
      await keyring.holds(kekId)
    } catch (error) {
      if (error instanceof SealingError) throw new KekDoesNotFit(kekId, count, tenants, error)
      throw error
    }
  }
  if (present.kind !== 'file') return
  makeLocalKek(present.path)
  await keyring.status()
}
