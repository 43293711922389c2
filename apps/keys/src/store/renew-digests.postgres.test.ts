import { addPepper, digest, generatePeppers, mintKey, open, type Peppers, seal } from '#libs/credentials/index'
import { makeEvent } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { sandboxPurpose } from '../provisioning-key.ts'
import { migrateKeys } from './migrations.ts'
import { checkPeppers, PeppersDoNotFit } from './peppers.ts'
import { renewDigests } from './renew-digests.ts'

let server: TestDatabase
let database: Database

beforeEach(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'digests test', connections: 2 })
  await migrateKeys(database)
  await database.query(`
    WITH tenant AS (INSERT INTO keys.tenant VALUES ('acme', 'acme', 1, now()) RETURNING id)
    INSERT INTO keys.connection SELECT 'people', id, 'people', 'sandbox', 'other', 'enabled', 1, now() FROM tenant`)
})

afterEach(async () => {
  await database.close()
  await server.drop()
})

const old = generatePeppers()
const both = addPepper(old)
const onlyNew: Peppers = { current: both.current, keys: new Map([...both.keys].filter(([version]) => version !== 1)) }

async function keep(kid: string, text: string, secret: Parameters<typeof digest>[2]): Promise<void> {
  const sealed = seal(old, { purpose: sandboxPurpose, of: ['acme', kid] }, text)
  await database.query(
    `INSERT INTO keys.provisioning_key (connection, kid, tenant, environment, state, pepper_version, digest, sealed, created_at)
     VALUES ('people', $1, 'acme', 'sandbox', 'active', 1, $2, $3, now())`,
    [kid, digest(old, 1, secret), sealed],
  )
}

function renewed(kid: string, secret: Parameters<typeof digest>[2], peppers = both) {
  const origin = {
    source: 'gateway',
    subject: kid,
    owner: 'people',
    version: peppers.current,
    time: new Date(),
  } as const
  const encoded = digest(peppers, peppers.current, secret).toString('base64url')
  const payload = { tenant: 'acme', connection: 'people', kid, pepperVersion: peppers.current, digest: encoded }
  return makeEvent('key-digest.renewed', origin, payload)
}

test('the older pepper may be left out once all accepted keys are digested under the current one, and sandbox keys are shown still', async () => {
  const [one, other] = [mintKey('sandbox'), mintKey('sandbox')]
  for (const { kid, text, secret } of [one, other]) await keep(kid, text, secret)
  await checkPeppers(database, both)
  const hear = (...minted: (typeof one)[]) =>
    database.transaction((transaction) =>
      renewDigests(
        transaction,
        minted.map(({ kid, secret }) => renewed(kid, secret)),
        both,
      ),
    )
  await hear(one)
  await expect(checkPeppers(database, onlyNew)).rejects.toThrow(PeppersDoNotFit)
  await hear(one, other, one)
  await checkPeppers(database, onlyNew)
  const rows = await database.query<{ kid: string; sealed: string; digest: Buffer }>(
    'SELECT * FROM keys.provisioning_key',
  )
  for (const { kid, text, secret } of [one, other]) {
    const row = rows.find((kept) => kept.kid === kid)
    expect(row?.digest).toEqual(digest(onlyNew, both.current, secret))
    expect(open(onlyNew, { purpose: sandboxPurpose, of: ['acme', kid] }, row?.sealed ?? '')).toBe(text)
  }
})

test('a renewal that is delivered after a newer one changes nothing', async () => {
  const newest = addPepper(both)
  const { kid, text, secret } = mintKey('sandbox')
  await keep(kid, text, secret)
  const hear = (peppers: Peppers) =>
    database.transaction((transaction) => renewDigests(transaction, [renewed(kid, secret, peppers)], newest))
  const kept = () => database.query<{ sealed: string }>('SELECT * FROM keys.provisioning_key')
  await hear(newest)
  const [before] = await kept()
  expect(before).toMatchObject({ pepper_version: 3, digest: digest(newest, 3, secret) })
  expect(open(newest, { purpose: sandboxPurpose, of: ['acme', kid] }, before?.sealed ?? '')).toBe(text)
  await hear(both)
  expect(await kept()).toEqual([before])
})

test('a key that has ended, or that is gone, is left as it is', async () => {
  const { kid, text, secret } = mintKey('sandbox')
  await keep(kid, text, secret)
  await database.query(`UPDATE keys.provisioning_key SET state = 'revoked', sealed = NULL, ended_at = now()`)
  const unknown = mintKey('sandbox')
  await database.transaction((transaction) =>
    renewDigests(transaction, [renewed(kid, secret), renewed(unknown.kid, unknown.secret)], both),
  )
  expect(await database.query('SELECT pepper_version FROM keys.provisioning_key')).toEqual([{ pepper_version: 1 }])
})
