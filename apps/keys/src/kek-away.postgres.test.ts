import { rename } from 'node:fs/promises'
import { SealingError } from '#libs/sealing/index'
import { type KeysService, newKek, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { days, hours } from './test/simulation.ts'

/** Whoever holds the KEK is away from the second start of the service on. */

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

async function signingInUse() {
  const { id } = await service.connection()
  const { kid } = (await service.ask('POST', `/connections/${id}/keys`, signed)).body
  await service.use(id, kid, now)
  await service.keyInState(kid, 'active')
  return { id, kid }
}

test('while the KEK is away keys that sign by a secret end in time, and the schedule mints once it is back', async () => {
  const strict = await signingInUse()
  const rotation = { mode: 'strict', graceHours: 2 }
  const { newKey } = (await service.ask('POST', `/connections/${strict.id}/rotations`, rotation)).body
  const scheduled = await signingInUse()
  await service.ask('PUT', `/connections/${scheduled.id}/rotation-policy`, { everyDays: 30 })
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
    async () => (await service.ask('GET', `/connections/${scheduled.id}/rotations`)).body,
    ({ items }) => items.length === 1,
  )
})
