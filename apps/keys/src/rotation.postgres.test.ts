import { readKey } from '#libs/credentials/index'
import { type KeysService, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { type Told } from '#test/world'
import { days, hours } from './test/simulation.ts'

const begin = new Date('2026-03-01T10:00:00.000Z')
const times = { every: 20, lease: 2_000 }

let server: TestDatabase
let service: KeysService
let now = begin
let heard = true
const options = () => ({ url: server.url, clock: () => now, times, heard: () => heard })

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService(options())
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
afterEach(() => {
  heard = true
})

const start = (id: string, body?: object, headers?: Record<string, string>) =>
  service.ask('POST', `/connections/${id}/rotations`, body, headers)

describe('a rotation policy', () => {
  test('is safe and without a schedule unless told, and is answered as it was set', async () => {
    const { id } = await service.connection()
    const path = `/connections/${id}/rotation-policy`
    const unset = { mode: 'safe', everyDays: null, graceHours: 72, mintAheadDays: 14, dueAt: null, mintAt: null }
    expect(await service.ask('GET', path)).toMatchObject({ status: 200, body: unset })
    const set = await service.ask('PUT', path, { mode: 'strict', everyDays: 90 })
    expect(set).toMatchObject({ status: 200, body: { ...unset, mode: 'strict', everyDays: 90 } })
    expect((await service.ask('GET', path)).body).toEqual(set.body)
    const records = await service.events('request')
    const update = records.find(({ payload }) => payload.connection === id && payload.operation.endsWith('.update'))
    expect(update?.payload).toMatchObject({
      operation: 'rotation-policy.update',
      changed: ['rotation.mode', 'rotation.everyDays'],
    })
    await service.ask('PUT', path, { mode: 'strict', everyDays: 90 })
    await service.ask('PUT', path, {})
    const told = (await service.events('rotation-policy')).filter(({ subject }) => subject === id)
    expect(told.map(({ version, payload }) => [version, payload.mode, payload.everyDays, payload.changed])).toEqual([
      [1, 'strict', 90, ['mode', 'everyDays']],
      [2, 'safe', null, ['mode', 'everyDays']],
    ])
  })

  test('that makes no sense is refused with the place of each fault', async () => {
    const { id } = await service.connection()
    const put = (body: object) => service.ask('PUT', `/connections/${id}/rotation-policy`, body)
    const faults = await put({ mode: 'fast', everyDays: 1, graceHours: -1, mintAheadDays: 0.5, more: 1 })
    expect(faults.status).toBe(422)
    expect(faults.body.errors.map(({ pointer }: Told) => pointer).toSorted()).toEqual([
      '#',
      '#/everyDays',
      '#/graceHours',
      '#/mintAheadDays',
      '#/mode',
    ])
    expect(faults.body.errors.map(({ detail }: Told) => detail)).toEqual(
      expect.arrayContaining([
        'must be a whole number of days from 2 to 3650, or null',
        'must be a whole number of hours from 0 to 8760',
        'must be a whole number of days from 1 to 365',
      ]),
    )
    for (const body of [
      { everyDays: 14 },
      { everyDays: 17 },
      { everyDays: 30, graceHours: 8_760 },
      { everyDays: 2, mintAheadDays: 1, graceHours: 24 },
    ]) {
      expect(await put(body)).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/everyDays' }] } })
    }
    expect(await put({ everyDays: 2, mintAheadDays: 1, graceHours: 23 })).toMatchObject({ status: 200 })
    expect(await put({ graceHours: 8_760, mintAheadDays: 365 })).toMatchObject({ status: 200 })
    expect((await service.ask('GET', '/connections/nobody/rotation-policy')).status).toBe(404)
  })

  test('tells when the present key is due, from its first use on', async () => {
    const { id } = await service.inUse()
    const { body } = await service.ask('PUT', `/connections/${id}/rotation-policy`, { everyDays: 90 })
    expect(body).toMatchObject({ dueAt: days(90, now).toISOString(), mintAt: days(76, now).toISOString() })
  })
})

describe('a rotation', () => {
  test('goes from the new key to its first use and to the end of the old one, and its report proves it', async () => {
    const { id, kid } = await service.inUse()
    const began = now
    const started = await start(id, { graceHours: 5 })
    expect(started).toMatchObject({ status: 201, body: { state: 'running', mode: 'safe', graceHours: 5, until: null } })
    const { id: rotation, newKey, key } = started.body
    expect(readKey(key)).toMatchObject({ kind: 'key', kid: newKey.kid, environment: 'live' })
    expect(await service.tablesThatHold(key)).toEqual([])

    now = hours(3, began)
    await service.use(id, kid, hours(1, began), { address: '192.0.2.1' })
    await service.use(id, newKey.kid, hours(2, began), { address: '192.0.2.2' })
    await service.keyInState(kid, 'retiring')
    await service.keyInState(newKey.kid, 'active')
    now = hours(6, began)
    // An act settles all that has come to pass by now.
    await service.ask('PUT', `/connections/${id}/rotation-policy`, {})
    expect((await service.ask('GET', `/keys/${kid}`)).body).toMatchObject({
      state: 'retiring',
      until: hours(7, began).toISOString(),
    })
    now = hours(7, began)
    await service.keyInState(kid, 'expired')

    const report = await service.ask('GET', `/rotations/${rotation}`)
    const userAgent = 'Okta SCIM Client 1.0.0'
    expect(report).toMatchObject({
      status: 200,
      body: {
        id: rotation,
        state: 'finished',
        outcome: 'old-unused',
        startedBy: { kind: 'operator', address: '127.0.0.1', actor: 'bootstrap' },
        endedBy: { kind: 'time' },
        startedAt: began.toISOString(),
        cutOverAt: hours(2, began).toISOString(),
        until: hours(7, began).toISOString(),
        endedAt: hours(7, began).toISOString(),
        extensions: 0,
        newKey: {
          kid: newKey.kid,
          firstUsed: { at: hours(2, began).toISOString(), address: '192.0.2.2', userAgent },
        },
        oldKey: { kid, lastUsed: { at: hours(1, began).toISOString(), address: '192.0.2.1', userAgent } },
      },
    })
    const rotations = `/connections/${id}/rotations`
    expect((await service.ask('GET', rotations)).body).toEqual({ items: [report.body] })
    expect((await service.ask('GET', `${rotations}?state=${report.body.state}`)).body).toEqual({ items: [report.body] })
    expect((await service.ask('GET', `${rotations}?state=cancelled`)).body).toEqual({ items: [] })
    expect((await service.ask('GET', `${rotations}?state=over`)).status).toBe(422)
    const told = await service.eventsOf(rotation)
    expect(told.map(({ name, version }) => `${version} ${name}`)).toEqual([
      '1 rotation.started',
      '2 rotation.cut-over',
      '3 rotation.finished',
    ])
    expect(told.map(({ payload }) => 'actor' in payload && payload.actor)).toEqual(['bootstrap', false, false])
    const record = (await service.events('request')).find((each) => each.subject === report.body.startedBy.request)
    expect(record?.payload).toMatchObject({ operation: 'rotations.start', subject: { kind: 'rotation', id: rotation } })
  })

  test('that is broken off leaves the old key without an end, and whoever has read the key before is answered that', async () => {
    const { id, kid } = await service.inUse()
    const { newKey } = (await start(id)).body
    await service.use(id, newKey.kid, now)
    await service.keyInState(kid, 'retiring')
    const { headers } = await service.ask('GET', `/keys/${kid}`)
    expect((await service.ask('POST', `/keys/${newKey.kid}/revoke`)).status).toBe(200)
    const again = await service.ask('GET', `/keys/${kid}`, undefined, { 'if-none-match': headers.get('etag') ?? '' })
    expect(again).toMatchObject({ status: 200, body: { state: 'retiring', until: null } })
  })

  test('answers the text of a live key once, also to the same request again', async () => {
    const { id } = await service.inUse()
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const [first, again] = [await start(id, undefined, headers), await start(id, undefined, headers)]
    expect(first.body.key).toEqual(expect.stringMatching(/^lk_live_/))
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } })
    expect(again.body).not.toHaveProperty('key')
    const sandbox = await service.inUse('sandbox')
    const shown = await start(sandbox.id, undefined, headers)
    expect((await start(sandbox.id, undefined, headers)).body.key).toBe(shown.body.key)
  })

  test('is started by one of many that ask at once; never are more than two keys accepted', async () => {
    const { id } = await service.inUse()
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => start(id)),
      ...Array.from({ length: 2 }, () => service.ask('POST', `/connections/${id}/keys`)),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(7).fill(409)])
    const forced = await Promise.all(Array.from({ length: 4 }, () => start(id, { force: true })))
    const started = forced.filter(({ status }) => status === 201)
    expect(started).not.toEqual([])
    expect(new Set(started.map(({ body }) => body.id)).size).toBe(started.length)
    expect(forced.filter(({ status }) => status !== 201 && status !== 409)).toEqual([])
    const { items } = (await service.ask('GET', `/connections/${id}/keys`)).body
    expect(items.filter(({ endedAt }: Told) => endedAt === null)).toHaveLength(2)
  })

  test('running or not, what cannot be done is refused with cause and fix', async () => {
    const { id, kid } = await service.inUse()
    const first = (await start(id)).body
    expect(await start(id)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('with force') } })
    const finish = (rotation: string, body?: object) => service.ask('POST', `/rotations/${rotation}/finish`, body)
    expect(await finish(first.id)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('never been used') },
    })
    expect((await service.ask('POST', `/rotations/${first.id}/cancel`)).body).toMatchObject({
      state: 'cancelled',
      outcome: 'new-cancelled',
      endedBy: { kind: 'operator' },
    })
    expect(await finish(first.id)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('has ended') },
    })
    const second = (await start(id)).body
    await service.use(id, second.newKey.kid, now)
    await service.keyInState(kid, 'retiring')
    for (const path of [`/rotations/${second.id}/cancel`, `/keys/${second.newKey.kid}/cancel`]) {
      expect((await service.ask('POST', path)).status).toBe(409)
    }
    expect(await finish(second.id)).toMatchObject({ status: 200, body: { outcome: 'old-ended-by-operator' } })
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('expired')
    for (const nowhere of ['nobody', crypto.randomUUID()]) {
      expect((await service.ask('GET', `/rotations/${nowhere}`)).status).toBe(404)
    }
    expect((await start(id, { force: 'yes', grace: 1 })).status).toBe(422)
  })

  test('of a next key that is cancelled or revoked by its id is cancelled too', async () => {
    const { id, kid } = await service.inUse()
    for (const act of ['cancel', 'revoke']) {
      const { body } = await start(id)
      expect((await service.ask('POST', `/keys/${body.newKey.kid}/${act}`)).status).toBe(200)
      const outcome = act === 'cancel' ? 'new-cancelled' : 'new-revoked'
      expect((await service.ask('GET', `/rotations/${body.id}`)).body).toMatchObject({ state: 'cancelled', outcome })
    }
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('active')
  })

  test('ends nothing while it is not known which keys are in use; a revocation never waits', async () => {
    const { id, kid } = await service.inUse()
    const { body } = await start(id)
    heard = false
    const waiting = [
      await start(id, { force: true }),
      await service.ask('POST', `/rotations/${body.id}/cancel`),
      await service.ask('POST', `/rotations/${body.id}/finish`),
      await service.ask('POST', `/keys/${body.newKey.kid}/cancel`),
    ]
    expect(waiting.map(({ status }) => status)).toEqual([503, 503, 503, 503])
    expect((await service.ask('POST', `/keys/${kid}/revoke`)).status).toBe(200)
  })

  test('a request that is refused for its key is no use of it', async () => {
    const { id, kid } = await service.inUse()
    const { newKey } = (await start(id)).body
    await service.use(id, newKey.kid, now, { status: 403 })
    now = hours(0.1, now)
    await service.use(id, kid, now, { address: '192.0.2.9' })
    expect(await service.lastUseFrom(kid, '192.0.2.9')).toMatchObject({ state: 'active' })
    const refused = (await service.ask('GET', `/keys/${newKey.kid}`)).body
    expect(refused).toMatchObject({ state: 'pending', firstUsed: null, lastUsed: null })
  })

  test('goes with its connection', async () => {
    const { id } = await service.inUse()
    const { body } = await start(id)
    expect((await service.ask('DELETE', `/connections/${id}`)).status).toBe(204)
    expect((await service.eventsOf(body.id)).map(({ name }) => name)).toHaveLength(2)
    expect((await service.ask('GET', `/rotations/${body.id}`)).status).toBe(404)
    await service.database.query(`UPDATE keys.next_look SET at = '-infinity' WHERE connection = $1`, [id])
    await until(
      () => service.database.query('SELECT FROM keys.next_look WHERE connection = $1', [id]),
      (rows) => rows.length === 0,
    )
  })
})

test('all the while nothing failed, and no event was buried', async () => {
  expect(service.failures).toEqual([])
  expect(await service.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
})
