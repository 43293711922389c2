import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { readPublished } from './servers/published-events.ts'

export type Shape = 'standalone' | 'distributed'

/** Latchkey as its users start it: where each service answers, and how it is ended. */
export interface Program {
  readonly addresses: Readonly<Record<'gateway' | 'keys' | 'directory' | 'audit', string>>
  readonly adminToken: string
  /** The table that the gateway appends events to. */
  readonly appendsTo: string
  /** Every event that followers can know by now, in the order in which they were made. */
  events(database: Client): Promise<LoggedEvent[]>
  /** Everything that it wrote so far, but for the banner of its start, which shows the key of a first connection. */
  logs(): string
  /** Sends SIGTERM; resolves with the exit code when it has ended and its data folder is removed. */
  stop(): Promise<number | null>
}

export interface LoggedEvent {
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly version: number
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly payload: any
}

/** Over the given database: the one place where the shape of a test's program is chosen. */
export function startProgram(shape: Shape, databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  return shape === 'standalone' ? startStandalone(databaseUrl, settings) : startDistributed(databaseUrl, settings)
}

/** One process, the event log in Postgres. */
async function startStandalone(databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  const { found, ...running } = await run('standalone', /^Latchkey is ready at (?<all>\S+)\n[^]*^curl .*\n/m, {
    LATCHKEY_PORT: '0',
    DATABASE_URL: databaseUrl,
    ...settings,
  })
  const address = found['all'] ?? ''
  return {
    ...running,
    addresses: { gateway: address, keys: address, directory: address, audit: address },
    appendsTo: 'event_log.event',
    async events(database) {
      const { rows } = await database.query(
        'SELECT id, name, subject, key, version, payload FROM event_log.event ORDER BY position',
      )
      return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) }))
    },
  }
}

/** Four processes over the run's Kafka and Redis, with topics of their own. */
async function startDistributed(databaseUrl: string, settings: NodeJS.ProcessEnv): Promise<Program> {
  const { TEST_KAFKA_BROKERS: brokers, TEST_REDIS_URL: redis } = process.env
  if (brokers === undefined || redis === undefined) throw new Error('this run has no Kafka and Redis')
  const prefix = `test-${crypto.randomUUID()}`
  const line = (name: string): string => `^${name} +(?<${name}>http\\S+).*\\n`
  const banner = new RegExp(`${['gateway', 'keys', 'directory', 'audit'].map(line).join('')}[^]*^curl .*\\n`, 'm')
  const { found, ...running } = await run('distributed', banner, {
    LATCHKEY_GATEWAY_PORT: '0',
    LATCHKEY_KEYS_PORT: '0',
    LATCHKEY_DIRECTORY_PORT: '0',
    LATCHKEY_AUDIT_PORT: '0',
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: prefix,
    REDIS_URL: redis,
    REDIS_PREFIX: prefix,
    ...settings,
  })
  const { gateway = '', keys = '', directory = '', audit = '' } = found
  const published = await readPublished(
    brokers,
    ['trust', 'people', 'requests'].map((topic) => `${prefix}.${topic}`),
  )
  return {
    ...running,
    addresses: { gateway, keys, directory, audit },
    appendsTo: 'gateway.outbox',
    async events(database) {
      const waiting = 'SELECT FROM gateway.outbox UNION ALL SELECT FROM keys.outbox LIMIT 1'
      while ((await database.query(waiting)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 10))
      const events = (await published.all()).map(({ headers, key = '', value }) => ({
        id: headers['ce_id'] ?? '',
        name: headers['ce_type'] ?? '',
        subject: headers['ce_subject'] ?? '',
        key,
        version: Number(headers['ce_sequence']),
        payload: JSON.parse(value),
      }))
      // Ids grow with time, and partitions are read side by side.
      return events.sort((one, other) => (one.id < other.id ? -1 : 1))
    },
    async stop() {
      await published.close()
      return running.stop()
    },
  }
}

interface Running extends Pick<Program, 'adminToken' | 'logs' | 'stop'> {
  readonly found: Readonly<Record<string, string>>
}

async function run(app: Shape, banner: RegExp, settings: NodeJS.ProcessEnv): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
  const main = fileURLToPath(new URL(`../apps/${app}/src/main.js`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], LATCHKEY_DATA: folder, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'exit').finally(() => process.off('exit', kill))
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
    adminToken: readFileSync(join(folder, 'admin-token'), 'utf8').trim(),
    logs: () => logged + printed.slice(told),
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exit
      rmSync(folder, { recursive: true, force: true })
      return code
    },
  }
}
