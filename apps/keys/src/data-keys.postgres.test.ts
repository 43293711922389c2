import { Keyring, makeLocalKek } from '#libs/sealing/index'
import { type KeysService, newKek, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { type Told } from '#test/world'

let server: TestDatabase
let service: KeysService
const former = newKek()

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => new Date(), kek: former })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

test('data keys that cannot be unwrapped are named, and keep no other from being wrapped by the present KEK', async () => {
  const signed = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
  const tenants: string[] = []
  for (let made = 0; made < 4; made++) {
    const { id, tenant } = await service.connection()
    expect((await service.ask('POST', `/connections/${id}/keys`, signed)).status).toBe(201)
    tenants.push(tenant)
  }
  const [altered, missing, ...readable] = tenants.toSorted()
  await service.database.query(`UPDATE keys.data_key SET wrapped = reverse(wrapped) WHERE tenant = $1`, [altered])
  await service.database.query(`UPDATE keys.data_key SET kek_id = 'file:gone' WHERE tenant = $1`, [missing])
  const present = `${former}.present`
  makeLocalKek(present)
  const keyring = new Keyring({ kind: 'file', path: present }, [{ kind: 'file', path: former }], {})
  Object.assign(service.parts, { keyring })

  const batches: Told[] = []
  let after: string | undefined
  do {
    const { status, body } = await service.ask('POST', '/data-keys/rewrap', { limit: 2, ...(after && { after }) })
    expect(status).toBe(200)
    batches.push(body)
    after = body.next
  } while (after !== undefined)
  expect(batches.map(({ rewrapped, remaining }) => [rewrapped, remaining])).toEqual([
    [0, 4],
    [2, 2],
  ])
  expect(batches.flatMap(({ failed }) => failed)).toEqual([
    expect.objectContaining({ tenant: altered, fault: 'unreadable' }),
    expect.objectContaining({ tenant: missing, fault: 'kek-missing' }),
  ])
  const { id: kek } = await keyring.status()
  const wrapped = await service.database.query<{ tenant: string }>(
    'SELECT tenant FROM keys.data_key WHERE kek_id = $1 ORDER BY 1',
    [kek],
  )
  expect(wrapped.map(({ tenant }) => tenant)).toEqual(readable)
})
