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
import { AdminCalls, TokenLookUps } from '#libs/admin/index'
import { generatePeppers, mintAdminToken, type Peppers } from '#libs/credentials/index'
import { DataKeys, Keyring, makeLocalKek } from '#libs/sealing/index'
import { AppendQueue } from '#libs/eventlog/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import { makeEvent, type Payload } from '#libs/events/index'
import { createHttpAdapter, listen, ProblemFilter } from '#libs/http/index'
import { Database } from '#libs/postgres/index'
import { hasFollowedUntil, longestWait } from '#libs/program/index'
import { startTelemetry } from '#libs/telemetry/index'
import { unlimitedRates } from './unlimited.ts'
import type { Answer, Told } from './world.ts'

@Module({})
class Program {}

/** That of the data folder. */
export const adminToken = mintAdminToken().text
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
  /** Told of what goes over the channel: nobody is unless told. */
  readonly channel?: KeysParts['channel']
  /** Whether others are reached by log and channel: by both unless told. */
  readonly reaches?: KeysParts['reaches']
  /** Whether records of reads and refusals are taken, as far as there is room: always unless told. */
  readonly takesRecords?: () => boolean
  /** Calls without an accepted token within ten seconds that are answered as they are: any number unless told. */
  readonly unproved?: number
}

/** An instance of the keys service, over Postgres alone. */
export interface KeysService {
  readonly url: string
  readonly database: Database
  readonly parts: KeysParts
  /** What failed, and nobody waited for. */
  readonly failures: unknown[]
  /** Asks the admin API. A text is sent as it is, any other body as JSON; a header that is null is left out. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string | null>): Promise<Answer>
  /** The id of a new tenant. */
  tenant(): Promise<string>
  /** A new connection, of a new tenant unless one is named. */
  connection(environment?: 'live' | 'sandbox', tenant?: string): Promise<Told>
  /** Tells it, by the event log, what a gateway has decided: that `users.list` was accepted without a key, but for what is given. */
  decide(connection: string, given: Partial<Payload<'request.decided'>>): Promise<void>
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
  /** Events that the condition selects, in the order of the log. */
  eventsWhere(condition: string, values?: unknown[]): Promise<Told[]>
  metrics(): Promise<string>
  close(): Promise<void>
}

export async function startKeysService(options: KeysServiceOptions): Promise<KeysService> {
  const {
    url,
    clock,
    times,
    heard = () => true,
    takesRecords = () => true,
    unproved = unlimitedRates.unproved,
  } = options
  const failures: unknown[] = []
  const failed = (reason: unknown): void => void failures.push(reason)
  const database = new Database({ url, applicationName: 'keys test', connections: 8 })
  // As instances do that start together.
  await Promise.all([migrateKeys(database), migrateKeys(database)])
  const entities = await openKeysEntities(url, 10_000, failed)
  const log = await openPostgresEventLog({
    url,
    retention: 30 * 86_400_000,
    clock: () => new Date(),
    onFailure: failed,
  })
  class Decisions extends AppendQueue {
    override offer(event: Parameters<AppendQueue['offer']>[0]): boolean {
      return takesRecords() && super.offer(event)
    }
  }
  const decisions = new Decisions({ log, database, capacity: 1_000, onFailure: failed })
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
    channel: options.channel ?? { publish: () => undefined },
    reaches: options.reaches ?? (() => ({ log: true, channel: true })),
    // The clock of a test may be anywhere: all that is in the log now is to be heard of.
    hasHeardUntil: async () => (await heard()) && hasFollowedUntil(strategy, new Date()),
    longestWait,
    peppers: held,
    keyring,
    dataKeys: new DataKeys(keyring, { lifetime: 60_000 }),
    admission: keysAdmission({
      adminToken,
      database,
      lookUps: new TokenLookUps(unlimitedRates),
      log,
      peppers: held,
      clock,
      onFailure: failed,
    }),
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
      AdminCalls.with({ ...parts, source: 'keys', operations: keysOperations, unproved }),
    ],
  }
  const app = await NestFactory.create(program, adapter, { bodyParser: false, logger: false })
  app.useGlobalFilters(new ProblemFilter({ logger: { error: failed }, methodsAt: (path) => adapter.methodsAt(path) }))
  app.connectMicroservice({ strategy }, { inheritAppConfig: false })
  await app.startAllMicroservices()
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })

  const ask: KeysService['ask'] = async (method, path, body, headers = {}) => {
    const sent = {
      authorization: `Bearer ${adminToken}`,
      'user-agent': 'keys-test/1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    }
    const answer = await fetch(`${listening.url}/admin/v1${path}`, {
      method,
      headers: Object.entries(sent).filter((header): header is [string, string] => header[1] !== null),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const content = await answer.text()
    return { status: answer.status, headers: answer.headers, body: content === '' ? undefined : JSON.parse(content) }
  }
  const tenant: KeysService['tenant'] = async () =>
    (await ask('POST', '/tenants', { name: `Tenant ${crypto.randomUUID()}` })).body.id
  const connection: KeysService['connection'] = async (environment = 'live', of) => {
    const owner = of ?? (await tenant())
    const name = `Okta ${crypto.randomUUID()}`
    return (await ask('POST', `/tenants/${owner}/connections`, { name, environment })).body
  }
  const decide: KeysService['decide'] = async (of, given) => {
    const event = decided(of, { receivedAt: clock().toISOString(), ...given })
    await database.transaction(async (transaction) => log.append(transaction, [event]))
  }
  const use: KeysService['use'] = (of, kid, at, { address = '192.0.2.7', status = 200 } = {}) =>
    decide(of, {
      kid,
      address,
      steps: [
        { step: 'key', decision: status === 401 || status === 403 ? 'refused' : 'passed', microseconds: 1 },
        { step: 'signature', decision: 'skipped', microseconds: 1 },
      ],
      outcome: status < 400 ? 'accepted' : 'refused',
      status,
      receivedAt: at.toISOString(),
    })
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
  const eventsWhere: KeysService['eventsWhere'] = async (condition, values) => {
    await decisions.drained()
    const rows = await database.query<Told>(
      `SELECT id, name, subject, key, version, payload FROM event_log.event WHERE ${condition} ORDER BY position`,
      values,
    )
    return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) as unknown }))
  }
  const events: KeysService['events'] = (family) => eventsWhere('name LIKE $1', [`${family}.%`])
  return {
    url: listening.url,
    database,
    parts,
    failures,
    ask,
    tenant,
    connection,
    decide,
    use,
    keyInState,
    lastUseFrom,
    events,
    eventsWhere,
    async inUse(environment) {
      const { id, tenant: owner } = await connection(environment)
      const { kid } = (await ask('POST', `/connections/${id}/keys`)).body
      await use(id, kid, clock())
      await keyInState(kid, 'active')
      return { id, tenant: owner, kid }
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
  const folder = process.env['TEST_FOLDER']
  if (folder === undefined) throw new Error('this run has no folder: only projects that need servers are given one')
  const path = join(folder, `kek-${crypto.randomUUID()}`)
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
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
}

function decided(connection: string, given: Partial<Payload<'request.decided'>> & { receivedAt: string }) {
  const subject = crypto.randomUUID()
  const origin = { source: 'gateway', subject, owner: connection, version: 1, time: new Date() } as const
  return makeEvent('request.decided', origin, {
    requestId: subject,
    surface: 'scim',
    tenant: null,
    connection,
    environment: null,
    identityProvider: null,
    kid: null,
    method: 'GET',
    path: `/scim/v2/${connection}/Users`,
    operation: 'users.list',
    address: '192.0.2.7',
    userAgent: 'Okta SCIM Client 1.0.0',
    steps: ['key', 'signature'].map((step) => ({ step, decision: 'passed', microseconds: 1 })),
    outcome: 'accepted',
    status: 200,
    code: null,
    detail: null,
    subject: null,
    changed: [],
    events: [],
    deviations: [],
    microseconds: 1,
    traceId: 'a'.repeat(32),
    ...given,
  })
}
