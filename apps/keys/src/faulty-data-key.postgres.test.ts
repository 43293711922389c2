import { SealingError } from '#libs/sealing/index'
import { type KeysService, newKek, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { days, hours } from './test/simulation.ts'

const times = { every: 20, lease: 2_000 }
const signed = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
const kek = newKek()

let now = new Date('2026-03-01T10:00:00.000Z')
let server: TestDatabase
let service: KeysService
const start = () => startKeysService({ url: server.url, clock: () => now, times, kek })

beforeAll(async () => {
  server = await testDatabase()
  service = await start()
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

async function scheduled() {
  const { id, tenant } = await service.connection()
  const { kid } = (await service.ask('POST', `/connections/${id}/keys`, signed)).body
  await service.use(id, kid, now)
  await service.keyInState(kid, 'active')
  await service.ask('PUT', `/connections/${id}/rotation-policy`, { everyDays: 30 })
  return { id, tenant }
}

const rotationsOf = async (id: string) => (await service.ask('GET', `/connections/${id}/rotations`)).body.items

test('a tenant whose data key does not unwrap keeps the schedule from minting for no other', async () => {
  const faulty = await scheduled()
  now = hours(1, now)
  const sound = await scheduled()
  const alter = 'UPDATE keys.data_key SET wrapped = $2 WHERE tenant = $1'
  await service.database.query(alter, [faulty.tenant, 'altered'])
  // The data keys that were in use are forgotten with the process.
  await service.close()
  now = days(17, now)
  service = await start()

  await until(
    () => rotationsOf(sound.id),
    (rotations) => rotations.length === 1,
  )
  expect(await rotationsOf(faulty.id)).toEqual([])
  expect(service.failures.length).toBeGreaterThan(0)
  for (const failure of service.failures.splice(0)) expect(failure).toBeInstanceOf(SealingError)
})
