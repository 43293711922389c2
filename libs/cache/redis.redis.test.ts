import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createServer as createTlsServer } from 'node:tls'
import { startOwnRedis, type OwnRedis } from '#test/servers/own-redis'
import { describeChannel, until } from './conformance/index.ts'
import { openRedisChannel, type CacheError, type TrustChannel } from './index.ts'

const shared = () => process.env['TEST_REDIS_URL'] ?? ''

describeChannel('Redis', async (onFailure) => {
  const options = { url: shared(), prefix: `${randomUUID()}:`, onFailure }
  const ends = { one: openRedisChannel(options), other: openRedisChannel(options) }
  await until(() => ends.one.state === 'connected' && ends.other.state === 'connected')
  return ends
})

/** A channel and what happened on it. */
function watch(url: string, prefix = 'latchkey:') {
  const failures: CacheError[] = []
  const happened: string[] = []
  const channel: TrustChannel = openRedisChannel({ url, prefix, onFailure: (failure) => failures.push(failure) })
  const { inForce } = channel.subscribe(
    (message) => happened.push(message),
    () => happened.push('GAP'),
  )
  return { channel, failures, happened, inForce }
}

test('installations with different prefixes do not hear each other', async () => {
  const [one, other] = [watch(shared(), 'one:'), watch(shared(), 'other:')]
  await Promise.all([one.inForce, other.inForce])
  await until(() => one.channel.state === 'connected' && other.channel.state === 'connected')
  one.channel.publish('of one')
  other.channel.publish('of other')
  await until(() => one.happened.includes('of one') && other.happened.includes('of other'))
  expect(one.happened).toEqual(['GAP', 'of one'])
  expect(other.happened).toEqual(['GAP', 'of other'])
  await Promise.all([one.channel.close(), other.channel.close()])
})

test('what was published right before a close is heard', async () => {
  const [one, other] = [watch(shared(), 'close:'), watch(shared(), 'close:')]
  await Promise.all([one.inForce, other.inForce])
  await until(() => one.channel.state === 'connected')
  one.channel.publish('last words')
  await one.channel.close()
  await until(() => other.happened.includes('last words'))
  await other.channel.close()
})

describe('a Redis of its own', () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await startOwnRedis()
  })
  afterAll(() => redis.stop())

  for (const how of ['outage', 'kill'] as const) {
    test(`after ${how === 'kill' ? 'kill -9' : 'an outage'} subscribers hear of a gap, then of messages again`, async () => {
      const { channel, failures, happened, inForce } = watch(redis.url)
      await inForce
      await redis[how](async () => {
        await until(() => channel.state === 'away' && happened.length === 2)
        expect(happened).toEqual(['GAP', 'GAP'])
        channel.publish('lost')
        await until(() => failures.some(({ fault }) => fault === 'publish-lost'))
      })
      await until(() => channel.state === 'connected')
      channel.publish('heard')
      await until(() => happened.includes('heard'))
      expect(happened).not.toContain('lost')
      expect(happened.indexOf('GAP', 2)).toBeGreaterThan(0)
      expect(failures.filter(({ fault }) => fault === 'redis-away').length).toBeLessThanOrEqual(2)
      await channel.close()
    })
  }

  test('a Redis that is away at opening is waited for, and the first subscription begins with a gap', async () => {
    let opened: ReturnType<typeof watch> | undefined
    await redis.outage(async () => {
      opened = watch(redis.url)
      const { failures, channel } = opened
      await until(() => failures.some(({ fault }) => fault === 'redis-away'))
      expect(failures[0]?.message).toMatch(/^Redis at 127\.0\.0\.1:\d+ is away \(ECONNREFUSED\): start it/)
      expect(channel.state).toBe('away')
    })
    await opened?.inForce
    expect(opened?.happened).toEqual(['GAP'])
    await opened?.channel.close()
  })

  test('a Redis that stands still is found out, and what was lost meanwhile is a gap', async () => {
    const [one, other] = [watch(redis.url), watch(redis.url)]
    await Promise.all([one.inForce, other.inForce])
    await until(() => one.channel.state === 'connected')
    await redis.freeze(async () => {
      one.channel.publish('lost')
      await until(() => one.channel.state === 'away' && other.channel.state === 'away')
      await until(() => one.failures.some(({ fault }) => fault === 'publish-lost'))
      await until(() => other.happened.length === 2)
      expect(other.happened).toEqual(['GAP', 'GAP'])
    })
    await until(() => one.channel.state === 'connected' && other.channel.state === 'connected')
    one.channel.publish('heard')
    await until(() => other.happened.includes('heard'))
    expect(other.happened.slice(2)).toContain('GAP')
    await Promise.all([one.channel.close(), other.channel.close()])
  })

  test('a subscriber whose connection alone is cut hears of a gap', async () => {
    const { channel, happened, inForce } = watch(redis.url)
    await inForce
    await redis.command('CLIENT KILL TYPE pubsub')
    await until(() => happened.length === 3)
    expect(happened).toEqual(['GAP', 'GAP', 'GAP'])
    channel.publish('heard')
    await until(() => happened.includes('heard'))
    await channel.close()
  })

  test('when a publisher alone lost a message, its subscribers elsewhere hear of a gap', async () => {
    const listener = watch(redis.url)
    await listener.inForce
    const line = await bridge(Number(new URL(redis.url).port))
    const failures: CacheError[] = []
    const publisher = openRedisChannel({ url: line.url, prefix: 'latchkey:', onFailure: (each) => failures.push(each) })
    await until(() => publisher.state === 'connected')
    line.cut()
    await until(() => publisher.state === 'away')
    publisher.publish('lost')
    await until(() => failures.some(({ fault }) => fault === 'publish-lost'))
    expect(listener.happened).toEqual(['GAP'])
    line.mend()
    await until(() => listener.happened.length === 2)
    expect(listener.happened).toEqual(['GAP', 'GAP'])
    await Promise.all([publisher.close(), listener.channel.close()])
    line.close()
  })

  test('messages do not pile up while Redis is away or stands still', async () => {
    const { channel, failures, inForce } = watch(redis.url)
    await inForce
    await until(() => channel.state === 'connected')
    await redis.freeze(async () => {
      for (let number = 0; number < 3000; number += 1) channel.publish('x')
      await until(() => failures.length >= 2000)
      expect(failures[0]?.message).toContain('has not answered the last 1,000 commands')
      await until(() => channel.state === 'away')
    })
    await until(() => channel.state === 'connected')
    await channel.close()
  })
})

describe('a Redis with a password', () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await startOwnRedis({ requirepass: 's3cret word' })
  })
  afterAll(() => redis.stop())

  const withPassword = (password: string) => redis.url.replace('//', `//:${encodeURIComponent(password)}@`)

  test('is reached with the one in the address', async () => {
    const { channel, happened, inForce, failures } = watch(withPassword('s3cret word'))
    await inForce
    await until(() => channel.state === 'connected')
    channel.publish('heard')
    await until(() => happened.includes('heard'))
    expect(failures).toEqual([])
    await channel.close()
  })

  test('tells a wrong one, without saying it', async () => {
    const { channel, failures } = watch(withPassword('guess'))
    await until(() => failures.length > 0)
    expect(failures[0]).toMatchObject({ fault: 'redis-away', message: expect.stringContaining('WRONGPASS') })
    expect(JSON.stringify(failures) + failures.map((each) => `${each.stack} ${String(each.cause)}`).join()).not.toMatch(
      /guess/,
    )
    await channel.close()
  })
})

test('an address that is none is told, without its password', () => {
  for (const url of ['', 'localhost:6379', 'http://localhost', 'redis://:hush@', 'redis://h/one:hush']) {
    const open = () => openRedisChannel({ url, prefix: '', onFailure: () => {} })
    expect(open).toThrow('The address of Redis must be redis://host:port')
    expect(open).not.toThrow(/hush/)
  }
})

test('TLS is spoken to rediss:, and a certificate of a stranger is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
  const store = [
    '-alias',
    'redis',
    '-storetype',
    'PKCS12',
    '-keystore',
    join(folder, 'store'),
    '-storepass',
    'latchkey',
  ]
  const java = process.env['JAVA_HOME']
  const keytool = (...words: string[]) =>
    execFileSync(java === undefined || java === '' ? 'keytool' : join(java, 'bin/keytool'), [...words, ...store], {
      stdio: 'pipe',
    })
  keytool('-genkeypair', '-keyalg', 'EC', '-dname', 'CN=localhost', '-ext', 'san=ip:127.0.0.1')
  writeFileSync(join(folder, 'authority'), keytool('-exportcert', '-rfc'))
  const server = createTlsServer({ pfx: readFileSync(join(folder, 'store')), passphrase: 'latchkey' }, (near) => {
    const far = connect(Number(new URL(shared()).port), '127.0.0.1')
    for (const socket of [near, far]) socket.on('error', () => {})
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  const url = `rediss://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`

  // Authorities are read when a process starts.
  const script = `
    const { openRedisChannel } = await import(${JSON.stringify(new URL('./index.js', import.meta.url).href)})
    const end = (text) => (console.log(text), process.exit())
    const onFailure = (failure) => end(failure.message)
    openRedisChannel({ url: ${JSON.stringify(url)}, prefix: 'tls:', onFailure }).subscribe(() => {}, () => end('in force'))`
  const told = async (environment: Record<string, string>): Promise<string> => {
    const env = { ...process.env, ...environment }
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'pipe' })
    return text(child.stdout)
  }
  expect(await told({ NODE_EXTRA_CA_CERTS: join(folder, 'authority') })).toBe('in force\n')
  expect(await told({})).toMatch(/is away \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
  server.close()
  rmSync(folder, { recursive: true })
})

/** A line to the port of 127.0.0.1 that can be cut. */
async function bridge(port: number) {
  const sockets = new Set<Socket>()
  let whole = true
  const server = createServer((near) => {
    if (!whole) return void near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  return {
    url: `redis://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`,
    cut() {
      whole = false
      for (const socket of sockets) socket.destroy()
    },
    mend: () => void (whole = true),
    close: () => server.close(),
  }
}
