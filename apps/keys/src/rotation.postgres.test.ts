import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { formatPeppers, readKey } from '#libs/credentials/index'
import { RotationWorker } from './rotation-worker.ts'
import { adminToken, type KeysService, peppers, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { type Told } from '#test/world'
import { days, hours } from './simulation.ts'

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

async function until<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 10_000
  for (;;) {
    const value = await read()
    if (wanted(value)) return value
    if (Date.now() > end) throw new Error(`it did not come about within 10 seconds: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

const keyInState = (kid: string, state: string): Promise<Told> =>
  until(
    async () => (await service.ask('GET', `/keys/${kid}`)).body,
    (key) => key.state === state,
  )

/** A connection whose key is in use. */
async function inUse(environment?: 'live' | 'sandbox') {
  const { id, tenant } = await service.connection(environment)
  const { kid } = (await service.ask('POST', `/connections/${id}/keys`)).body
  await service.use(id, kid, now)
  await keyInState(kid, 'active')
  return { id, tenant, kid } as { id: string; tenant: string; kid: string }
}

const start = (id: string, body?: object, headers?: Record<string, string>) =>
  service.ask('POST', `/connections/${id}/rotations`, body, headers)

const eventsOf = async (rotation: string): Promise<Told[]> =>
  (await service.events('rotation')).filter(({ subject }) => subject === rotation)

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
    expect(records.at(-2)?.payload).toMatchObject({
      operation: 'rotation-policy.update',
      connection: id,
      changed: ['rotation.mode', 'rotation.everyDays'],
    })
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
    expect(await put({ everyDays: 14 })).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/everyDays' }] } })
    expect((await service.ask('GET', '/connections/nobody/rotation-policy')).status).toBe(404)
  })

  test('tells when the present key is due, from its first use on', async () => {
    const { id } = await inUse()
    const { body } = await service.ask('PUT', `/connections/${id}/rotation-policy`, { everyDays: 90 })
    expect(body).toMatchObject({ dueAt: days(90, now).toISOString(), mintAt: days(76, now).toISOString() })
  })
})

describe('a rotation', () => {
  test('goes from the new key to its first use and to the end of the old one, and its report proves it', async () => {
    const { id, kid } = await inUse()
    const began = now
    const started = await start(id, { graceHours: 5 })
    expect(started).toMatchObject({ status: 201, body: { state: 'running', mode: 'safe', graceHours: 5, until: null } })
    const { id: rotation, newKey, key } = started.body
    expect(readKey(key)).toMatchObject({ kind: 'key', kid: newKey.kid, environment: 'live' })

    now = hours(3, began)
    await service.use(id, kid, hours(1, began), { address: '192.0.2.1' })
    await service.use(id, newKey.kid, hours(2, began), { address: '192.0.2.2' })
    await keyInState(kid, 'retiring')
    await keyInState(newKey.kid, 'active')
    now = hours(6, began)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await service.ask('GET', `/keys/${kid}`)).body).toMatchObject({
      state: 'retiring',
      until: hours(7, began).toISOString(),
    })
    now = hours(7, began)
    await keyInState(kid, 'expired')

    const report = await service.ask('GET', `/rotations/${rotation}`)
    const userAgent = 'Okta SCIM Client 1.0.0'
    expect(report).toMatchObject({
      status: 200,
      body: {
        id: rotation,
        state: 'finished',
        outcome: 'old-unused',
        startedBy: { kind: 'operator', address: '127.0.0.1' },
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
    expect((await service.ask('GET', `/connections/${id}/rotations`)).body).toEqual({ items: [report.body] })
    const told = await eventsOf(rotation)
    expect(told.map(({ name, version }) => `${version} ${name}`)).toEqual([
      '1 rotation.started',
      '2 rotation.cut-over',
      '3 rotation.finished',
    ])
    const record = (await service.events('request')).find((each) => each.subject === report.body.startedBy.request)
    expect(record?.payload).toMatchObject({ operation: 'rotations.start', subject: { kind: 'rotation', id: rotation } })
  })

  test('answers the text of a live key once, also to the same request again', async () => {
    const { id } = await inUse()
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const [first, again] = [await start(id, undefined, headers), await start(id, undefined, headers)]
    expect(first.body.key).toEqual(expect.stringMatching(/^lk_live_/))
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } })
    expect(again.body).not.toHaveProperty('key')
    const sandbox = await inUse('sandbox')
    const shown = await start(sandbox.id, undefined, headers)
    expect((await start(sandbox.id, undefined, headers)).body.key).toBe(shown.body.key)
  })

  test('is started by one of many that ask at once; never are more than two keys accepted', async () => {
    const { id } = await inUse()
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => start(id)),
      ...Array.from({ length: 2 }, () => service.ask('POST', `/connections/${id}/keys`)),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(7).fill(409)])
    const forced = await Promise.all(Array.from({ length: 4 }, () => start(id, { force: true })))
    expect(new Set(forced.map(({ body }) => body.id)).size).toBeGreaterThan(0)
    const { items } = (await service.ask('GET', `/connections/${id}/keys`)).body
    expect(items.filter(({ endedAt }: Told) => endedAt === null)).toHaveLength(2)
  })

  test('running or not, what cannot be done is refused with cause and fix', async () => {
    const { id, kid } = await inUse()
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
    await keyInState(kid, 'retiring')
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
    const { id, kid } = await inUse()
    for (const act of ['cancel', 'revoke']) {
      const { body } = await start(id)
      expect((await service.ask('POST', `/keys/${body.newKey.kid}/${act}`)).status).toBe(200)
      const outcome = act === 'cancel' ? 'new-cancelled' : 'new-revoked'
      expect((await service.ask('GET', `/rotations/${body.id}`)).body).toMatchObject({ state: 'cancelled', outcome })
    }
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('active')
  })

  test('ends nothing while it is not known which keys are in use; a revocation never waits', async () => {
    const { id, kid } = await inUse()
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

  test('a request that is refused for its key is no first use of it', async () => {
    const { id, kid } = await inUse()
    const { newKey } = (await start(id)).body
    await service.use(id, newKey.kid, now, { status: 403 })
    const seen = await until(
      async () => (await service.ask('GET', `/keys/${newKey.kid}`)).body,
      ({ lastUsed }) => lastUsed !== null,
    )
    expect(seen).toMatchObject({ state: 'pending', firstUsed: null })
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('active')
  })

  test('goes with its tenant', async () => {
    const { id, tenant } = await inUse()
    const { body } = await start(id)
    expect((await service.ask('DELETE', `/tenants/${tenant}`)).status).toBe(204)
    expect((await service.ask('GET', `/rotations/${body.id}`)).status).toBe(404)
    await service.database.query(`UPDATE keys.next_look SET at = '-infinity' WHERE connection = $1`, [id])
    await until(
      () => service.database.query('SELECT FROM keys.next_look WHERE connection = $1', [id]),
      (rows) => rows.length === 0,
    )
  })
})

describe('a key that the schedule has minted', () => {
  async function scheduled() {
    const connection = await inUse()
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
    expect(records.filter(({ payload }) => payload.connection === id && payload.status === 200)).toHaveLength(1)
    for (const table of ['event_log.event', 'keys.provisioning_key', 'keys.answered']) {
      const secret = key.split('_')[3]
      const found = await service.database.query(`SELECT 1 FROM ${table} AS t WHERE t::text LIKE '%' || $1 || '%'`, [
        secret,
      ])
      expect([table, found]).toEqual([table, []])
    }
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
      await keyInState(kid, 'active')
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
    expect((await eventsOf(rotation.id)).map(({ name, payload }) => [name, payload.kind])).toEqual([
      ['rotation.notice', 'due'],
      ['rotation.started', undefined],
    ])
    now = days(20, now)
    await until(
      () => eventsOf(rotation.id),
      (told) => told.length === 3,
    )
    const metrics = await service.metrics()
    expect(metrics).toMatch(/^latchkey_rotations_running [1-9]/m)
    expect(metrics).toMatch(/^latchkey_rotations_overdue [1-9]/m)
    expect(metrics).toMatch(/^latchkey_rotation_notices_total\{kind="overdue"\} [1-9]/m)
  })
})

describe('the worker', () => {
  test('that was down for a week makes up for it once, with the uses of that week', async () => {
    const { id, kid } = await inUse()
    const { newKey, id: rotation } = (await start(id)).body
    const other = await inUse()
    const quiet = (await start(other.id)).body
    await service.close()
    const down = now
    now = days(7, now)
    service = await startKeysService({ ...options(), times: { every: 3_600_000, lease: 1_000 } })
    await service.use(id, newKey.kid, days(1, down))
    await service.use(id, kid, days(6.5, down))
    await service.use(other.id, quiet.newKey.kid, days(1, down))
    await service.close()
    service = await startKeysService(options())
    await keyInState(newKey.kid, 'active')
    await keyInState(other.kid, 'expired')
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('retiring')
    const settled = await eventsOf(rotation)
    expect(settled.map(({ name }) => name)).toEqual([
      'rotation.started',
      'rotation.cut-over',
      'rotation.extended',
      'rotation.notice',
    ])
    expect(settled[2]?.payload.until).toBe(days(10, down).toISOString())
  })

  test('runs in one instance of all that there are, and another takes over when that is killed', async () => {
    await service.close()
    const script = `
      const { startKeysService } = await import(${JSON.stringify(fileURLToPath(new URL('../../../test/keys-service.js', import.meta.url)))})
      const { parsePeppers } = await import(${JSON.stringify(fileURLToPath(new URL('../../../libs/credentials/index.js', import.meta.url)))})
      await startKeysService({
        url: process.env.TEST_URL,
        clock: () => new Date(${now.getTime()}),
        times: ${JSON.stringify(times)},
        peppers: parsePeppers(process.env.TEST_PEPPERS),
      })
      console.log('up')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TEST_URL: server.url, TEST_PEPPERS: formatPeppers(peppers) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const gone = once(child, 'exit')
    await once(child.stdout, 'data')
    const holder = async () =>
      (await service.database.query<Told>('SELECT holder, until > now() AS held FROM keys.lease'))[0]
    service = await startKeysService(options())
    const first = await until(holder, (lease) => lease?.held)

    const { id, kid } = await inUse()
    const { newKey, id: rotation } = (await start(id)).body
    await service.use(id, newKey.kid, now)
    await keyInState(kid, 'retiring')
    expect(await holder()).toEqual(first)
    expect(await new RotationWorker(service.parts, times).look()).toBe(false)

    child.kill('SIGKILL')
    await gone
    const next = await inUse()
    const second = await holder()
    expect(second?.holder).not.toBe(first?.holder)
    expect((await service.ask('GET', `/keys/${next.kid}`)).body.state).toBe('active')
    expect((await eventsOf(rotation)).map(({ name }) => name)).toEqual(['rotation.started', 'rotation.cut-over'])

    await service.close()
    service = await startKeysService(options())
    await until(holder, (lease) => lease?.held && lease.holder !== second?.holder)
  })

  test('leaves alone for a while what it cannot settle, tells of it, and goes on with the rest', async () => {
    const broken = await inUse()
    const { id, kid } = await inUse()
    await service.database.query(`UPDATE keys.provisioning_key SET policy = '{"expiresAt": 1}' WHERE kid = $1`, [
      broken.kid,
    ])
    await service.database.query(`UPDATE keys.next_look SET at = '-infinity'`)
    await service.database.query(`INSERT INTO keys.next_look VALUES ($1, '-infinity') ON CONFLICT DO NOTHING`, [
      broken.id,
    ])
    const { newKey } = (await start(id)).body
    await service.use(id, newKey.kid, now)
    await keyInState(kid, 'retiring')
    await until(
      async () => service.failures.length,
      (count) => count > 0,
    )
    expect(service.failures.splice(0)).toHaveLength(1)
    await service.database.query(`UPDATE keys.provisioning_key SET policy = '{}' WHERE kid = $1`, [broken.kid])
  })
})

describe('the command line', () => {
  const main = fileURLToPath(new URL('../../cli/src/main.js', import.meta.url))

  async function latchkey(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env['PATH'], LATCHKEY_URL: service.url, LATCHKEY_ADMIN_TOKEN: adminToken },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: Number(code), out, err }
  }

  test('goes from a policy to the end of an old key', async () => {
    now = new Date()
    const { id, kid } = await inUse()
    const of = ['--connection', id]
    expect((await latchkey('keys', 'policy', ...of)).out).toMatch(/^mode +safe\nevery +never by itself\ngrace +72 h\n/)
    const policy = await latchkey('keys', 'policy', ...of, '--every', '90d', '--grace', '24h', '--mode', 'strict')
    expect(policy.out).toMatch(
      /^mode +strict\nevery +90 days\ngrace +24 h\nminted ahead +14 days\npresent key due +in 90 days, at /,
    )
    const rotated = await latchkey('keys', 'rotate', ...of, '--mode', 'safe')
    const next = readKey(/^key +(\S+)$/m.exec(rotated.out)?.[1] ?? '')
    if (next.kind === 'fault') throw new Error(rotated.out + rotated.err)
    expect(rotated.out).toContain(`The old key ${kid} goes on until 24 h after the first use of the new one`)
    expect(await latchkey('keys', 'rotate', ...of)).toMatchObject({ code: 1, err: expect.stringContaining('--force') })
    expect((await latchkey('keys', 'finish', ...of)).err).toContain('has never been used')

    await service.use(id, next.kid, now)
    await keyInState(kid, 'retiring')
    const quiet = await latchkey('keys', 'show', kid)
    expect(quiet.out).toMatch(/state +retiring\n[^]*ends +in 24 h, at \S+; not used within its grace so far/)
    await service.use(id, kid, hours(0.1, now), { address: '192.0.2.9' })
    await until(
      async () => (await latchkey('keys', 'show', ...of)).out,
      (shown) => /192\.0\.2\.9/.test(shown),
    )
    const busy = await latchkey('keys', 'show', ...of)
    expect(busy.out).toMatch(
      /ends +in 24 h, at \S+; still used, .+ from 192\.0\.2\.9, Okta.*, and is given another grace then/,
    )
    const finished = await latchkey('keys', 'finish', ...of)
    expect(finished.out).toMatch(
      /state +finished \(old-ended-by-operator\)\n[^]*first used +\S+ from 192\.0\.2\.7, Okta/,
    )
    expect(finished.out).toMatch(/ended +\S+ by an operator at 127\.0\.0\.1, request \S+/)
  })

  test('cancels a rotation or a key, reveals what the schedule minted, and tells misuse apart', async () => {
    const { id, kid } = await inUse()
    const of = ['--connection', id]
    await latchkey('keys', 'rotate', ...of)
    expect((await latchkey('keys', 'cancel', ...of)).out).toMatch(/state +cancelled \(new-cancelled\)/)
    const { newKey } = (await start(id)).body
    expect((await latchkey('keys', 'cancel', newKey.kid)).out).toMatch(/state +cancelled/)
    await latchkey('keys', 'policy', ...of, '--every', '20d', '--ahead', '19d')
    now = days(2, now)
    const { items } = await until(
      async () => (await service.ask('GET', `/connections/${id}/rotations`)).body,
      (list) => list.items[0].state === 'running',
    )
    const scheduled = items[0].newKey.kid
    expect((await latchkey('keys', 'show', ...of)).out).toContain(`latchkey keys reveal ${scheduled}`)
    const revealed = await latchkey('keys', 'reveal', scheduled)
    expect(readKey(/^key +(\S+)$/m.exec(revealed.out)?.[1] ?? '')).toMatchObject({ kid: scheduled })
    expect((await latchkey('keys', 'reveal', scheduled)).code).toBe(1)
    for (const misuse of [
      ['cancel'],
      ['cancel', kid, ...of],
      ['show'],
      ['policy', ...of, '--every', '36h'],
      ['rotate', ...of, '--grace', 'soon'],
      ['rotate', ...of, '--mode', 'fast'],
    ]) {
      expect(await latchkey('keys', ...misuse)).toMatchObject({ code: 2, out: '' })
    }
    expect((await latchkey('keys', 'show', 'abcdefghijkl')).code).toBe(4)
  })
})

test('all the while nothing failed, and no event was buried', async () => {
  expect(service.failures).toEqual([])
  expect(await service.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
})
