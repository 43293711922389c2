import { Agent } from 'node:http'
import { jest } from '@jest/globals'
import { freePort } from '#libs/process/index'
import { type TestDatabase, testDatabase } from '../servers/postgres.ts'
import {
  alsoAt,
  degradedAt,
  type Door,
  environmentOf,
  type Another,
  mint,
  revoke,
  type Servers,
  startAnother,
  statusesPastMemory,
  twoTenants,
  urlOf,
} from './installation.ts'
import { expectAgreement, whatIsKnown } from './known.ts'
import { startLoad } from './load.ts'
import { ask, Ground, metric, newUser, type Program, rowsOf, until } from './running-program.ts'
import { serviceOf, services } from './services.ts'

jest.setTimeout(240_000)

const ground = new Ground()
const data = ground.folder()
let database: TestDatabase
let servers: Servers
let program: Program
let second: Another
let doors: readonly Door[]
let env: Record<string, string>
const answered = new Map<string, number>()

beforeAll(async () => {
  const { TEST_KAFKA_BROKERS: brokers = '', TEST_REDIS_URL: redis = '' } = process.env
  database = await testDatabase()
  servers = { database: database.url, brokers, redis, prefix: `test-${crypto.randomUUID()}` }
  env = { ...environmentOf(servers), LATCHKEY_GATEWAY_PORT: String(await freePort()) }
  program = await ground.start(data, environmentOf(servers), 'distributed')
  second = await startAnother('gateway', ground, data, env)
  doors = (await twoTenants(program)).map((door) => alsoAt(second.url, door))
})

afterAll(async () => {
  await ground.end()
  await database.drop()
})

test('a key revoked through the keys service is refused by both gateways, time and again', async () => {
  const agent = new Agent({ keepAlive: true })
  const times = 30
  const lanes = doors.map(async ({ bases }) => {
    const connection = bases[0]?.split('/').at(-1) ?? ''
    const statuses = async (key: string): Promise<string> => {
      const answers = bases.map((base) => ask(`${base}/Users?count=1`, { token: key, agent }))
      return (await Promise.all(answers)).map(({ status }) => status).join()
    }
    for (let time = 0; time < times / doors.length; time++) {
      const { kid, key } = await mint(program, connection)
      // A gateway that is asked before remembers for a while that there is no such key.
      const known = `SELECT FROM gateway.known_key WHERE kid = '${kid}'`
      await until('the key is known', async () => (await rowsOf(servers.database, known)).length === 1)
      expect(await statuses(key)).toBe('200,200')
      expect((await revoke(program, kid)).status).toBe(200)
      await until('both refuse the key', async () => (await statuses(key)) === '401,401')
      for (let look = 0; look < 5; look++) expect(await statuses(key)).toBe('401,401')
    }
  })
  await Promise.all(lanes)
  agent.destroy()
})

test('a gateway that Redis does not reach refuses a revoked key all the same, and for good', async () => {
  const nobody = `redis://127.0.0.1:${await freePort()}`
  const deaf = await startAnother('gateway', ground, data, { ...env, LATCHKEY_GATEWAY_PORT: '0', REDIS_URL: nobody })
  const base = alsoAt(deaf.url, { bases: [program.scimBaseUrl], key: '' }).bases.at(-1) ?? ''
  const status = async (token: string): Promise<number> => (await ask(`${base}/Users?count=1`, { token })).status
  const { kid, key } = await mint(program, base.split('/').at(-1) ?? '')
  await until('the key is accepted', async () => (await status(key)) === 200)
  expect((await revoke(program, kid)).status).toBe(200)
  await until('the key is refused', async () => (await status(key)) === 401)
  expect(await statusesPastMemory(base, key)).toEqual(new Set([401]))
  expect(await deaf.program.stop()).toEqual({ code: 0, signal: null })
})

test('two gateways that change the same users in turn share the shards, and keep the order of each user', async () => {
  const shares = 'SELECT count(*)::int AS shards FROM gateway.relay_lease GROUP BY owner'
  await until('each gateway relays its half', async () => {
    const found = await rowsOf<{ shards: number }>(servers.database, shares)
    return found.map(({ shards }) => shards).join() === '8,8'
  })
  const load = startLoad({ doors, connections: 12, rest: 10 })
  await until('there was load enough', () => load.answered > 1_500)
  for (const [id, version] of await load.stop()) answered.set(id, version)
  expect(load.failures).toEqual([])
  for (const url of [urlOf(program, 'gateway'), second.url]) {
    expect(await metric({ url }, 'latchkey_events_appended_total{name="user.reactivated"}')).toBeGreaterThan(0)
  }
  expectAgreement(await whatIsKnown(servers), answered)
})

test('all services are restarted in turn under load: no request fails twice, and nothing is lost', async () => {
  const load = startLoad({ doors, connections: 8, rest: 20 })
  await until('the load is on', () => load.answered > 100)
  const isReady = async (url: string): Promise<boolean> =>
    degradedAt(url).then(
      ({ status, degraded }) => status === 200 && degraded.length === 0,
      () => false,
    )
  for (const service of services) {
    const { url, pid } = serviceOf(program, service)
    process.kill(pid, 'SIGTERM')
    await until(`${service} is started again`, () => serviceOf(program, service).pid !== pid)
    await until(`${service} is ready`, () => isReady(url))
  }
  expect(await second.program.stop()).toEqual({ code: 0, signal: null })
  second = await startAnother('gateway', ground, data, env)
  await until('the second gateway is ready', () => isReady(second.url))
  const before = load.answered
  await until('the load goes on', () => load.answered > before + 100)
  for (const [id, version] of await load.stop()) answered.set(id, version)
  expect(load.failures).toEqual([])
  expectAgreement(await whatIsKnown(servers), answered)
})

test('what is deactivated and deleted at two gateways is counted together, and a person at one of them decides for both', async () => {
  const [, door] = doors
  const [base = ''] = door?.bases ?? []
  const connection = base.split('/').at(-1) ?? ''
  const token = program.adminToken
  const settings = { guard: 'on', guardMost: 10, guardPercent: 0 }
  const url = `${urlOf(program, 'keys')}/admin/v1/connections/${connection}`
  expect((await ask(url, { method: 'PATCH', token, body: { settings } })).status).toBe(200)
  const known = `SELECT FROM gateway.known_connection WHERE connection = '${connection}' AND settings ->> 'guardMost' = '10'`
  await until('the gateways know of it', async () => (await rowsOf(servers.database, known)).length === 1)
  // So long a gateway goes by what it remembers at the most.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  const ids: string[] = []
  for (let index = 0; index < 30; index++) {
    const { body } = await ask(`${base}/Users`, { token: door?.key ?? '', body: newUser(`leaver${index}`) })
    ids.push(String(Reflect.get(Object(body), 'id')))
  }
  const remove = async (id: string, index: number): Promise<number> =>
    (await ask(`${door?.bases[index % 2]}/Users/${id}`, { method: 'DELETE', token: door?.key ?? '' })).status
  const statuses = await Promise.all(ids.map(remove))
  expect(statuses.filter((status) => status === 204)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  const allow = `${second.url}/admin/v1/guard/${connection}/allow`
  expect((await ask(allow, { token, body: { count: 20 } })).status).toBe(200)
  const left = ids.filter((_, index) => statuses[index] === 429)
  expect(new Set(await Promise.all(left.map(remove)))).toEqual(new Set([204]))
  expect((await ask(url, { method: 'PATCH', token, body: { settings: { guard: 'off' } } })).status).toBe(200)
})

test('rotations are started, finished and cancelled at two keys services in turn, each of which knows every use until then', async () => {
  const another = await startAnother('keys', ground, data, env)
  const services = [urlOf(program, 'keys'), another.url]
  for (const url of services) await until('it follows', async () => (await degradedAt(url)).degraded.length === 0)
  const rotate = async (first: number, { bases: [base = '', other = ''], key }: Door): Promise<void> => {
    const act = async (service: number, path: string, body = {}): Promise<{ status: number; body: object }> => {
      const url = `${services[(first + service) % services.length]}/admin/v1/${path}`
      const { status, body: answer } = await ask(url, { token: program.adminToken, body })
      return { status, body: Object(answer) }
    }
    const use = async (at: string, token: string): Promise<boolean> =>
      (await ask(`${at}/Users?count=1`, { token })).status === 200
    const rotations = `connections/${base.split('/').at(-1)}/rotations`
    const started = async (service: number, body = {}): Promise<{ id: string; key: string }> => {
      const answer = await act(service, rotations, body)
      expect(answer).toMatchObject({ status: 201 })
      return { id: Reflect.get(answer.body, 'id'), key: Reflect.get(answer.body, 'key') }
    }
    await until('the key is used', () => use(base, key))
    const unused = await started(0)
    expect(await act(1, `rotations/${unused.id}/cancel`)).toMatchObject({ status: 200 })
    await started(0)
    const rotation = await started(1, { force: true })
    await until('the new key is used', () => use(other, rotation.key))
    expect(await act(0, `rotations/${rotation.id}/cancel`)).toMatchObject({ status: 409 })
    expect(await act(1, `rotations/${rotation.id}/finish`)).toMatchObject({ status: 200 })
  }
  await Promise.all(doors.map((door, first) => rotate(first, door)))
  expect(await another.program.stop()).toEqual({ code: 0, signal: null })
})
