import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { formatPeppers } from '#libs/credentials/index'
import { Database, Lease } from '#libs/postgres/index'
import { type KeysService, peppers, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { type Told } from '#test/world'
import { RotationWorker } from './rotation-worker.ts'
import { keysSchema } from './store/entities.ts'
import { days, hours } from './test/simulation.ts'

const begin = new Date('2026-03-01T10:00:00.000Z')
const times = { every: 20, lease: 2_000 }

let server: TestDatabase
let service: KeysService
let now = begin
let heard: () => Promise<boolean> = async () => true
const options = () => ({ url: server.url, clock: () => now, times, heard: () => heard() })

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService(options())
})
afterAll(async () => {
  await service.close()
  await server.drop()
})
const start = (id: string, body?: object, headers?: Record<string, string>) =>
  service.ask('POST', `/connections/${id}/rotations`, body, headers)

describe('the worker', () => {
  test('that was down for a week makes up for it once, with the uses of that week', async () => {
    const { id, kid } = await service.inUse()
    const { newKey, id: rotation } = (await start(id)).body
    const other = await service.inUse()
    const quiet = (await start(other.id)).body
    await service.close()
    const down = now
    now = days(7, now)
    // Somebody else has the work until the uses have been heard of.
    const database = new Database({ url: server.url, applicationName: 'test', connections: 1 })
    const elsewhere = new Lease(database, keysSchema, 'rotations', 3_600_000)
    expect(await elsewhere.take()).toBeDefined()
    service = await startKeysService(options())
    await service.use(id, newKey.kid, days(1, down))
    await service.use(id, kid, days(6.5, down))
    await service.use(other.id, quiet.newKey.kid, days(1, down))
    await service.close()
    await elsewhere.release(now)
    await database.close()
    service = await startKeysService(options())
    await service.keyInState(newKey.kid, 'active')
    await service.keyInState(other.kid, 'expired')
    const settled = await until(
      () => service.eventsOf(rotation),
      ({ length }) => length >= 4,
    )
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('retiring')
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

    const { id, kid } = await service.inUse()
    const { newKey, id: rotation } = (await start(id)).body
    await service.use(id, newKey.kid, now)
    await service.keyInState(kid, 'retiring')
    expect(await holder()).toEqual(first)
    expect(await new RotationWorker(service.parts, times).look()).toBe(false)

    child.kill('SIGKILL')
    await gone
    const next = await service.inUse()
    const second = await holder()
    expect(second?.holder).not.toBe(first?.holder)
    expect((await service.ask('GET', `/keys/${next.kid}`)).body.state).toBe('active')
    expect((await service.eventsOf(rotation)).map(({ name }) => name)).toEqual([
      'rotation.started',
      'rotation.cut-over',
    ])

    await service.close()
    service = await startKeysService(options())
    await until(holder, (lease) => lease?.held && lease.holder !== second?.holder)
  })

  test('keeps nothing waiting while uses are not heard of but what depends on them, and tries that again', async () => {
    const waiting = await service.inUse()
    const { newKey } = (await start(waiting.id)).body
    await service.use(waiting.id, newKey.kid, now)
    await service.keyInState(waiting.kid, 'retiring')

    let answer: (isHeard: boolean) => void = () => undefined
    const asked = new Promise<void>((resolve) => {
      heard = () => {
        resolve()
        return new Promise((settled) => (answer = settled))
      }
    })
    now = days(4, now)
    await asked
    const { kid } = await service.inUse()
    expect((await service.ask('GET', `/keys/${kid}`)).body.state).toBe('active')
    expect((await service.ask('GET', `/keys/${waiting.kid}`)).body.state).toBe('retiring')
    heard = async () => true
    answer(false)
    now = new Date(now.getTime() + 31_000)
    await service.keyInState(waiting.kid, 'expired')
  })

  test('ends a key under strict whether its uses can be heard of or not, and tells which', async () => {
    for (const isHeard of [true, false]) {
      const { id, kid } = await service.inUse()
      const { newKey, id: rotation } = (await start(id, { mode: 'strict', graceHours: 2 })).body
      await service.use(id, newKey.kid, now)
      await service.keyInState(kid, 'retiring')
      heard = async () => isHeard
      now = hours(3, now)
      await service.keyInState(kid, 'expired')
      expect((await service.ask('GET', `/rotations/${rotation}`)).body).toMatchObject({
        state: 'finished',
        outcome: isHeard ? 'old-unused' : 'old-ended-unheard',
      })
    }
    heard = async () => true
  })

  test('lets no strict deadline wait for uses longer than one wait takes: what becomes due during one has its own', async () => {
    const [first, second] = [await service.inUse(), await service.inUse()]
    for (const [{ id, kid }, graceHours] of [
      [first, 2],
      [second, 3],
    ] as const) {
      const { newKey } = (await start(id, { mode: 'strict', graceHours })).body
      await service.use(id, newKey.kid, now)
      await service.keyInState(kid, 'retiring')
    }
    const waits: ((isHeard: boolean) => void)[] = []
    heard = () => new Promise((settled) => waits.push(settled))
    const begun = (count: number) =>
      until(
        async () => waits.length,
        (length) => length === count,
      )
    try {
      now = hours(2.5, now)
      await begun(1)
      now = hours(1, now)
      await begun(2)
      expect((await service.ask('GET', `/keys/${first.kid}`)).body.state).toBe('retiring')
    } finally {
      for (const settled of waits) settled(false)
      heard = async () => false
    }
    await service.keyInState(first.kid, 'expired')
    await service.keyInState(second.kid, 'expired')
    heard = async () => true
  })

  test('leaves alone for a while what it cannot settle, tells of it, and goes on with the rest', async () => {
    const broken = await service.inUse()
    const { id, kid } = await service.inUse()
    await service.database.query(`UPDATE keys.provisioning_key SET policy = '{"expiresAt": 1}' WHERE kid = $1`, [
      broken.kid,
    ])
    await service.database.query(`UPDATE keys.next_look SET at = '-infinity'`)
    await service.database.query(`INSERT INTO keys.next_look VALUES ($1, '-infinity') ON CONFLICT DO NOTHING`, [
      broken.id,
    ])
    const { newKey } = (await start(id)).body
    await service.use(id, newKey.kid, now)
    await service.keyInState(kid, 'retiring')
    await until(
      async () => service.failures.length,
      (count) => count > 0,
    )
    expect(service.failures.splice(0)).toHaveLength(1)
    await service.database.query(`UPDATE keys.provisioning_key SET policy = '{}' WHERE kid = $1`, [broken.kid])
  })
})

test('all the while nothing failed, and no event was buried', async () => {
  expect(service.failures).toEqual([])
  expect(await service.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
})
