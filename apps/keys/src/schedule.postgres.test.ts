import { readKey } from '#libs/credentials/index'
import { type KeysService, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { type Told } from '#test/world'
import { days } from './test/simulation.ts'

const begin = new Date('2026-03-01T10:00:00.000Z')
const times = { every: 20, lease: 2_000 }

let server: TestDatabase
let service: KeysService
let now = begin
const options = () => ({ url: server.url, clock: () => now, times })

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService(options())
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
describe('a key that the schedule has minted', () => {
  async function scheduled() {
    const connection = await service.inUse()
    await service.ask('PUT', `/connections/${connection.id}/rotation-policy`, { everyDays: 30 })
    now = days(16, now)
    const { items } = await until(
      async () => (await service.ask('GET', `/connections/${connection.id}/rotations`)).body,
      (list) => list.items.length === 1,
    )
    return { ...connection, rotation: items[0] as Told }
  }

  test('is revealed once, also when it is asked for twice at once, and then kept nowhere', async () => {
    const { id, rotation } = await scheduled()
    expect(rotation).toMatchObject({ startedBy: { kind: 'schedule' }, dueAt: days(14, now).toISOString() })
    const { kid } = rotation.newKey
    expect((await service.ask('GET', `/keys/${kid}`)).body).toMatchObject({ state: 'pending', revealable: true })
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const answers = await Promise.all([
      service.ask('POST', `/keys/${kid}/reveal`, undefined, headers),
      ...Array.from({ length: 3 }, () => service.ask('POST', `/keys/${kid}/reveal`)),
    ])
    const shown = answers.filter(({ status, body }) => status === 200 && body.key !== undefined)
    expect(shown).toHaveLength(1)
    const key = shown[0]?.body.key
    expect(readKey(key)).toMatchObject({ kind: 'key', kid })
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3)
    expect(await service.database.query('SELECT unrevealed FROM keys.provisioning_key WHERE kid = $1', [kid])).toEqual([
      { unrevealed: null },
    ])
    const records = (await service.events('request')).filter(({ payload }) => payload.operation === 'keys.reveal')
    const [record, ...others] = records.filter(({ payload }) => payload.connection === id && payload.status === 200)
    expect(others).toEqual([])
    const told = (await service.events('key')).filter(({ subject }) => subject === kid)
    expect(told.map(({ name, version }) => [name, version])).toEqual([
      ['key.minted', 1],
      ['key.revealed', 2],
    ])
    expect(record).toMatchObject({
      payload: { surface: 'admin', actor: 'bootstrap', address: '127.0.0.1', events: [expect.any(String)] },
    })
    expect(await service.tablesThatHold(key)).toEqual([])
  })

  test('is answered anew once it was revealed, to whoever has read it before', async () => {
    const { rotation } = await scheduled()
    const { kid } = rotation.newKey
    const { headers } = await service.ask('GET', `/keys/${kid}`)
    const again = () => service.ask('GET', `/keys/${kid}`, undefined, { 'if-none-match': headers.get('etag') ?? '' })
    expect((await again()).status).toBe(304)
    await service.ask('POST', `/keys/${kid}/reveal`)
    expect(await again()).toMatchObject({ status: 200, body: { revealable: false } })
  })

  test('is not given again by the Idempotency-Key of the request that revealed it', async () => {
    const { rotation } = await scheduled()
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const reveal = () => service.ask('POST', `/keys/${rotation.newKey.kid}/reveal`, undefined, headers)
    expect((await reveal()).body.key).toEqual(expect.any(String))
    const again = await reveal()
    expect(again.status).toBe(200)
    expect(again.body).not.toHaveProperty('key')
  })

  test.each(['used', 'cancelled', 'revoked'])('is revealed no more once it was %s', async (how) => {
    const { id, rotation } = await scheduled()
    const { kid } = rotation.newKey
    if (how === 'used') {
      await service.use(id, kid, now)
      await service.keyInState(kid, 'active')
    } else {
      await service.ask('POST', `/keys/${kid}/${how === 'cancelled' ? 'cancel' : 'revoke'}`)
    }
    expect(await service.ask('POST', `/keys/${kid}/reveal`)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('nothing to reveal') },
    })
  })

  test('is told of, and counted', async () => {
    const { rotation } = await scheduled()
    expect((await service.eventsOf(rotation.id)).map(({ name, payload }) => [name, payload.kind])).toEqual([
      ['rotation.notice', 'due'],
      ['rotation.started', undefined],
    ])
    now = days(20, now)
    await until(
      () => service.eventsOf(rotation.id),
      (told) => told.length === 3,
    )
    const metrics = await service.metrics()
    expect(metrics).toMatch(/^latchkey_rotations_running [1-9]/m)
    expect(metrics).toMatch(/^latchkey_rotations_overdue [1-9]/m)
    expect(metrics).toMatch(/^latchkey_rotation_notices_total\{kind="overdue"\} [1-9]/m)
  })
})

test('all the while nothing failed, and no event was buried', async () => {
  expect(service.failures).toEqual([])
  expect(await service.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
})
