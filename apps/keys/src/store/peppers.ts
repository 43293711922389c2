import { fingerprints, type Peppers } from '#libs/credentials/index'
import type { Database } from '#libs/postgres/index'

/** Keys of this database were minted under peppers that this program does not have. The message is one line: cause and fix. */
export class PeppersDoNotFit extends Error {
  override readonly name = 'PeppersDoNotFit'

  constructor(cause: string, versions: readonly number[]) {
    super(
      `${cause} Where they are lost, so are all keys and admin tokens minted under them: ` +
        `run DELETE FROM keys.pepper WHERE version IN (${versions.join(', ')}) (docs/secrets.md, "When a secret file is lost"), start again, revoke those and mint new ones.`,
    )
  }
}

/** What needs a version of the peppers. */
export interface PepperNeed {
  readonly version: number
  /** Accepted keys whose digests are made under it. */
  readonly keys: number
  /** Of them 20 at the most, by id. */
  readonly kids: readonly string[]
  /** Admin tokens likewise, those that are not revoked. */
  readonly tokens: number
}

interface Kept extends PepperNeed {
  readonly fingerprint: Buffer
}

/** Reads `PepperNeed`s, with fingerprints. */
export const keptPeppers = `
  SELECT version, fingerprint, coalesce(keys, 0) AS keys, kids, tokens FROM keys.pepper
  LEFT JOIN (SELECT pepper_version AS version, count(*)::int AS keys
    FROM keys.provisioning_key WHERE ended_at IS NULL GROUP BY pepper_version) AS of_keys USING (version)
  CROSS JOIN LATERAL (SELECT coalesce(array_agg(kid ORDER BY kid), '{}') AS kids FROM (SELECT kid
    FROM keys.provisioning_key WHERE pepper_version = pepper.version AND ended_at IS NULL ORDER BY kid LIMIT 20) AS of_first) AS named
  CROSS JOIN LATERAL (SELECT count(*)::int AS tokens
    FROM keys.admin_token WHERE pepper_version = pepper.version AND revoked_at IS NULL) AS of_tokens
  ORDER BY version`

/** Of every version that this installation has had, the oldest first. */
export function pepperNeeds(database: Database): Promise<readonly PepperNeed[]> {
  return database.query<Kept>(keptPeppers)
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
    const all = await transaction.query<Kept>(keptPeppers)
    const others = all.filter(({ version, fingerprint }) => ours.get(version)?.equals(fingerprint) === false)
    const missing = all.filter((pepper) => !ours.has(pepper.version) && isNeeded(pepper))
    if (others.length === 0 && missing.length === 0) return
    const versions = [...others, ...missing].map(({ version }) => version)
    const told = [
      ...(others.length === 0
        ? []
        : [`The keys in the database were minted under other peppers of version ${listed(others)}.`]),
      ...missing.map(
        (pepper) => `Version ${pepper.version} is not among the peppers, and ${whatNeeds([pepper])} still need it.`,
      ),
      'Put back the peppers of that time (LATCHKEY_PEPPERS, or the file peppers of the data folder).',
    ]
    throw new PeppersDoNotFit(told.join(' '), versions)
  })
}

/**
 * To be asked before a file of peppers is made, on a database of any age.
 * @throws PeppersDoNotFit where keys were minted under those of a file that is missing
 */
export async function refuseNewPeppers(database: Database, file: string): Promise<void> {
  const [table] = await database.query<{ exists: boolean }>("SELECT to_regclass('keys.pepper') IS NOT NULL AS exists")
  if (table?.exists !== true) return
  const all = await database.query<Kept>(keptPeppers)
  if (all.length === 0) return
  throw new PeppersDoNotFit(
    `The file ${file} with the peppers is missing, and ${whatNeeds(all)} in the database need its version ${listed(all)}. ` +
      'Put it back from the backup of the data folder, or set LATCHKEY_PEPPERS: no other is made in its place.',
    all.map(({ version }) => version),
  )
}

function isNeeded({ keys, tokens }: Kept): boolean {
  return keys + tokens > 0
}

function listed(peppers: readonly Kept[]): string {
  return peppers.map(({ version }) => version).join(', ')
}

function whatNeeds(peppers: readonly Kept[]): string {
  const count = (of: 'keys' | 'tokens') => peppers.reduce((sum, pepper) => sum + pepper[of], 0)
  const kids = peppers.flatMap((pepper) => pepper.kids).slice(0, 3)
  const [keys, tokens] = [count('keys'), count('tokens')]
  const others = kids.length < keys ? ' and others' : ''
  const needing = [
    ...(keys === 0 ? [] : [`accepted keys (${keys}: ${kids.join(', ')}${others})`]),
    ...(tokens === 0 ? [] : [`admin tokens (${tokens})`]),
  ]
  return needing.length === 0 ? 'keys that have ended' : needing.join(' and ')
}
