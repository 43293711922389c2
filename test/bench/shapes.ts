import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Latchkey in one of its shapes, as its users start it. */
export interface Running {
  readonly url: string
  readonly scimBaseUrl: string
  readonly key: string
  readonly adminToken: string
  /** Its own processes, without those of Postgres, Kafka and Redis. */
  readonly pids: readonly number[]
  /** Kafka's process, where there is one. */
  readonly broker: number | undefined
  /** From spawn to the banner. */
  readonly readyAfterMilliseconds: number
  stop(): Promise<void>
}

export interface StartOptions {
  /** Where it keeps its data. */
  readonly folder: string
  /** The Postgres to use; without it, its own. */
  readonly databaseUrl?: string
  readonly nodeArguments?: readonly string[]
}

export type Starter = (options: StartOptions) => Promise<Running>

export interface Shape {
  readonly start: Starter
  /** The table that its gateway appends events to. */
  readonly appendsTo: 'event_log.event' | 'gateway.outbox'
}

/** Every shape that can be measured, by name. */
export const shapes: Readonly<Record<string, Shape>> = {
  standalone: {
    start: (options) => startProgram('apps/standalone/src/main.js', options),
    appendsTo: 'event_log.event',
  },
  distributed: {
    start: (options) => startProgram('apps/distributed/src/main.js', options),
    appendsTo: 'gateway.outbox',
  },
}

async function startProgram(main: string, { folder, databaseUrl, nodeArguments = [] }: StartOptions): Promise<Running> {
  const began = performance.now()
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', main)], {
    env: {
      ...process.env,
      NODE_OPTIONS: nodeArguments.join(' '),
      LATCHKEY_DATA: folder,
      LATCHKEY_PORT: '0',
      LATCHKEY_GATEWAY_PORT: '0',
      LATCHKEY_KEYS_PORT: '0',
      LATCHKEY_DIRECTORY_PORT: '0',
      LATCHKEY_AUDIT_PORT: '0',
      LATCHKEY_LOG_LEVEL: 'warn',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('curl ')) resolve()
    })
    void ended.then(() => reject(new Error('the program ended before it was ready')))
  })
  const found = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? ''
  const services = [...output.matchAll(/^\w+ +http\S+ +process (\d+)$/gm)].map(([, pid]) => Number(pid))
  const kafka = join(folder, 'kafka/running.json')
  return {
    url: found(/ready at (\S+)/),
    scimBaseUrl: found(/SCIM base URL\s+(\S+)/),
    key: found(/Provisioning key\s+(\S+)/),
    adminToken: readFileSync(join(folder, 'admin-token'), 'utf8').trim(),
    pids: child.pid === undefined ? [] : [child.pid, ...services],
    broker: existsSync(kafka) ? JSON.parse(readFileSync(kafka, 'utf8')).pid : undefined,
    readyAfterMilliseconds: performance.now() - began,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
