import { Database } from '#libs/postgres/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { unlimitedRates } from '#test/unlimited'
import { entranceOver, passageOf } from '#test/way-in'
import { Currency } from './currency.ts'
import { migrateGateway } from './index.ts'
import { KnownTrust } from './store/known-trust.ts'
import { admit } from './way-in.ts'

let server: TestDatabase
let database: Database
let trust: KnownTrust

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
})
beforeEach(() => {
  trust = new KnownTrust(database, () => undefined)
})
afterAll(async () => {
  await database.close()
  await server.drop()
})

test('a key that is remembered as accepted from a time in which revocations were not known is refused after it', async () => {
  const other = await entranceOver(database, { limits: unlimitedRates })
  let proven = 0
  const log = { provenUpTo: () => new Date(proven), caughtUpAt: () => undefined, unbrokenSince: () => undefined }
  const currency = new Currency(log, () => new Date())
  currency.onRegained(() => trust.forgetAll())
  const { connection } = other
  const key = await other.mint()
  const send = () => admit(passageOf({ connection, key }), { ...other.parts, trust, currency })
  await expect(send()).rejects.toMatchObject({ code: 'revocations-not-heard' })
  await other.revoke(key)
  proven = Date.now()
  await expect(send()).rejects.toMatchObject({ code: 'key-revoked' })
})

test('a connection that was remembered when the request came, and that the tables know no longer, is not gone by', async () => {
  const { parts, connection, mint } = await entranceOver(database, { limits: unlimitedRates })
  const key = await mint()
  const send = () => admit(passageOf({ connection, key }), { ...parts, trust })
  await expect(send()).resolves.toMatchObject({ connection: { enabled: true } })
  await database.query('DELETE FROM gateway.known_connection WHERE connection = $1', [connection])
  const sending = send()
  trust.forgetAll()
  await expect(sending).rejects.toMatchObject({ code: 'connection-disabled' })
})
