import { type KeysService, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { days, hours } from './test/simulation.ts'

/** A gateway's clock is years ahead of ours. */

let now = new Date('2026-03-01T10:00:00.000Z')
let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => now, times: { every: 20, lease: 2_000 } })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

test('a first use in the future counts as one of now: the grace of the old key begins, and ends', async () => {
  const { id, kid } = await service.inUse()
  const { newKey } = (await service.ask('POST', `/connections/${id}/rotations`, { graceHours: 5 })).body
  await service.use(id, newKey.kid, days(3_000, now))
  expect(await service.keyInState(newKey.kid, 'active')).toMatchObject({ activatedAt: now.toISOString() })
  expect(await service.keyInState(kid, 'retiring')).toMatchObject({ until: hours(5, now).toISOString() })
  now = hours(5, now)
  await service.keyInState(kid, 'expired')
})

test('a last use in the future is followed by those that come after it', async () => {
  const { id, kid } = await service.inUse()
  now = hours(1, now)
  await service.use(id, kid, days(3_000, now), { address: '192.0.2.8' })
  await service.lastUseFrom(kid, '192.0.2.8')
  now = hours(1, now)
  await service.use(id, kid, now, { address: '192.0.2.9' })
  expect((await service.lastUseFrom(kid, '192.0.2.9')).lastUsed.at).toBe(now.toISOString())
})
