import { fingerprints, type Peppers } from '#libs/credentials/index'
import type { Database } from '#libs/postgres/index'

/** Keys of this database were minted under peppers that this program does not have. The message is one line: cause and fix. */
export class PeppersDoNotFit extends Error {
  override readonly name = 'PeppersDoNotFit'

  constructor(versions: readonly number[]) {
    const list = versions.join(', ')
    super(
      `The keys in the database were minted under other peppers of version ${list}. Put back the peppers of that time ` +
        '(LATCHKEY_PEPPERS, or the file peppers of the data folder). Where they are lost, so are all keys minted under them: ' +
        `revoke those, run DELETE FROM keys.pepper WHERE version IN (${list}), start again and mint new ones.`,
    )
  }
}

/**
 * Compares the peppers with those that the keys of this database were minted under, of which fingerprints are kept; what is
 * new is added. A pepper may be left out once no accepted key and no admin token needs it.
 * @throws PeppersDoNotFit, and then nothing is added
 */
export async function checkPeppers(database: Database, peppers: Peppers): Promise<void> {
  const ours = fingerprints(peppers)
  await database.transaction(async (transaction) => {
    transaction.send(
      `INSERT INTO keys.pepper (version, fingerprint) SELECT * FROM unnest($1::int[], $2::bytea[]) ORDER BY 1
       ON CONFLICT (version) DO NOTHING`,
      [[...ours.keys()], [...ours.values()]],
    )
    const kept = await transaction.query<{ version: number; fingerprint: Buffer; needed: boolean }>(`
      SELECT version, fingerprint, EXISTS (
        SELECT FROM keys.provisioning_key WHERE pepper_version = pepper.version AND ended_at IS NULL
        UNION ALL SELECT FROM keys.admin_token WHERE pepper_version = pepper.version AND revoked_at IS NULL) AS needed
      FROM keys.pepper ORDER BY version`)
    const unfit = kept.filter(({ version, fingerprint, needed }) => {
      const own = ours.get(version)
      return own === undefined ? needed : !own.equals(fingerprint)
    })
    if (unfit.length > 0) throw new PeppersDoNotFit(unfit.map(({ version }) => version))
  })
}
