import { rename } from 'node:fs/promises'
import { SealingError } from '#libs/sealing/index'
import { type KeysService, newKek, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { days, hours } from './test/simulation.ts'

const times = { every: 20, lease: 2_000 }
const signed = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
const kek = newKek()

let now: Date
let server: TestDatabase
let service: KeysService
const start = () => startKeysService({ url: server.url, clock: () => now, times, kek })

beforeEach(async () => {
  now = new Date('2026-03-01T10:00:00.000Z')
  server = await testDatabase()
  service = await start()
})
afterEach(async () => {
  await service.close()
  await server.drop()
})

async function signingInUse() {
  const { id, tenant } = await service.connection()
  const { kid } = (await service.ask('POST', `/connections/${id}/keys`, signed)).body
  await service.use(id, kid, now)
  await service.keyInState(kid, 'active')
  return { id, kid, tenant }
}

async function scheduled() {
  const inUse = await signingInUse()
  await service.ask('PUT', `/connections/${inUse.id}/rotation-policy`, { everyDays: 30 })
  return inUse
}

const rotationsOf = async (id: string) => (await service.ask('GET', `/connections/${id}/rotations`)).body.items

test('while the KEK is away keys that sign by a secret end in time, and the schedule mints once it is back', async () => {
  const strict = await signingInUse()
  const rotation = { mode: 'strict', graceHours: 2 }
  const { newKey } = (await service.ask('POST', `/connections/${strict.id}/rotations`, rotation)).body
  const sound = await scheduled()
  const expiring = await signingInUse()
  const policy = { expiresAt: hours(1, now).toISOString() }
  await service.ask('PATCH', `/keys/${expiring.kid}`, { policy })
  await service.close()
  await rename(kek, `${kek}.away`)
  service = await start()

  await service.use(strict.id, newKey.kid, now)
  await service.keyInState(newKey.kid, 'active')
  now = hours(2, now)
  await service.keyInState(strict.kid, 'expired')
  await service.keyInState(expiring.kid, 'expired')
  now = days(16, now)
  await until(
    async () => service.failures.length,
    (count) => count > 0,
  )
  for (const failure of service.failures.splice(0)) expect(failure).toBeInstanceOf(SealingError)

  await rename(`${kek}.away`, kek)
  now = new Date(now.getTime() + 31_000)
  await until(
    () => rotationsOf(sound.id),
    (rotations) => rotations.length === 1,
  )
})

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
