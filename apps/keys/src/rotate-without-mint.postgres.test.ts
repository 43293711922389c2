import { readKey } from '#libs/credentials/index'
import { type KeysService, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'

let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  const times = { every: 20, lease: 2_000 }
  service = await startKeysService({ url: server.url, clock: () => new Date(), times })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

test.each(['live', 'sandbox'] as const)(
  'who may rotate but not mint is not told the new %s key, also when it asks again; who may mint reveals it once',
  async (environment) => {
    const { id } = await service.inUse(environment)
    const { body: made } = await service.ask('POST', '/tokens', { name: 'Rotator', scopes: ['keys:rotate'] })
    const headers = { authorization: `Bearer ${made.token}`, 'idempotency-key': crypto.randomUUID() }
    const rotate = () => service.ask('POST', `/connections/${id}/rotations`, undefined, headers)
    for (const { status, body } of [await rotate(), await rotate()]) {
      expect(status).toBe(201)
      expect(body).toMatchObject({ state: 'running', revealable: true })
      expect(body).not.toHaveProperty('key')
    }
    const { kid } = (await rotate()).body.newKey
    expect((await service.ask('POST', `/keys/${kid}/reveal`, undefined, headers)).status).toBe(403)
    const revealed = await service.ask('POST', `/keys/${kid}/reveal`)
    expect(readKey(revealed.body.key)).toMatchObject({ kind: 'key', kid })
    expect((await service.ask('POST', `/keys/${kid}/reveal`)).status).toBe(409)
  },
)

test('who may do both is answered the new key', async () => {
  const { id } = await service.inUse()
  const scopes = ['keys:rotate', 'keys:mint']
  const { body: made } = await service.ask('POST', '/tokens', { name: 'Operator', scopes })
  const headers = { authorization: `Bearer ${made.token}` }
  const { body } = await service.ask('POST', `/connections/${id}/rotations`, undefined, headers)
  expect(readKey(body.key)).toMatchObject({ kind: 'key', kid: body.newKey.kid })
  expect(body.revealable).toBe(false)
})
