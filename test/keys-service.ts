import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  KEYS,
  keysAdmission,
  KeysModule,
  keysOperations,
  type KeysParts,
  keysSchema,
  migrateKeys,
  openKeysEntities,
  type WorkerTimes,
} from '#apps/keys/src/index'
import { AdminCalls } from '#libs/admin/index'
import { generatePeppers, type Peppers } from '#libs/credentials/index'
import { DataKeys, Keyring, makeLocalKek } from '#libs/sealing/index'
import { AppendQueue } from '#libs/eventlog/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import { makeEvent } from '#libs/events/index'
import { createHttpAdapter, listen, ProblemFilter } from '#libs/http/index'
import { Database } from '#libs/postgres/index'
import { hasFollowedUntil } from '#libs/program/index'
import { startTelemetry } from '#libs/telemetry/index'
import { unlimitedRates } from './unlimited.ts'
import type { Answer, Told } from './world.ts'

@Module({})
class Program {}

export const adminToken = 'an-admin-token-of-these-tests'
export const peppers = generatePeppers()

export interface KeysServiceOptions {
  /** A database on which nothing but instances of this service work. */
  readonly url: string
  readonly clock: () => Date
  readonly times?: WorkerTimes
  readonly peppers?: Peppers
  /** Path of the file that holds the KEK, or is missing; one is made unless told. */
  readonly kek?: string
  /** Whether all gateways are heard of: true unless told. */
  readonly heard?: () => boolean | Promise<boolean>
}

/** An instance of the keys service, over Postgres alone. */
export interface KeysService {
  readonly url: string
  readonly database: Database
  readonly parts: KeysParts
  /** What failed, and nobody waited for. */
  readonly failures: unknown[]
  ask(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Answer>
  /** A new connection, with its tenant. */
  connection(environment?: 'live' | 'sandbox'): Promise<Told>
  /** Tells it, by the event log, that a gateway has let in a request with that key. */
  use(connection: string, kid: string, at: Date, how?: { address?: string; status?: number }): Promise<void>
  /** A new connection whose key is in use. */
  inUse(environment?: 'live' | 'sandbox'): Promise<{ id: string; tenant: string; kid: string }>
  /** The key, once it is in that state. */
  keyInState(kid: string, state: string): Promise<Told>
  /** The key, once its last use is from that address. */
  lastUseFrom(kid: string, address: string): Promise<Told>
  /** What was told of one rotation. */
  eventsOf(rotation: string): Promise<Told[]>
  /** Tables in which the secret of a key stands in clear. */
  tablesThatHold(key: string): Promise<string[]>
  /** Events of a family, in the order of the log. */
  events(family: string): Promise<Told[]>
  metrics(): Promise<string>
  close(): Promise<void>
}

export async function startKeysService(options: KeysServiceOptions): Promise<KeysService> {
  const { url, clock, times, heard = () => true } = options
  const failures: unknown[] = []
  const failed = (reason: unknown): void => void failures.push(reason)
  const database = new Database({ url, applicationName: 'keys test', connections: 8 })
  await migrateKeys(database)
  const entities = await openKeysEntities(url, 10_000, failed)
  const log = await openPostgresEventLog({
    url,
    retention: 30 * 86_400_000,
    clock: () => new Date(),
    onFailure: failed,
  })
  const decisions = new AppendQueue({ log, database, capacity: 1_000, onFailure: failed })
  const telemetry = await startTelemetry({ service: 'keys test' })
  const observe = { stalled: failed, buried: failed }
  const strategy = new EventLogServer({ log, group: 'keys', transportId: KEYS, database, schema: keysSchema, observe })
  const kek = options.kek ?? newKek()
  const keyring = new Keyring({ kind: 'file', path: kek }, [], {})
  const held = options.peppers ?? peppers
  const parts: KeysParts = {
    database,
    entities,
    log,
    decisions,
    channel: { publish: () => undefined },
    reaches: () => ({ log: true, channel: true }),
    // The clock of a test may be anywhere: all that is in the log now is to be heard of.
    hasHeardUntil: async () => (await heard()) && hasFollowedUntil(strategy, new Date()),
    peppers: held,
    keyring,
    dataKeys: new DataKeys(keyring, { lifetime: 60_000 }),
    admission: keysAdmission({ adminToken, database, log, peppers: held, clock, onFailure: failed }),
    publicUrl: 'http://127.0.0.1:8080',
    clock,
    telemetry,
    onFailure: failed,
  }
  const adapter = createHttpAdapter({ bodyLimit: 65_536, requestTimeoutMs: 10_000 })
  const program = {
    module: Program,
    imports: [
      KeysModule.with(parts, times),
      AdminCalls.with({ ...parts, source: 'keys', operations: keysOperations, unproved: unlimitedRates.unproved }),
    ],
  }
  const app = await NestFactory.create(program, adapter, { bodyParser: false, logger: false })
  app.useGlobalFilters(new ProblemFilter({ logger: { error: failed }, methodsAt: (path) => adapter.methodsAt(path) }))
  app.connectMicroservice({ strategy }, { inheritAppConfig: false })
  await app.startAllMicroservices()
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })

  const ask: KeysService['ask'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${listening.url}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        'user-agent': 'keys-test/1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const content = await answer.text()
    return { status: answer.status, headers: answer.headers, body: content === '' ? undefined : JSON.parse(content) }
  }
  const connection: KeysService['connection'] = async (environment = 'live') => {
    const name = `Okta ${crypto.randomUUID()}`
    const { body: tenant } = await ask('POST', '/tenants', { name })
    return (await ask('POST', `/tenants/${tenant.id}/connections`, { name, environment })).body
  }
  const use: KeysService['use'] = async (of, kid, at, { address = '192.0.2.7', status = 200 } = {}) => {
    const event = decided(of, kid, at, address, status)
    await database.transaction(async (transaction) => log.append(transaction, [event]))
  }
  const keyInState: KeysService['keyInState'] = (kid, state) =>
    until(
      async () => (await ask('GET', `/keys/${kid}`)).body,
      (key) => key.state === state,
    )
  const lastUseFrom: KeysService['lastUseFrom'] = (kid, address) =>
    until(
      async () => (await ask('GET', `/keys/${kid}`)).body,
      (key) => key.lastUsed?.address === address,
    )
  const events: KeysService['events'] = async (family) => {
    await decisions.drained()
    const rows = await database.query<Told>(
      `SELECT name, subject, version, payload FROM event_log.event WHERE name LIKE $1 ORDER BY position`,
      [`${family}.%`],
    )
    return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) as unknown }))
  }
  return {
    url: listening.url,
    database,
    parts,
    failures,
    ask,
    connection,
    use,
    keyInState,
    lastUseFrom,
    events,
    async inUse(environment) {
      const { id, tenant } = await connection(environment)
      const { kid } = (await ask('POST', `/connections/${id}/keys`)).body
      await use(id, kid, clock())
      await keyInState(kid, 'active')
      return { id, tenant, kid }
    },
    eventsOf: async (rotation) => (await events('rotation')).filter(({ subject }) => subject === rotation),
    async tablesThatHold(key) {
      const found: string[] = []
      for (const table of ['event_log.event', 'keys.provisioning_key', 'keys.rotation', 'keys.answered']) {
        const rows = await database.query(`SELECT 1 FROM ${table} AS t WHERE strpos(t::text, $1) > 0`, [
          key.split('_')[3] ?? key,
        ])
        if (rows.length > 0) found.push(table)
      }
      return found
    },
    metrics: () => telemetry.renderMetrics(),
    async close() {
      await listening.close()
      await decisions.drained()
      await log.close()
      await Promise.all([entities.close(), telemetry.shutdown()])
      await database.close()
    },
  }
}

/** Path of a file that holds a new KEK. */
export function newKek(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'latchkey-keys-')), 'kek')
  makeLocalKek(path)
  return path
}

/** Reads again and again until what is read is as wanted, for ten seconds at the most. */
export async function until<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 10_000
  for (;;) {
    const value = await read()
    if (wanted(value)) return value
    if (Date.now() > end) throw new Error(`it did not come about within 10 seconds: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

function decided(connection: string, kid: string, at: Date, address: string, status: number) {
  const subject = crypto.randomUUID()
  const origin = { source: 'gateway', subject, owner: connection, version: 1, time: new Date() } as const
  return makeEvent('request.decided', origin, {
    requestId: subject,
    surface: 'scim',
    tenant: null,
    connection,
    environment: null,
    identityProvider: null,
    kid,
    method: 'GET',
    path: `/scim/v2/${connection}/Users`,
    operation: 'users.list',
    address,
    userAgent: 'Okta SCIM Client 1.0.0',
    steps: [
      { step: 'key', decision: status === 401 || status === 403 ? 'refused' : 'passed', microseconds: 1 },
      { step: 'signature', decision: 'skipped', microseconds: 1 },
    ],
    outcome: status < 400 ? 'accepted' : 'refused',
    status,
    code: null,
    detail: null,
    subject: null,
    changed: [],
    events: [],
    deviations: [],
    receivedAt: at.toISOString(),
    microseconds: 1,
    traceId: 'a'.repeat(32),
  })
}
