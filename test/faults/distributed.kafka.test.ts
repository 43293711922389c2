import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { z } from 'zod'
import { startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import { freePort } from '#libs/process/index'
import {
  ask,
  create,
  Ground,
  latchkey,
  lives,
  processesOf,
  type Program,
  refusal,
  until,
  users,
} from './running-program.ts'
import { type Service, serviceOf, services } from './services.ts'

jest.setTimeout(240_000)

const ground = new Ground()
afterAll(() => ground.end())

function start(data: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  return ground.start(data, env, 'distributed')
}

/** Redis does not name its folder among its words, so that `processesOf` does not find it. */
function serverPid(data: string, server: 'kafka' | 'redis'): number {
  return z.object({ pid: z.number() }).parse(JSON.parse(readFileSync(join(data, server, 'running.json'), 'utf8'))).pid
}

async function readiness(url: string): Promise<unknown> {
  const { status, body } = await ask(`${url}/health/ready`, { token: '' })
  return { status, ...Object(body) }
}

/** One installation from its first start to its last: each test goes on with the program that the one before left running. */
describe('an installation', () => {
  const data = ground.folder()
  const created: string[] = []
  let ports: Readonly<Record<string, string>>
  let program: Program

  beforeAll(async () => {
    ports = {
      LATCHKEY_GATEWAY_PORT: String(await freePort()),
      LATCHKEY_KEYS_PORT: String(await freePort()),
      LATCHKEY_DIRECTORY_PORT: String(await freePort()),
      LATCHKEY_AUDIT_PORT: String(await freePort()),
    }
    program = await start(data, ports)
  })

  const pidsNow = (): number[] => services.map((service) => serviceOf(program, service).pid)

  /** As an identity provider does it: again for as long as it is told to come again, and for nothing else. */
  async function createInTheEnd(userName: string): Promise<void> {
    await until(`${userName} is created`, async () => {
      const { status, headers, body } = await create(program, userName)
      if (status === 201) return true
      expect({ status, comeAgain: headers['retry-after'], body }).toMatchObject({
        status: 503,
        comeAgain: expect.stringMatching(/^\d+$/),
      })
      return false
    })
    created.push(userName)
  }

  async function directoryHasAll(): Promise<void> {
    const people = `${serviceOf(program, 'directory').url}/directory/v1/${program.scimBaseUrl.split('/').at(-1)}/users`
    await until('the directory has all', async () => {
      const { body } = await ask(people, { token: program.adminToken })
      return created.every((userName) => JSON.stringify(body).includes(`"${userName}"`))
    })
  }

  test('is found by the command line in its data folder, each service with the proof that it is of it', async () => {
    expect(await latchkey(data, 'tenants', 'list')).toContain('acme')
    expect(await latchkey(data, 'requests', 'list')).toContain('RECEIVED')
    expect(await latchkey(data, 'guard', 'list')).toContain('Nothing')
  })

  test('tells by metrics of each service, and of what waits to be published', async () => {
    expect(await create(program, 'ada')).toMatchObject({ status: 201 })
    created.push('ada')
    const told = async (service: Service): Promise<string> =>
      String((await ask(`${serviceOf(program, service).url}/metrics`, { token: '' })).body)
    await until('user and record are published', async () => {
      const [, published] = /^latchkey_events_published_total (\d+)$/m.exec(await told('gateway')) ?? []
      return Number(published) >= 2
    })
    for (const service of ['gateway', 'keys'] as const) {
      await until(`nothing waits at ${service}`, async () => {
        const metrics = await told(service)
        return /^latchkey_outbox_waiting 0$/m.test(metrics) && /^latchkey_outbox_age_seconds 0$/m.test(metrics)
      })
    }
    for (const service of services) {
      expect(await told(service)).toMatch(new RegExp(`^latchkey_follower_lag_seconds\\{group="${service}"\\}`, 'm'))
    }
  })

  test('starts a service that is killed again at its address, and what happened meanwhile is applied', async () => {
    for (const service of services) {
      const { url, pid } = serviceOf(program, service)
      process.kill(pid, 'SIGKILL')
      await until(`the ${service} service is back`, () => serviceOf(program, service).pid !== pid)
      await until('it answers', async () => (await ask(`${url}/health/ready`, { token: '' })).status === 200)
      await createInTheEnd(service)
    }
    await directoryHasAll()
  })

  test('starts a server that is killed again, and nothing that was answered is lost', async () => {
    const servers = { Postgres: program.postgres.pid, Kafka: serverPid(data, 'kafka'), Redis: serverPid(data, 'redis') }
    for (const [name, pid] of Object.entries(servers)) {
      process.kill(pid, 'SIGKILL')
      await until(`${name} is back`, () => program.stderr.includes(`${name} is back`))
      await createInTheEnd(`after-${name}`)
    }
    await directoryHasAll()
  })

  test.each([
    ['SIGINT', 'group'],
    ['SIGTERM', 'process'],
  ] as const)(
    'ends by %s to the %s with services and servers, with code 0, and its next start finds all there was',
    async (name, to) => {
      const { key } = program
      const [pids, redis] = [pidsNow(), serverPid(data, 'redis')]
      const told =
        /^postgres +postgres:\/\/latchkey@127\.0\.0\.1:\d+\/latchkey\nkafka +127\.0\.0\.1:\d+\nredis +redis:\/\/127\.0\.0\.1:\d+\n/m
      expect(program.stdout).toMatch(told)
      expect(pids.map(lives)).toEqual([true, true, true, true])
      program.signal(name, to)
      expect(await program.exit).toEqual({ code: 0, signal: null })
      expect(pids.map(lives)).toEqual([false, false, false, false])
      expect([lives(redis), processesOf(data)]).toEqual([false, []])
      program = await start(data, ports)
      expect(program.key).toBe(key)
      expect(await users(program)).toEqual(created.toSorted())
    },
  )

  test('is ended by kill -9 with its services, and its next start takes over or ends its servers', async () => {
    const { key, url } = program
    const [pids, redis] = [pidsNow(), serverPid(data, 'redis')]
    expect(pids.map(lives)).toEqual([true, true, true, true])
    program.signal('SIGKILL')
    await program.exit
    program = await start(data, ports)
    expect(pids.map(lives)).toEqual([false, false, false, false])
    expect([program.key, program.url]).toEqual([key, url])
    expect(await users(program)).toEqual(created.toSorted())
    expect(lives(redis)).toBe(false)
    expect(await program.stop()).toEqual({ code: 0, signal: null })
    expect(processesOf(data)).toEqual([])
  })
})

test.each([0, 3_000])('Ctrl-C %i ms into a first start leaves nothing running', async (after) => {
  const data = ground.folder()
  const program = ground.launch(data, {}, 'distributed')
  await until('it has begun', () => existsSync(data) || program.hasEnded)
  await new Promise((resolve) => setTimeout(resolve, after))
  program.signal('SIGINT', 'group')
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(processesOf(data)).toEqual([])
})

test('what is misspelled is told before anything is started', async () => {
  const { code, lines } = await refusal(
    ground.launch(ground.folder(), { LATCHKEY_AUDIT_PROT: '1', KAFKA_PARTITIONS: 'many' }, 'distributed'),
  )
  expect([code, lines.length]).toEqual([1, 2])
  expect(lines.join()).toContain('did you mean LATCHKEY_AUDIT_PORT?')
})

describe('a service as a program of its own', () => {
  test.each(services)('%s says what must be set', async (service) => {
    const { code, lines } = await refusal(ground.launch(ground.folder(), {}, service))
    expect([code, lines]).toEqual([
      1,
      [
        'KAFKA_BROKERS holds nothing; it should hold HOST:PORT, or several separated by commas',
        'DATABASE_URL holds nothing; it should hold a URL that begins with postgres:// or postgresql://',
      ],
    ])
  })

  test('waits for what it needs, saying for what; a gateway that never heard of a key tells to come again', async () => {
    const data = ground.folder()
    const postgres = { folder: `${data}-postgres`, log: `${data}-postgres.log`, durable: false }
    const first = await startEmbeddedPostgres(postgres)
    await first.stop()
    const env = {
      DATABASE_URL: first.url,
      KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      LATCHKEY_PUBLIC_URL: 'http://127.0.0.1',
      LATCHKEY_GATEWAY_PORT: String(await freePort()),
      LATCHKEY_KEYS_PORT: String(await freePort()),
    }
    const url = `http://127.0.0.1:${env.LATCHKEY_GATEWAY_PORT}`
    const { host, port } = new URL(first.url)
    const gateway = ground.launch(data, env, 'gateway')
    await until('it waits', () => gateway.stderr.includes(`waiting for Postgres at ${host}`))
    const second = await startEmbeddedPostgres({ ...postgres, port: Number(port) })
    await until('it waits', () => gateway.stderr.includes(`waiting for the file ${data}/peppers`))
    const keys = ground.launch(data, { ...env, LATCHKEY_QUICKSTART: 'true' }, 'keys')
    await until('it waits', () => keys.stderr.includes('waiting for the first key to be published in Kafka'))
    await until('it waits', () => gateway.stderr.includes('waiting for the keys that are in Kafka'))
    await until('it listens meanwhile', () =>
      readiness(url).then(
        () => true,
        () => false,
      ),
    )
    expect(await readiness(url)).toMatchObject({
      status: 'not-ready',
      missing: [{ name: 'trust' }],
      degraded: [{ name: 'kafka' }, { name: 'redis' }, { name: 'follower gateway' }],
    })
    const { adminToken: token } = keys
    const admin = `http://127.0.0.1:${env.LATCHKEY_KEYS_PORT}/admin/v1`
    const [connection] = z
      .object({ items: z.array(z.object({ id: z.string() })) })
      .parse((await ask(`${admin}/connections`, { token })).body).items
    const minted = await ask(`${admin}/connections/${connection?.id}/keys`, { token, body: {} })
    const { key, scimBaseUrl } = z.object({ key: z.string(), scimBaseUrl: z.string() }).parse(minted.body)
    const refused = await ask(`${url}${new URL(scimBaseUrl).pathname}/Users`, { token: key })
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5'])
    expect([gateway.stdout, keys.stdout]).toEqual(['', ''])
    expect(await gateway.stop()).toEqual({ code: 0, signal: null })
    expect(await keys.stop()).toEqual({ code: 0, signal: null })
    await second.stop()
  })
})
