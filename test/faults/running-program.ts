import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest, type Agent } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { z } from 'zod'
import { seriesIn } from '../metrics.ts'
import { ownFolder } from '../servers/own-folder.ts'
import { unlimited } from '../unlimited.ts'

/** A folder of apps with a `main`. */
export type App = 'standalone' | 'distributed' | 'gateway' | 'keys' | 'directory' | 'audit'

const anyPorts = {
  LATCHKEY_PORT: '0',
  LATCHKEY_GATEWAY_PORT: '0',
  LATCHKEY_KEYS_PORT: '0',
  LATCHKEY_DIRECTORY_PORT: '0',
  LATCHKEY_AUDIT_PORT: '0',
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The real program, in a process group of its own. */
export class Program {
  readonly data: string
  readonly exit: Promise<Exit>
  readonly #child: ChildProcess
  stdout = ''
  stderr = ''

  constructor(data: string, env: Readonly<Record<string, string>>, folder: string, app: App) {
    this.data = data
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(LATCHKEY_|DATABASE_URL$|OTEL_|KAFKA_|REDIS_)/.test(name),
    )
    const main = fileURLToPath(new URL(`../../apps/${app}/src/main.js`, import.meta.url))
    this.#child = spawn(process.execPath, [main], {
      env: { ...Object.fromEntries(clean), LATCHKEY_DATA: data, ...anyPorts, ...unlimited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      cwd: folder,
    })
    this.#child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)))
    this.#child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)))
    this.exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }
  get url(): string {
    return this.#told(/^Latchkey is ready at (\S+)$/m)
  }
  get port(): string {
    return new URL(this.url).port
  }
  get scimBaseUrl(): string {
    return this.#told(/^SCIM base URL +(\S+)$/m)
  }
  get key(): string {
    return this.#told(/^Provisioning key +(\S+)$/m)
  }
  get adminToken(): string {
    return readFileSync(join(this.data, 'admin-token'), 'utf8').trim()
  }
  get postgres(): EmbeddedPostgres {
    return embeddedPostgres(this.data)
  }

  /** To the process alone, or to its whole group, as a terminal's Ctrl-C does it. */
  signal(name: NodeJS.Signals, to: 'process' | 'group' = 'process'): void {
    process.kill(to === 'group' ? -this.pid : this.pid, name)
  }

  async ready(): Promise<this> {
    await until('the program is ready', () => this.hasEnded || / is ready at \S+\n/.test(this.stdout))
    if (this.hasEnded) throw new Error(`the program ended before it was ready: ${this.stderr}`)
    return this
  }

  async stop(): Promise<Exit> {
    if (!this.hasEnded) this.signal('SIGTERM')
    return this.exit
  }

  #told(pattern: RegExp): string {
    const found = pattern.exec(this.stdout)?.[1]
    if (found === undefined) throw new Error(`the program has not told ${pattern}: ${this.stdout}${this.stderr}`)
    return found
  }
}

export interface EmbeddedPostgres {
  readonly pid: number
  readonly url: string
}

export function embeddedPostgres(data: string): EmbeddedPostgres {
  const folder = join(data, 'postgres')
  const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')
  const password = readFileSync(join(folder, 'latchkey.password'), 'utf8').trim()
  return { pid: Number(lines[0]), url: `postgres://latchkey:${password}@127.0.0.1:${lines[3]}/latchkey` }
}

/** Folders and programs of one test file; `end` leaves nothing running and nothing behind. */
export class Ground {
  readonly #own = ownFolder()
  /** Where programs are started. */
  readonly path = this.#own.path
  readonly #programs: Program[] = []
  #folders = 0

  folder(): string {
    return join(this.path, `data-${(this.#folders += 1)}`)
  }

  launch(data: string, env: Readonly<Record<string, string>> = {}, app: App = 'standalone'): Program {
    const program = new Program(data, env, this.path, app)
    this.#programs.push(program)
    return program
  }

  start(data: string, env: Readonly<Record<string, string>> = {}, app: App = 'standalone'): Promise<Program> {
    return this.launch(data, env, app).ready()
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()))
    await this.#own.remove()
  }
}

/** False also for a process that has ended and that only its parent has not heard of. */
export function lives(pid: number): boolean {
  return processes().some((line) => new RegExp(`^ *${pid} +[^Z]`).test(line))
}

export function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,ppid'], { encoding: 'utf8' }).split('\n')
  return lines
    .map((line) => line.trim().split(/ +/).map(Number))
    .flatMap(([pid, of]) => (of === parent && pid !== undefined ? [pid] : []))
}

/** Lines of running processes whose command names the folder. */
export function processesOf(folder: string): string[] {
  return processes().filter((line) => line.includes(folder))
}

function processes(): string[] {
  return execFileSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' }).split('\n')
}

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within 90 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export interface Asked {
  readonly method?: string
  readonly token: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** For https one that knows the server's authority. */
  readonly agent?: Agent
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
}

/** Rejects when no whole answer came. */
export function ask(url: string, { method, token, body, headers, agent }: Asked): Promise<Answer> {
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const type = url.includes('/scim/') ? 'application/scim+json' : 'application/json'
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      ...(agent === undefined ? {} : { agent }),
      headers: {
        authorization: `Bearer ${token}`,
        ...(sent === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(sent) }),
        ...headers,
      },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: readJson(text) })
      })
    })
    request.end(sent)
  })
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A user as answered. */
export const user = z.object({ id: z.string(), userName: z.string() })

export function newUser(userName: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName,
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    emails: [{ value: `${userName}@example.com`, type: 'work', primary: true }],
    active: true,
  }
}

const made = z.object({ id: z.string().default(''), key: z.string().default('') })

/** Another tenant with a connection, and a key of it that the gateway accepts by now. */
export async function newConnection(
  program: Program,
  tenant: string,
  adminUrl = program.url,
): Promise<{ base: string; key: string }> {
  const admin = async (path: string, body: object): Promise<z.infer<typeof made>> => {
    const answer = await ask(`${adminUrl}/admin/v1${path}`, { token: program.adminToken, body })
    return made.parse(answer.body)
  }
  const { id } = await admin('/tenants', { name: tenant })
  const connection = await admin(`/tenants/${id}/connections`, { name: 'people' })
  const { key } = await admin(`/connections/${connection.id}/keys`, {})
  const base = program.scimBaseUrl.replace(/[^/]+$/, connection.id)
  await until(
    'the new key is accepted',
    async () => (await ask(`${base}/Users?count=1`, { token: key })).status === 200,
  )
  return { base, key }
}

export async function rowsOf<Row>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** What the command line prints that is told of the data folder alone. Rejects with `code` and `stderr` where it fails. */
export async function latchkey(data: string, ...args: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL('../../apps/cli/src/main.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env: { LATCHKEY_DATA: data } })
  return stdout
}

let databases = 0

/** The address of a new database on the Postgres of a program. */
export async function emptyDatabase({ postgres }: Program): Promise<string> {
  const name = `empty_${(databases += 1)}`
  await rowsOf(postgres.url, `CREATE DATABASE ${name}`)
  return postgres.url.replace(/latchkey$/, name)
}

export function create({ scimBaseUrl, key }: Program, userName: string): Promise<Answer> {
  return ask(`${scimBaseUrl}/Users`, { token: key, body: newUser(userName) })
}

/** Names of all users of the first connection, sorted. */
export async function users({ scimBaseUrl, key }: Program): Promise<string[]> {
  const answer = await ask(`${scimBaseUrl}/Users`, { token: key })
  return z
    .object({ Resources: z.array(user) })
    .parse(answer.body)
    .Resources.map(({ userName }) => userName)
    .sort()
}

export interface Refusal {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly stdout: string
}

/** What a program said that could not start. */
export async function refusal(program: Program): Promise<Refusal> {
  const { code } = await program.exit
  return { code, lines: program.stderr.trimEnd().split('\n'), stdout: program.stdout }
}

/** One series of the metrics of whoever answers there; 0 while it is not there. */
export async function metric({ url }: Pick<Program, 'url'>, series: string): Promise<number> {
  const { body } = await ask(`${url}/metrics`, { token: '' })
  return seriesIn(String(body), series)
}
