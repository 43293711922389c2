import { type KeysService, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { migrateKeys } from './store/migrations.ts'
import { days } from './test/simulation.ts'

const now = new Date('2026-03-01T10:00:00.000Z')
const furthest = days(36_500, now).toISOString()
const beyond = ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59-01:00', days(36_501, now).toISOString()]

let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => now })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

test('a key is given no end more than 100 years ahead, neither when it is minted nor later', async () => {
  const { id } = await service.connection()
  const mint = (expiresAt: string) => service.ask('POST', `/connections/${id}/keys`, { policy: { expiresAt } })
  const refused = { status: 422, body: { errors: [{ pointer: '#/policy/expiresAt' }] } }
  for (const expiresAt of beyond) expect(await mint(expiresAt)).toMatchObject(refused)
  const { status, body } = await mint(furthest)
  expect([status, body.policy.expiresAt]).toEqual([201, furthest])
  for (const expiresAt of beyond) {
    expect(await service.ask('PATCH', `/keys/${body.kid}`, { policy: { expiresAt } })).toMatchObject(refused)
  }
})

test('a key that was to live for longer is replaced by one that lives for 100 years, and its connection can be read', async () => {
  const { id, kid } = await service.inUse()
  await service.database.query(
    `UPDATE keys.provisioning_key SET policy = policy || '{"expiresAt": "9999-12-31T23:59:59.000Z"}' WHERE kid = $1`,
    [kid],
  )
  const { status, body } = await service.ask('POST', `/connections/${id}/rotations`)
  expect(status).toBe(201)
  const listed = await service.ask('GET', `/connections/${id}/keys`)
  expect(listed).toMatchObject({ status: 200, body: { items: [{}, {}] } })
  expect(await service.ask('GET', `/keys/${body.newKey.kid}`)).toMatchObject({
    body: { policy: { expiresAt: furthest } },
  })
})

test('a key that an earlier version gave an end beyond the year 9999 can be read and replaced after the migration, and others end as they did', async () => {
  const { id, kid } = await service.inUse()
  const { database } = service
  const { body: other } = await service.ask('POST', `/connections/${id}/keys`, { policy: { expiresAt: furthest } })
  await database.query(
    `UPDATE keys.provisioning_key SET policy = policy || '{"expiresAt": "+011973-10-30T13:59:59.000Z"}' WHERE kid = $1`,
    [kid],
  )
  expect((await service.ask('GET', `/connections/${id}/keys`)).status).toBe(500)
  await database.query(`DELETE FROM keys.migration WHERE name LIKE 'LongestLives%'`)
  await migrateKeys(database)
  expect(await service.ask('GET', `/keys/${kid}`)).toMatchObject({
    status: 200,
    body: { policy: { expiresAt: furthest } },
  })
  expect((await service.ask('GET', `/keys/${other.kid}`)).body.policy.expiresAt).toBe(furthest)
  expect((await service.ask('POST', `/keys/${kid}/revoke`)).status).toBe(200)
})

test('an admin token is given no end more than 100 years ahead', async () => {
  const make = (expiresAt: string) => service.ask('POST', '/tokens', { name: 'CI', scopes: ['keys:read'], expiresAt })
  const refused = { status: 422, body: { errors: [{ pointer: '#/expiresAt' }] } }
  for (const expiresAt of beyond) expect(await make(expiresAt)).toMatchObject(refused)
  const { status, body } = await make(furthest)
  expect([status, body.expiresAt]).toEqual([201, furthest])
  for (const expiresAt of beyond) {
    expect(await service.ask('PATCH', `/tokens/${body.id}`, { expiresAt })).toMatchObject(refused)
  }
})
