import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { readSigningKey, signRequest, type SigningKey } from '#libs/signatures/index'
import { type OwnRedis, startOwnRedis } from '../servers/own-redis.ts'
import { testDatabase, type TestDatabase } from '../servers/postgres.ts'
import { degradedAt, environmentOf, startAnother, urlOf } from './installation.ts'
import { type Answer, ask, Ground, newConnection, type Program, until } from './running-program.ts'
import { serviceOf } from './services.ts'

jest.setTimeout(300_000)

const ground = new Ground()
const data = ground.folder()
let database: TestDatabase
let redis: OwnRedis
let program: Program
let env: Record<string, string>
let base: string
let key: { readonly text: string; readonly kid: string; readonly signing: SigningKey }

const minted = z.looseObject({ kid: z.string(), key: z.string(), signingSecret: z.string() })

beforeAll(async () => {
  ;[database, redis] = await Promise.all([testDatabase(), startOwnRedis()])
  const servers = { database: database.url, brokers: process.env['TEST_KAFKA_BROKERS'] ?? '', redis: redis.url }
  env = { ...environmentOf({ ...servers, prefix: `signed-${randomUUID()}` }), LATCHKEY_DATA_KEY_LIFETIME: '1s' }
  program = await ground.start(data, env, 'distributed')
  const connection = await newConnection(program, 'signed', urlOf(program, 'keys'))
  base = connection.base
  const url = `${urlOf(program, 'keys')}/admin/v1/connections/${base.split('/').at(-1)}/keys`
  const policy = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }
  const { body } = await ask(url, { token: program.adminToken, body: { policy } })
  const { kid, key: text, signingSecret } = minted.parse(body)
  const signing = readSigningKey('hmac-sha256', signingSecret)
  if (signing === undefined) throw new Error('the secret is one')
  key = { text, kid, signing }
  await until('the key is accepted', async () => (await list()).status === 200)
})

afterAll(async () => {
  await ground.end()
  await Promise.all([redis.stop(), database.drop()])
})

function signed(): Record<string, string> {
  const url = new URL(`${base}/Users?count=1`)
  return { ...signRequest({ method: 'GET', url }, { keyid: key.kid, key: key.signing }, { now: new Date() }) }
}

const list = (headers = signed(), origin = new URL(base).origin): Promise<Answer> =>
  ask(`${origin}${new URL(base).pathname}/Users?count=1`, { token: key.text, headers })

test('what one gateway took another does not take', async () => {
  const other = await startAnother('gateway', ground, data, { ...env, LATCHKEY_PUBLIC_URL: new URL(base).origin })
  await until('it accepts the key', async () => (await list(signed(), other.url)).status === 200)
  const once = signed()
  const answers = await Promise.all([list(once), list(once, other.url), list(once), list(once, other.url)])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401])
  await other.program.stop()
})

for (const [lost, how] of [
  ['emptied', async () => void (await redis.command('FLUSHALL'))],
  ['killed, and started without what it had', () => redis.kill()],
] as const) {
  test(`Redis ${lost}: what was signed before is not taken again, by any gateway, and what is signed then is`, async () => {
    const other = await startAnother('gateway', ground, data, { ...env, LATCHKEY_PUBLIC_URL: new URL(base).origin })
    await until('it accepts the key', async () => (await list(signed(), other.url)).status === 200)
    const once = signed()
    expect((await list(once)).status).toBe(200)
    await how()
    const again = async (): Promise<number[]> => {
      const answers = await Promise.all([list(once), list(once, other.url)])
      return answers.map(({ status }) => status)
    }
    for (let time = 0; time < 5; time++) expect(await again()).toEqual([503, 503])
    await until('signed requests are accepted', async () => (await list()).status === 200)
    await until('by the other too', async () => (await list(signed(), other.url)).status === 200)
    expect(await again()).toEqual([503, 503])
    await other.program.stop()
  })
}

test('Redis away: signed requests are answered 503 with Retry-After and none is accepted, those of bearers go on', async () => {
  const gateway = urlOf(program, 'gateway')
  await redis.kill(async () => {
    await until('it is noticed', async () => (await degradedAt(gateway)).degraded.includes('redis'))
    for (let asked = 0; asked < 10; asked++) {
      const { status, headers } = await list()
      expect([status, headers['retry-after']]).toEqual([503, '5'])
    }
    expect((await ask(`${program.scimBaseUrl}/Users?count=1`, { token: program.key })).status).toBe(200)
  })
  await until('signed requests are accepted again', async () => (await list()).status === 200)
})

test('the keys service away: what is sealed is opened all the same, also when it is in memory no more', async () => {
  const { pid } = serviceOf(program, 'keys')
  process.kill(pid, 'SIGSTOP')
  try {
    for (let seconds = 0; seconds < 3; seconds++) {
      await wait(1_100)
      expect((await list()).status).toBe(200)
    }
  } finally {
    process.kill(pid, 'SIGCONT')
  }
})
