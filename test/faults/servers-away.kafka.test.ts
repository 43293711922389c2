import { connect } from 'node:net'
import { once } from 'node:events'
import { jest } from '@jest/globals'
import { type OwnKafka, startOwnKafka } from '../servers/own-kafka.ts'
import { type OwnPostgres, startOwnPostgres } from '../servers/own-postgres.ts'
import { type OwnRedis, startOwnRedis } from '../servers/own-redis.ts'
import {
  allHaveFollowed,
  degradedAt,
  environmentOf,
  mint,
  pidsOf,
  revoke,
  type Servers,
  statusesPastMemory,
  twoTenants,
  urlOf,
} from './installation.ts'
import { expectAgreement, whatIsKnown } from './known.ts'
import { startLoad } from './load.ts'
import { serviceOf } from './services.ts'
import { services } from './services.ts'
import { ask, type Answer, Ground, metric, newUser, type Program, rowsOf, until, user } from './running-program.ts'

jest.setTimeout(300_000)

const ground = new Ground()
const data = ground.folder()
let kafka: OwnKafka
let postgres: OwnPostgres
let redis: OwnRedis
let servers: Servers
let program: Program
/** The version of each user, of all tests so far. */
const answered = new Map<string, number>()

beforeAll(async () => {
  ;[kafka, postgres, redis] = await Promise.all([startOwnKafka(), startOwnPostgres(), startOwnRedis()])
  servers = { database: await postgres.createDatabase(), brokers: kafka.brokers, redis: redis.url }
  program = await ground.start(data, environmentOf(servers), 'distributed')
})

afterAll(async () => {
  await ground.end()
  await Promise.all([kafka.stop(), postgres.stop(), redis.stop()])
})

const baseOf = (): string => program.scimBaseUrl
const connectionOf = (): string => baseOf().split('/').at(-1) ?? ''
const list = (key: string): Promise<Answer> => ask(`${baseOf()}/Users?count=1`, { token: key })
const gateway = (): { url: string } => ({ url: urlOf(program, 'gateway') })

/** A key that the gateway accepts, and remembers. */
async function acceptedKey(): Promise<{ kid: string; key: string }> {
  const minted = await mint(program, connectionOf())
  await until('the key is accepted', async () => (await list(minted.key)).status === 200)
  return minted
}

async function expectRevoked({ kid, key }: { kid: string; key: string }): Promise<void> {
  expect((await revoke(program, kid)).status).toBe(200)
  await until('the key is refused', async () => (await list(key)).status === 401)
}

const heard = (): Promise<number> => metric(gateway(), 'latchkey_channel_messages_total{result="applied"}')

async function redisIsBack(): Promise<void> {
  for (const service of ['gateway', 'keys'] as const) {
    const url = urlOf(program, service)
    await until('Redis is back', async () => !(await degradedAt(url)).degraded.includes('redis'))
  }
}

/** A revocation is heard on the channel, and not by the event log alone. */
async function expectChannelWorks(): Promise<void> {
  const key = await acceptedKey()
  const before = await heard()
  await expectRevoked(key)
  await until('the channel has said it', async () => (await heard()) > before)
}

test('Kafka away for a minute: no request fails, a few lines tell of it, and then everyone follows, each event once and in order', async () => {
  const load = startLoad({ doors: await twoTenants(program), connections: 12, rest: 200 })
  await until('the load is on', () => load.answered > 100)
  const pids = pidsOf(program)
  const told = program.stderr.length
  await kafka.outage(async () => {
    const back = Date.now() + 60_000
    while (Date.now() < back) {
      const { status, degraded } = await degradedAt(gateway().url)
      expect(status).toBe(200)
      if (Date.now() > back - 40_000) expect(degraded).toContain('kafka')
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  })
  const during = load.answered
  await until('Kafka is taken for present', async () => !(await degradedAt(gateway().url)).degraded.includes('kafka'))
  await until('the load goes on', () => load.answered > during + 100)
  for (const [id, version] of await load.stop()) answered.set(id, version)
  expect(load.failures).toEqual([])
  for (const service of services) {
    const lines = program.stderr
      .slice(told)
      .split('\n')
      .filter((line) => line.includes(`"latchkey-${service}"`))
    expect(lines.filter((line) => /Kafka at \S+ is away/.test(line))).toHaveLength(1)
    expect(lines.length).toBeLessThan(12)
  }
  await allHaveFollowed(program)
  expectAgreement(await whatIsKnown(servers), answered)
  expect(pidsOf(program)).toEqual(pids)
})

test('Postgres away: every service answers 503 with Retry-After, and afterwards as before, by the same process', async () => {
  const { adminToken: token } = program
  const body = newUser('after-postgres')
  const requests: [name: string, send: () => Promise<Answer>, usual: number][] = [
    ['create', () => ask(`${baseOf()}/Users`, { token: program.key, body }), 201],
    ['list', () => list(program.key), 200],
    ['admin', () => ask(`${urlOf(program, 'keys')}/admin/v1/tenants`, { token }), 200],
    ['admin write', () => ask(`${urlOf(program, 'keys')}/admin/v1/tenants`, { token, body: { name: 'third' } }), 201],
    ['directory', () => ask(`${urlOf(program, 'directory')}/directory/v1/${connectionOf()}/users`, { token }), 200],
    ['audit', () => ask(`${urlOf(program, 'audit')}/audit/v1/records`, { token }), 200],
  ]
  const pids = pidsOf(program)
  await postgres.outage(async () => {
    for (const [name, send] of [...requests, ...requests]) {
      const { status, headers } = await send()
      expect([name, status, Number(headers['retry-after']) > 0]).toEqual([name, 503, true])
    }
  })
  for (const [name, send, usual] of requests) {
    await until(`${name} is answered`, async () => {
      const { status, body: told } = await send()
      if (name === 'create' && status === 201) answered.set(user.parse(told).id, 1)
      return status === usual
    })
  }
  expect(pidsOf(program)).toEqual(pids)
  await allHaveFollowed(program)
  expectAgreement(await whatIsKnown(servers), answered)
})

test('Redis killed: a key revoked meanwhile is refused by the event log, and then the channel works again', async () => {
  const key = await acceptedKey()
  await redis.kill(async () => {
    await until('it is noticed', async () => (await degradedAt(gateway().url)).degraded.includes('redis'))
    expect((await degradedAt(gateway().url)).status).toBe(200)
    const before = await heard()
    await expectRevoked(key)
    expect(await statusesPastMemory(baseOf(), key.key)).toEqual(new Set([401]))
    expect(await heard()).toBe(before)
  })
  await redisIsBack()
  await expectChannelWorks()
  expect((await list(key.key)).status).toBe(401)
})

test('Redis flushed: what was revoked stays so, and the channel works', async () => {
  const key = await acceptedKey()
  await expectRevoked(key)
  const socket = connect(Number(new URL(redis.url).port), '127.0.0.1')
  socket.write('FLUSHALL\r\n')
  expect(String((await once(socket, 'data'))[0])).toBe('+OK\r\n')
  socket.destroy()
  await expectChannelWorks()
  expect((await list(key.key)).status).toBe(401)
})

test('Kafka away: the channel alone has a revoked key refused, for good, also one that the gateway has never heard of', async () => {
  const known = await acceptedKey()
  let unheard = known
  await kafka.outage(async () => {
    await expectRevoked(known)
    unheard = await mint(program, connectionOf())
    const before = await heard()
    await revoke(program, unheard.kid)
    await until('the channel has said it', async () => (await heard()) > before)
    expect(await statusesPastMemory(baseOf(), known.key)).toEqual(new Set([401]))
    const kids = `SELECT kid FROM gateway.known_key WHERE state = 'revoked' AND kid IN ('${known.kid}', '${unheard.kid}')`
    expect(await rowsOf(servers.database, kids)).toHaveLength(2)
  })
  await until('Kafka is back', async () => !(await degradedAt(urlOf(program, 'keys'))).degraded.includes('kafka'))
  await allHaveFollowed(program)
  for (const { key } of [known, unheard]) expect(await statusesPastMemory(baseOf(), key)).toEqual(new Set([401]))
})

/** What a request with this key is answered, time and again, until `isOver`. */
async function statusesUntil(key: string, what: string, isOver: (status: number) => boolean): Promise<Set<number>> {
  const statuses = new Set<number>()
  await until(what, async () => {
    const { status } = await list(key)
    statuses.add(status)
    return isOver(status)
  })
  return statuses
}

/** Revokes the key while nobody can be told, and waits until the gateway accepts no key any more. */
async function revokeUnheard(kid: string): Promise<void> {
  await until('it is noticed', async () => (await degradedAt(urlOf(program, 'keys'))).degraded.includes('kafka'))
  const { status, headers } = await revoke(program, kid)
  expect([status, headers['latchkey-warning']]).toEqual([200, expect.stringContaining('neither Kafka nor')])
  await statusesUntil(program.key, 'no key is accepted', (answer) => answer === 503)
}

test('Kafka and Redis away: within 5 seconds no key is accepted that may be revoked, and none after that before its revocation is known', async () => {
  const revoked = await acceptedKey()
  let minted = revoked
  const keysPid = serviceOf(program, 'keys').pid
  await redis.kill(async () => {
    await kafka.outage(async () => {
      await revokeUnheard(revoked.kid)
      minted = await mint(program, connectionOf())
      expect(await statusesPastMemory(baseOf(), revoked.key)).toEqual(new Set([503]))
      expect(await statusesPastMemory(baseOf(), minted.key)).toEqual(new Set([503]))
      expect((await list(program.key)).headers['retry-after']).toBe('5')
      expect((await degradedAt(gateway().url)).status).toBe(503)
      expect((await ask(`${baseOf()}/Users`, { token: `${program.key.slice(0, -1)}!` })).status).toBe(401)
      process.kill(keysPid, 'SIGSTOP')
    })
    // Kafka is there, and the keys service has not yet told it what it holds.
    await until('Kafka is read', async () => !(await degradedAt(gateway().url)).degraded.includes('kafka'))
    let looks = 0
    expect(await statusesUntil(revoked.key, 'it was looked', () => ++looks === 100)).toEqual(new Set([503]))
    process.kill(keysPid, 'SIGCONT')
    const told = await statusesUntil(revoked.key, 'the key is refused', (status) => status === 401)
    expect(told.has(200)).toBe(false)
    await statusesUntil(program.key, 'others are accepted', (status) => status === 200)
    await statusesUntil(minted.key, 'what was minted is accepted', (status) => status === 200)
    await expectRevoked(minted)
  })
  expect(await statusesPastMemory(baseOf(), revoked.key)).toEqual(new Set([401]))
  const codes = `SELECT DISTINCT payload::jsonb ->> 'code' AS code FROM audit.record
    WHERE status = 503 AND surface = 'scim' AND connection = '${connectionOf()}'`
  await until('the trail tells why', async () => {
    const found = await rowsOf<{ code: string }>(servers.database, codes)
    return ['key-not-heard-of', 'revocations-not-heard'].every((code) => found.some((row) => row.code === code))
  })
  await redisIsBack()
  await expectChannelWorks()
})

test('Redis alone is back after both were away: no key is accepted before Kafka is there too', async () => {
  const revoked = await acceptedKey()
  await kafka.outage(async () => {
    await redis.kill(() => revokeUnheard(revoked.kid))
    await redisIsBack()
    expect((await list(program.key)).status).toBe(503)
    // What waits to be published is announced again: the key is refused for what it is.
    const again = await statusesUntil(revoked.key, 'the key is refused', (status) => status === 401)
    expect(again.has(200)).toBe(false)
    expect((await list(program.key)).status).toBe(503)
  })
  const told = await statusesUntil(revoked.key, 'the key is refused', (status) => status === 401)
  expect(told.has(200)).toBe(false)
  await statusesUntil(program.key, 'others are accepted', (status) => status === 200)
  await expectChannelWorks()
})

test.each(['outage', 'freeze'] as const)(
  'Kafka away (%s): SIGTERM ends every service with code 0, and what was decided is published after the next start',
  async (how) => {
    await kafka[how](async () => {
      await until('it is noticed', async () => (await degradedAt(gateway().url)).degraded.includes('kafka'))
      const made = await ask(`${baseOf()}/Users`, { token: program.key, body: newUser(`before-the-end-by-${how}`) })
      answered.set(user.parse(made.body).id, 1)
      expect(await program.stop()).toEqual({ code: 0, signal: null })
    })
    program = await ground.start(data, environmentOf(servers), 'distributed')
    expectAgreement(await whatIsKnown(servers), answered)
  },
)
