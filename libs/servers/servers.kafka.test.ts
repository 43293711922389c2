import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ownFolder } from '#test/servers/own-folder'
import { startKafka, startRedis, type RunningKafka } from './index.ts'
import type { KafkaOptions } from './kafka.ts'
import { edition, redisEntry } from './pom.ts'

const own = ownFolder()
const parent = own.path
const running: { stop(): Promise<void> }[] = []
let folders = 0

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})
afterAll(() => own.remove())

const freshFolder = (): string => join(parent, `server-${(folders += 1)}`)

/** For what is not about a first start. */
const usedFolder = freshFolder()

async function kafka(folder: string, options: Partial<KafkaOptions> = {}): Promise<RunningKafka> {
  const server = await startKafka({ folder, log: `${folder}.log`, ...options })
  running.push(server)
  return server
}

const clusterId = (folder: string) =>
  /^cluster\.id=(.+)$/m.exec(readFileSync(join(folder, 'data/meta.properties'), 'utf8'))?.[1]

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1))

const door = new URL('./index.js', import.meta.url).href

/** Starts a server in a process of its own and kills that process, so that the server is left behind. */
async function leaveBehind(
  server: 'startKafka' | 'startRedis',
  folder: string,
): Promise<{ pid: number; port: number }> {
  const script = `
    const servers = await import(${JSON.stringify(door)})
    const folder = ${JSON.stringify(folder)}
    const { pid, brokers, url } = await servers.${server}({ folder, log: folder + '.log' })
    console.log(pid, brokers ?? url)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: parent,
  })
  const [line] = await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const [pid, address] = String(line).trim().split(' ')
  return { pid: Number(pid), port: portOf(address ?? '') }
}

/** Resolves when nobody listens on the port. */
async function refused(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
}

test('a second start has the same data, on the port it is given', async () => {
  const folder = freshFolder()
  const first = await kafka(folder)
  const cluster = clusterId(folder)
  await first.stop()
  await first.gone
  const second = await kafka(folder, { port: portOf(first.brokers) })
  expect(second).toMatchObject({ brokers: first.brokers, takenOver: false })
  expect(clusterId(folder)).toBe(cluster)
})

test('what Kafka logs is for this user alone', async () => {
  const folder = freshFolder()
  await kafka(folder)
  expect(statSync(`${folder}.log`).mode & 0o777).toBe(0o600)
})

test('after kill -9 it is told gone, and starts again', async () => {
  const first = await kafka(usedFolder)
  process.kill(first.pid, 'SIGKILL')
  await first.gone
  await first.stop()
  expect((await kafka(usedFolder)).takenOver).toBe(false)
})

test('a Kafka left behind by a killed run is taken over, and ends when it is stopped', async () => {
  const { pid, port } = await leaveBehind('startKafka', usedFolder)
  const server = await kafka(usedFolder)
  expect(server).toMatchObject({ pid, takenOver: true })
  await server.stop()
  await server.gone
  await refused(port)
})

test('a Kafka left behind with other settings is ended, and one with those asked for started', async () => {
  const { port } = await leaveBehind('startKafka', usedFolder)
  const server = await kafka(usedFolder, { settings: { 'message.max.bytes': '2000000' } })
  expect(server.takenOver).toBe(false)
  await refused(port)
})

test('what an interrupted first start left is done away with', async () => {
  const folder = freshFolder()
  mkdirSync(join(folder, 'data.new'), { recursive: true })
  writeFileSync(join(folder, 'data.new/meta.properties'), 'cluster.id=half')
  await kafka(folder)
  expect(clusterId(folder)).not.toBe('half')
  expect(existsSync(join(folder, 'data.new'))).toBe(false)
})

test('a Redis left behind by a killed run is ended, and another started', async () => {
  const folder = freshFolder()
  const { pid, port } = await leaveBehind('startRedis', folder)
  const redis = await startRedis({ folder, log: `${folder}.log` })
  running.push(redis)
  expect(redis.pid).not.toBe(pid)
  await refused(port)
  await redis.stop()
  await redis.gone
  const again = await startRedis({ folder, log: `${folder}.log`, port: portOf(redis.url) })
  running.push(again)
  expect(again.url).toBe(redis.url)
})

describe('a refusal is one line with cause and fix:', () => {
  const refusal = (start: Promise<unknown>) =>
    start.then(
      () => undefined,
      (reason: unknown) => {
        expect(reason).toMatchObject({ name: 'ServerError', message: expect.stringMatching(/^[^\n]+$/) })
        return reason
      },
    )

  test('the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const at = server.address()
    const port = typeof at === 'object' && at !== null ? at.port : 0
    const [folder, other] = [freshFolder(), freshFolder()]
    try {
      const taken = { fault: 'port-taken', message: expect.stringContaining(`127.0.0.1:${port}`) }
      expect(await refusal(kafka(folder, { port }))).toMatchObject(taken)
      expect(await refusal(startRedis({ folder: other, log: `${other}.log`, port }))).toMatchObject(taken)
    } finally {
      server.close()
    }
    await kafka(folder)
  })

  test('the folder is in use', async () => {
    await kafka(usedFolder)
    expect(await refusal(kafka(usedFolder))).toMatchObject({ fault: 'folder-in-use' })
  })

  test('the folder cannot be made', async () => {
    const file = join(parent, 'a-file')
    writeFileSync(file, '')
    expect(await refusal(kafka(join(file, 'kafka'), { log: join(parent, 'unused.log') }))).toMatchObject({
      fault: 'folder-unwritable',
      message: expect.stringContaining('name a folder this user may write'),
    })
  })

  test('Kafka does not start, with what it says', async () => {
    expect(await refusal(kafka(freshFolder(), { settings: { 'num.io.threads': 'plenty' } }))).toMatchObject({
      fault: 'start-failed',
      message: expect.stringContaining('Invalid value plenty for configuration num.io.threads'),
    })
  })
})

/** A folder of shell programs. */
function programs(files: Record<string, string>): string {
  const folder = freshFolder()
  mkdirSync(folder)
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  return folder
}

test('of two processes that start at once one fetches, and what a killed fetch left is done away with', async () => {
  const home = freshFolder()
  mkdirSync(join(home, `${edition}.new/kafka`), { recursive: true })
  writeFileSync(join(home, `${edition}.new/kafka/half.jar`), '')
  const count = join(parent, 'fetches')
  const path = programs({
    java: `echo 'openjdk version "17.0.1"' >&2`,
    mvn: `echo fetched >> ${count}; sleep 0.2; mkdir kafka redis; echo exit 3 > redis/${redisEntry()}`,
  })
  const start = async (): Promise<string> => {
    const options = { folder: freshFolder(), log: freshFolder(), home }
    const script = `
      const { startRedis } = await import(${JSON.stringify(door)})
      const options = ${JSON.stringify(options)}
      await startRedis({ ...options, tell: console.log }).catch((error) => console.log(error.fault))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PATH: `${path}:/bin`, JAVA_HOME: '' },
    })
    return text(child.stdout)
  }
  const told = await Promise.all([start(), start()])
  for (const lines of told) expect(lines).toMatch(/start-failed\n$/)
  expect(told.join('')).toMatch(/Fetching Kafka and Redis with Maven.*\nFetched in \d+ s\.\n/)
  expect(readFileSync(count, 'utf8')).toBe('fetched\n')
  expect(readdirSync(home).sort()).toEqual([edition, 'lock'])
  expect(readdirSync(join(home, edition, 'kafka'))).toEqual([])
})

test('a fetch that is told to stop ends Maven first, and the next start fetches', async () => {
  const home = freshFolder()
  const pidFile = join(parent, 'maven-pid')
  const path = programs({
    java: `echo 'openjdk version "17.0.1"' >&2`,
    mvn: `echo $$ > ${pidFile}.new && mv ${pidFile}.new ${pidFile}; exec sleep 600`,
  })
  const options = { folder: freshFolder(), log: freshFolder(), home }
  const script = `
    import { existsSync } from 'node:fs'
    const { startKafka } = await import(${JSON.stringify(door)})
    const stop = new AbortController()
    const looking = setInterval(() => existsSync(${JSON.stringify(pidFile)}) && stop.abort(), 10)
    await startKafka({ ...${JSON.stringify(options)}, stop: stop.signal }).catch((error) => console.log(error.fault))
    clearInterval(looking)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${path}:/bin:/usr/bin`, JAVA_HOME: '' },
  })
  expect(await text(child.stdout)).toBe('stopped\n')
  const maven = Number(readFileSync(pidFile, 'utf8'))
  expect(() => process.kill(maven, 0)).toThrow('ESRCH')
  expect(existsSync(join(home, edition, 'complete'))).toBe(false)
})

describe('what is missing is told in one line:', () => {
  /** What `startKafka` says in a process of this environment, with what was fetched or, in a home of its own, nothing. */
  function told(environment: Record<string, string>, home?: string): string {
    const options = { folder: freshFolder(), log: freshFolder(), ...(home === undefined ? {} : { home }) }
    const script = `
      const { startKafka } = await import(${JSON.stringify(door)})
      await startKafka(${JSON.stringify(options)}).catch((error) => console.log(error.fault + ': ' + error.message))`
    const words = ['--input-type=module', '-e', script]
    return spawnSync(process.execPath, words, { encoding: 'utf8', env: { ...process.env, ...environment } }).stdout
  }

  const java = (version: string) => ({ java: `echo 'openjdk version "${version}"' >&2` })

  test('Java, before the fetch and after it', () => {
    const line = /^java-missing: Kafka needs Java 17 or newer, and none runs at \/nowhere\/bin\/java, [^\n]+\n$/
    expect(told({ JAVA_HOME: '/nowhere' }, freshFolder())).toMatch(line)
    expect(told({ JAVA_HOME: '/nowhere' })).toMatch(line)
    expect(told({ PATH: programs({}), JAVA_HOME: '' })).toMatch(/^java-missing: .* none runs on the PATH: [^\n]+\n$/)
  })

  test('a newer Java', () => {
    const old = { PATH: programs(java('11.0.2')), JAVA_HOME: '' }
    expect(told(old, freshFolder())).toMatch(/^java-too-old: .*java is Java 11: [^\n]+\n$/)
    const older = { PATH: programs(java('1.8.0_392')), JAVA_HOME: '' }
    expect(told(older, freshFolder())).toMatch(/^java-too-old: .*java is Java 8: [^\n]+\n$/)
  })

  test('Maven', () => {
    const home = freshFolder()
    expect(told({ PATH: programs(java('17.0.1')), JAVA_HOME: '' }, home)).toMatch(/^maven-missing: [^\n]+\n$/)
    expect(existsSync(join(home, 'complete'))).toBe(false)
  })

  test('the network', () => {
    const error =
      '[ERROR] Plugin could not be resolved: Could not transfer artifact from/to central: Unknown host -> [Help 1]'
    const path = programs({ ...java('17.0.1'), mvn: `echo '${error}'; exit 1` })
    expect(told({ PATH: `${path}:/bin:/usr/bin`, JAVA_HOME: '' }, freshFolder())).toMatch(/^network-missing: [^\n]+\n$/)
  })

  test('anything else, with what Maven says', () => {
    const path = programs({ ...java('17.0.1'), mvn: `echo '[ERROR] No space left on device -> [Help 1]'; exit 1` })
    expect(told({ PATH: `${path}:/bin:/usr/bin`, JAVA_HOME: '' }, freshFolder())).toMatch(
      /^fetch-failed: [^\n]*No space left on device\n$/,
    )
  })
})
