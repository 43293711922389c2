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

async function bearing(...scopes: string[]): Promise<Record<string, string>> {
  const { body } = await service.ask('POST', '/tokens', { name: scopes.join(' '), scopes })
  return { authorization: `Bearer ${body.token}` }
}

test.each(['live', 'sandbox'] as const)(
  'who may rotate but not mint is not told the new %s key, also when it asks again; who may mint reveals it once',
  async (environment) => {
    const { id } = await service.inUse(environment)
    const headers = { ...(await bearing('keys:rotate')), 'idempotency-key': crypto.randomUUID() }
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
  const headers = await bearing('keys:rotate', 'keys:mint')
  const { body } = await service.ask('POST', `/connections/${id}/rotations`, undefined, headers)
  expect(readKey(body.key)).toMatchObject({ kind: 'key', kid: body.newKey.kid })
  expect(body.revealable).toBe(false)
})

test('the text of a sandbox key is shown again to who may mint alone, that of one which was withheld too', async () => {
  const { id, kid } = await service.inUse('sandbox')
  const { body: rotation } = await service.ask(
    'POST',
    `/connections/${id}/rotations`,
    undefined,
    await bearing('keys:rotate'),
  )
  const kids = [kid, rotation.newKey.kid].sort()
  for (const scopes of [['keys:read'], ['keys:read', 'keys:rotate', 'keys:write', 'keys:revoke']]) {
    const headers = await bearing(...scopes)
    const { body: listed } = await service.ask('GET', `/connections/${id}/keys`, undefined, headers)
    const read = await Promise.all(kids.map((one) => service.ask('GET', `/keys/${one}`, undefined, headers)))
    const shown = [...listed.items, ...read.map(({ body }) => body)]
    expect(shown.map((one) => one.kid).sort()).toEqual([...kids, ...kids].sort())
    for (const one of shown) expect(one).not.toHaveProperty('key')
  }
  const headers = await bearing('keys:read', 'keys:mint')
  const { body: listed } = await service.ask('GET', `/connections/${id}/keys`, undefined, headers)
  const { body: read } = await service.ask('GET', `/keys/${kid}`, undefined, headers)
  for (const one of [...listed.items, read]) expect(readKey(one.key)).toMatchObject({ kind: 'key', kid: one.kid })
})
