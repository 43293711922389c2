import { jest } from '@jest/globals'
import { z } from 'zod'
import { type OwnKafka, startOwnKafka } from '../servers/own-kafka.ts'
import { type OwnPostgres, startOwnPostgres } from '../servers/own-postgres.ts'
import { type OwnRedis, startOwnRedis } from '../servers/own-redis.ts'
import { degradedAt, environmentOf, urlOf } from './installation.ts'
import { ask, Ground, metric, type Program, until } from './running-program.ts'
import { serviceOf } from './services.ts'

jest.setTimeout(180_000)

const ground = new Ground()
let kafka: OwnKafka
let postgres: OwnPostgres
let redis: OwnRedis
let program: Program

beforeAll(async () => {
  ;[kafka, postgres, redis] = await Promise.all([startOwnKafka(), startOwnPostgres(), startOwnRedis()])
  const servers = { database: await postgres.createDatabase(), brokers: kafka.brokers, redis: redis.url }
  program = await ground.start(ground.folder(), environmentOf(servers), 'distributed')
})
afterAll(async () => {
  await ground.end()
  await Promise.all([kafka.stop(), postgres.stop(), redis.stop()])
})

const made = z.object({ id: z.string(), token: z.string() })
type Made = z.infer<typeof made>

const tokens = (): string => `${urlOf(program, 'keys')}/admin/v1/tokens`

/** What each of the services that only hear of tokens answers to one. */
async function statuses(token: string): Promise<number[]> {
  const connection = program.scimBaseUrl.split('/').at(-1) ?? ''
  const addresses = [
    `${urlOf(program, 'gateway')}/admin/v1/connections/${connection}/deleted`,
    `${urlOf(program, 'directory')}/directory/v1/${connection}/users`,
    `${urlOf(program, 'audit')}/audit/v1/records?limit=1`,
  ]
  return Promise.all(addresses.map(async (address) => (await ask(address, { token })).status))
}

const everywhere = async (token: string, status: number): Promise<boolean> =>
  (await statuses(token)).every((answered) => answered === status)

async function accepted(): Promise<Made> {
  const scopes = ['deleted:read', 'directory:read', 'audit:read']
  const { body } = await ask(tokens(), { token: program.adminToken, body: { name: 'of a test', scopes } })
  const token = made.parse(body)
  await until('the token is accepted', () => everywhere(token.token, 200))
  return token
}

const revoke = ({ id }: Made) => ask(`${tokens()}/${id}/revoke`, { token: program.adminToken, body: {} })

/** Past everything that is remembered. */
async function staysRefused({ token }: Made): Promise<void> {
  const end = Date.now() + 3_000
  while (Date.now() < end) expect(await statuses(token)).toEqual([401, 401, 401])
}

test('Redis away: a revoked token is refused everywhere by the event log', async () => {
  const token = await accepted()
  await redis.kill(async () => {
    expect((await revoke(token)).status).toBe(200)
    await until('it is refused', () => everywhere(token.token, 401))
    await staysRefused(token)
  })
})

test('Kafka away: a revoked token is refused everywhere by the channel, and others go on', async () => {
  for (const service of ['gateway', 'directory', 'audit'] as const) {
    const url = urlOf(program, service)
    await until('Redis is back', async () => !(await degradedAt(url)).degraded.includes('redis'))
    const backAt = Date.now()
    const lag = `latchkey_follower_lag_seconds{group="${service}"}`
    await until('all is proved since', async () => Date.now() - (await metric({ url }, lag)) * 1_000 > backAt)
  }
  const [token, other] = [await accepted(), await accepted()]
  await kafka.outage(async () => {
    expect((await revoke(token)).status).toBe(200)
    await until('it is refused', () => everywhere(token.token, 401))
    await staysRefused(token)
    expect(await everywhere(other.token, 200)).toBe(true)
  })
  await until('Kafka is back', async () => !(await degradedAt(urlOf(program, 'keys'))).degraded.includes('kafka'))
  await staysRefused(token)
})

test('both away: within 5 seconds no token that was made is accepted, and a revoked one never again, also while its revocation waits', async () => {
  const [token, other] = [await accepted(), await accepted()]
  const keysPid = serviceOf(program, 'keys').pid
  const told = new Set<number>()
  const look = async (): Promise<number[]> => {
    const answered = await statuses(token.token)
    for (const status of answered) told.add(status)
    return answered
  }
  await redis.kill(async () => {
    await kafka.outage(async () => {
      await until('it is noticed', async () => (await degradedAt(urlOf(program, 'keys'))).degraded.includes('kafka'))
      expect((await revoke(token)).status).toBe(200)
      await until('none is accepted', () => everywhere(other.token, 503))
      expect(await statuses(program.adminToken)).toEqual([200, 200, 200])
      process.kill(keysPid, 'SIGSTOP')
    })
    for (const service of ['gateway', 'directory', 'audit'] as const) {
      const url = urlOf(program, service)
      await until('Kafka is read', async () => !(await degradedAt(url)).degraded.includes('kafka'))
    }
    told.clear()
    const end = Date.now() + 3_000
    while (Date.now() < end) await look()
    process.kill(keysPid, 'SIGCONT')
    await until('it is refused', async () => (await look()).every((status) => status === 401))
  })
  expect(told.has(200)).toBe(false)
  await until('others are accepted', () => everywhere(other.token, 200))
  await staysRefused(token)
})
