import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownFolder } from './servers/own-folder.ts'
import { unlimited } from './unlimited.ts'

export type Shape = 'standalone' | 'distributed'

/** Where a running Latchkey is found, from whichever process. */
export interface Place {
  readonly databaseUrl: string
  readonly addresses: Readonly<Record<'gateway' | 'keys' | 'directory' | 'audit', string>>
  readonly adminToken: string
  /** Of its topics; undefined where Postgres keeps the event log. */
  readonly topicPrefix?: string
}

/** Latchkey as its users start it. */
export interface Program {
  readonly place: Place
  /** Everything that it wrote so far, but for the banner of its start, which shows the key of a first connection. */
  logs(): string
  /** Sends SIGTERM; resolves with the exit code when it has ended and its data folder is removed. */
  stop(): Promise<number | null>
}

/** Over the given database: the one place where the shape of a test's program is chosen. */
export function startProgram(shape: Shape, databaseUrl: string, settings: NodeJS.ProcessEnv = {}): Promise<Program> {
  return shape === 'standalone' ? startStandalone(databaseUrl, settings) : startDistributed(databaseUrl, settings)
}

/** One process, the event log in Postgres. */
async function startStandalone(databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  const { found, adminToken, ...running } = await run(
    'standalone',
    /^Latchkey is ready at (?<all>\S+)\n[^]*^curl .*\n/m,
    {
      LATCHKEY_PORT: '0',
      DATABASE_URL: databaseUrl,
      ...settings,
    },
  )
  const { all = '' } = found
  const addresses = { gateway: all, keys: all, directory: all, audit: all }
  return { ...running, place: { databaseUrl, addresses, adminToken } }
}

/** Four processes over the run's Kafka and Redis, with topics of their own. */
async function startDistributed(databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  const { TEST_KAFKA_BROKERS: brokers, TEST_REDIS_URL: redis } = process.env
  if (brokers === undefined || redis === undefined) throw new Error('this run has no Kafka and Redis')
  const topicPrefix = `test-${crypto.randomUUID()}`
  const line = (name: string): string => `^${name} +(?<${name}>http\\S+).*\\n`
  const banner = new RegExp(`${['gateway', 'keys', 'directory', 'audit'].map(line).join('')}[^]*^curl .*\\n`, 'm')
  const { found, adminToken, ...running } = await run('distributed', banner, {
    LATCHKEY_GATEWAY_PORT: '0',
    LATCHKEY_KEYS_PORT: '0',
    LATCHKEY_DIRECTORY_PORT: '0',
    LATCHKEY_AUDIT_PORT: '0',
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: topicPrefix,
    REDIS_URL: redis,
    REDIS_PREFIX: topicPrefix,
    ...settings,
  })
  const { gateway = '', keys = '', directory = '', audit = '' } = found
  return { ...running, place: { databaseUrl, addresses: { gateway, keys, directory, audit }, adminToken, topicPrefix } }
}

interface Running extends Pick<Program, 'logs' | 'stop'> {
  readonly found: Readonly<Record<string, string>>
  readonly adminToken: string
}

async function run(app: Shape, banner: RegExp, settings: NodeJS.ProcessEnv): Promise<Running> {
  const folder = ownFolder()
  const main = fileURLToPath(new URL(`../apps/${app}/src/main.js`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], LATCHKEY_DATA: folder.path, ...unlimited, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder.path,
  })
  const exit = once(child, 'exit')
  let printed = ''
  let logged = ''
  child.stderr.on('data', (chunk) => void (logged += String(chunk)))
  const found = await new Promise<Record<string, string>>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      printed += String(chunk)
      const groups = banner.exec(printed)?.groups
      if (groups !== undefined) resolve(groups)
    })
    void exit.then(() => reject(new Error(`the program ended before it was ready: ${printed}${logged}`)))
  })
  const told = printed.length
  return {
    found,
    adminToken: readFileSync(join(folder.path, 'admin-token'), 'utf8').trim(),
    logs: () => logged + printed.slice(told),
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exit
      await folder.remove()
      return code
    },
  }
}
