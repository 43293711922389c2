import { type KeysService, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { dataKeyOfTenant } from './tenant-data-key.ts'

let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => new Date() })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

test('a tenant that was deleted meanwhile has no data key made', async () => {
  const { id, tenant } = await service.connection()
  expect((await service.ask('DELETE', `/connections/${id}`)).status).toBe(204)
  expect((await service.ask('DELETE', `/tenants/${tenant}`)).status).toBe(204)
  await expect(dataKeyOfTenant(service.parts, tenant, undefined)).rejects.toMatchObject({ code: 'notFound' })
  expect(await service.database.query('SELECT FROM keys.data_key WHERE tenant = $1', [tenant])).toEqual([])
  expect(await service.events('data-key')).toEqual([])
})
