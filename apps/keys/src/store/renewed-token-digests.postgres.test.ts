import { addPepper, digest, generatePeppers, type Peppers, readAdminToken } from '#libs/credentials/index'
import { startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { checkPeppers, PeppersDoNotFit } from './peppers.ts'

let server: TestDatabase
beforeAll(async () => {
  server = await testDatabase()
})
afterAll(() => server.drop())

const old = generatePeppers()
const both = addPepper(old)
const onlyNew: Peppers = { current: both.current, keys: new Map([...both.keys].filter(([version]) => version !== 1)) }
const serviceWith = (peppers: Peppers) => startKeysService({ url: server.url, clock: () => new Date(), peppers })

test('the older pepper may be left out once the tokens that were made under it were used under the new one', async () => {
  const before = await serviceWith(old)
  const make = async (name: string) => (await before.ask('POST', '/tokens', { name, scopes: ['tenants:read'] })).body
  const [used, revoked] = [await make('used'), await make('revoked')]
  await before.close()

  const between = await serviceWith(both)
  await checkPeppers(between.database, both)
  await expect(checkPeppers(between.database, onlyNew)).rejects.toThrow(PeppersDoNotFit)
  const ask = (token: string) => between.ask('GET', '/tenants', undefined, { authorization: `Bearer ${token}` })
  await between.ask('POST', `/tokens/${revoked.id}/revoke`)
  expect((await ask(revoked.token)).status).toBe(401)
  const at = async (id: string) => {
    const [row] = await between.database.query<{ pepper_version: number; digest: Buffer }>(
      'SELECT pepper_version, digest FROM keys.admin_token WHERE id = $1',
      [id],
    )
    return row
  }
  expect((await Promise.all(Array.from({ length: 5 }, () => ask(used.token)))).map(({ status }) => status)).toEqual([
    200, 200, 200, 200, 200,
  ])
  const row = await until(
    () => at(used.id),
    (kept) => kept?.pepper_version === 2,
  )
  const secret = readAdminToken(used.token)?.secret
  expect(secret && row?.digest).toEqual(secret && digest(both, 2, secret))
  expect((await ask(used.token)).status).toBe(200)
  const listed = (await between.ask('GET', '/tokens')).body.items
  const told = new Map(listed.map((one: { id: string; pepperVersion: number }) => [one.id, one.pepperVersion]))
  expect([told.get(used.id), told.get(revoked.id)]).toEqual([2, 1])
  const events = await between.events('admin-token-digest')
  expect(events).toMatchObject([{ subject: used.id, version: 2, payload: { token: used.id, pepperVersion: 2 } }])
  expect((await at(revoked.id))?.pepper_version).toBe(1)
  expect(between.failures).toEqual([])
  await between.close()

  const after = await serviceWith(onlyNew)
  await checkPeppers(after.database, onlyNew)
  const late = await after.ask('GET', '/tenants', undefined, { authorization: `Bearer ${used.token}` })
  expect(late.status).toBe(200)
  await after.close()
})
