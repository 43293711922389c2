import { makeEvent, newId, type RequestDecided } from '#libs/events/index'
import { type KeysService, startKeysService } from '#test/keys-service'
import { waitsForALock } from '#test/servers/locks'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { lockSituation } from '../store/situations.ts'
import { lockToken } from '../store/tokens.ts'
import { FollowRequests } from './follow-requests.ts'

const now = new Date('2026-03-01T10:00:00.000Z')

let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => now, times: { every: 3_600_000, lease: 1_000 } })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

const newToken = async () => (await service.ask('POST', '/tokens', { name: 'CI', scopes: ['tenants:read'] })).body.id

test('next looks are locked last, and who acts on a key and then on a token meets no follower the other way round', async () => {
  const { id: connection } = await service.connection()
  const { kid } = (await service.ask('POST', `/connections/${connection}/keys`)).body
  const [known, unknown] = [await newToken(), await newToken()]
  const use = `INSERT INTO keys.admin_token_use (token, at, address) VALUES ($1, '2026-03-01T09:00:00Z', '192.0.2.7')`
  await service.database.query(use, [known])
  const [template] = await service.events('request')
  const asked = (of: Partial<RequestDecided>) => {
    const origin = { source: 'keys', subject: newId(now.getTime()), owner: '', version: 1, time: now } as const
    return makeEvent('request.decided', origin, { ...template?.payload, receivedAt: now.toISOString(), ...of })
  }
  const passed = (...steps: string[]) => steps.map((step) => ({ step, decision: 'passed' as const, microseconds: 1 }))
  const events = [
    asked({ surface: 'scim', connection, kid, steps: passed('key', 'signature') }),
    ...[known, unknown].map((actor) => asked({ actor, steps: passed('admin-token') })),
  ]

  let following: Promise<void> | undefined
  let free: unknown[] = []
  await service.parts.entities.transaction(async (manager) => {
    await lockSituation(manager, connection, kid)
    following = service.database.transaction((transaction) =>
      new FollowRequests(service.parts).apply(events, { transaction, events }),
    )
    await Promise.race([following, waitsForALock(service.database)])
    free = await service.database.query('SELECT FROM keys.admin_token_use WHERE token = $1 FOR UPDATE SKIP LOCKED', [
      known,
    ])
    await lockToken(manager, unknown)
  })
  await following
  expect(free).toEqual([])
  const { body } = await service.ask('GET', `/tokens/${unknown}`)
  expect(body.lastUsed).toMatchObject({ at: now.toISOString() })
})
