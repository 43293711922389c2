import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { unlimited } from '../unlimited.ts'

/** Latchkey in one of its shapes, as its users start it, with a live connection: requests of a sandbox are kept, to be sent again, which costs. */
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
  /** Settings beside those that every start is given. */
  readonly env?: Readonly<Record<string, string>>
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

async function startProgram(
  main: string,
  { folder, databaseUrl, nodeArguments = [], env }: StartOptions,
): Promise<Running> {
  const began = performance.now()
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', main)], {
    env: {
      ...process.env,
      NODE_OPTIONS: nodeArguments.join(' '),
      ...unlimited,
      LATCHKEY_DATA: folder,
      LATCHKEY_PORT: '0',
      LATCHKEY_GATEWAY_PORT: '0',
      LATCHKEY_KEYS_PORT: '0',
      LATCHKEY_DIRECTORY_PORT: '0',
      LATCHKEY_AUDIT_PORT: '0',
      LATCHKEY_LOG_LEVEL: 'warn',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...env,
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
  const readyAfterMilliseconds = performance.now() - began
  const url = found(/ready at (\S+)/)
  const adminToken = readFileSync(join(folder, 'admin-token'), 'utf8').trim()
  return {
    url,
    ...(await liveConnection(found(/^keys +(http\S+)/m) || url, adminToken)),
    adminToken,
    pids: child.pid === undefined ? [] : [child.pid, ...services],
    broker: existsSync(kafka) ? JSON.parse(readFileSync(kafka, 'utf8')).pid : undefined,
    readyAfterMilliseconds,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function liveConnection(keys: string, adminToken: string): Promise<Pick<Running, 'scimBaseUrl' | 'key'>> {
  const made = z.looseObject({ id: z.string().optional(), scimBaseUrl: z.string(), key: z.string().optional() })
  const make = async (path: string, body?: object) => {
    const answer = await fetch(`${keys}/admin/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (answer.status !== 201) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`)
    return made.parse(await answer.json())
  }
  // The guard would hold the many deactivations that are measured.
  const { id } = await make('/tenants/acme/connections', {
    name: `bench ${Date.now()}`,
    environment: 'live',
    settings: { guard: 'off' },
  })
  const { scimBaseUrl, key = '' } = await make(`/connections/${id}/keys`)
  for (let status = 0; status !== 200; await new Promise((resolve) => setTimeout(resolve, 50)))
    ({ status } = await fetch(`${scimBaseUrl}/ServiceProviderConfig`, { headers: { authorization: `Bearer ${key}` } }))
  return { scimBaseUrl, key }
}
