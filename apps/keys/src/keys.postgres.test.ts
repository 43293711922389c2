import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AdminCalls } from '#libs/admin/index'
import {
  adminTokenFormat,
  generatePeppers,
  keyFormat,
  matches,
  mintAdminToken,
  mintKey,
  readKey,
} from '#libs/credentials/index'
import { AppendQueue } from '#libs/eventlog/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import { type ConnectionSchema, defaultPolicy, defaultSettings, makeEvent, type Payload } from '#libs/events/index'
import { createHttpAdapter, listen, ProblemFilter } from '#libs/http/index'
import { Database, Entities } from '#libs/postgres/index'
import { dataKeyOf, DataKeys, Keyring, makeLocalKek, openUnder, signingPurpose } from '#libs/sealing/index'
import { startTelemetry } from '#libs/telemetry/index'
import { withOtherSecret } from '#test/changed-key'
import { testDatabase } from '#test/servers/postgres'
import { unlimitedRates } from '#test/unlimited'
import {
  ensureQuickstart,
  KEYS,
  keysAdmission,
  keysEntities,
  KeysModule,
  keysOperations,
  type KeysParts,
  keysSchema,
  migrateKeys,
} from './index.ts'

@Module({})
class Program {}

const token = 'an-admin-token-of-these-tests'
const publicUrl = 'http://127.0.0.1:8080'

const formerKek = { kind: 'file', path: join(mkdtempSync(join(tmpdir(), 'latchkey-keys-')), 'kek') } as const
let parts: KeysParts & { decisions: AppendQueue; peppers: ReturnType<typeof generatePeppers> }
let url: string
let now = new Date('2026-03-01T10:00:00.000Z')
const logged: unknown[] = []
/** What the channel was told. */
const told: unknown[] = []
const closing: (() => Promise<unknown>)[] = []
let fullQueue = false
let hasHeard: () => Promise<boolean> = async () => true
let reached = { log: true, channel: true }

beforeAll(async () => {
  const server = await testDatabase()
  closing.unshift(() => server.drop())
  const database = new Database({ url: server.url, applicationName: 'keys test', connections: 8 })
  closing.unshift(() => database.close())
  await Promise.all([migrateKeys(database), migrateKeys(database)])
  const entities = await Entities.open({
    url: server.url,
    schema: keysSchema,
    entities: keysEntities,
    applicationName: 'keys test',
    connections: 8,
  })
  closing.unshift(() => entities.close())
  const failed = (reason: unknown): void => void logged.push(reason)
  const log = await openPostgresEventLog({
    url: server.url,
    retention: 30 * 86_400_000,
    clock: () => new Date(),
    onFailure: failed,
  })
  closing.unshift(() => log.close())
  class Queue extends AppendQueue {
    override offer(event: Parameters<AppendQueue['offer']>[0]): boolean {
      return fullQueue ? false : super.offer(event)
    }
  }
  const decisions = new Queue({ log, database, capacity: 1000, onFailure: failed })
  closing.unshift(() => decisions.drained())
  const telemetry = await startTelemetry({ service: 'keys test' })
  closing.unshift(() => telemetry.shutdown())
  const peppers = generatePeppers()
  makeLocalKek(formerKek.path)
  const keyring = new Keyring(formerKek, [], {})
  parts = {
    database,
    entities,
    log,
    decisions,
    channel: { publish: (message) => void told.push(JSON.parse(message)) },
    reaches: () => reached,
    hasHeardUntil: () => hasHeard(),
    peppers,
    admission: keysAdmission({ adminToken: token, database, log, peppers, clock: () => now, onFailure: failed }),
    keyring,
    dataKeys: new DataKeys(keyring, { lifetime: 60_000 }),
    publicUrl,
    clock: () => now,
    telemetry,
    onFailure: failed,
  }
  const adapter = createHttpAdapter({ bodyLimit: 65_536, requestTimeoutMs: 10_000 })
  const program = {
    module: Program,
    imports: [
      KeysModule.with(parts),
      AdminCalls.with({ ...parts, source: 'keys', operations: keysOperations, unproved: unlimitedRates.unproved }),
    ],
  }
  const app = await NestFactory.create(program, adapter, { bodyParser: false, logger: false })
  app.useGlobalFilters(
    new ProblemFilter({
      logger: { error: (fields) => void logged.push(fields) },
      methodsAt: (path) => adapter.methodsAt(path),
    }),
  )
  app.connectMicroservice(
    {
      strategy: new EventLogServer({
        log,
        group: 'keys',
        transportId: KEYS,
        database,
        schema: keysSchema,
        observe: { stalled: failed, buried: failed },
      }),
    },
    { inheritAppConfig: false },
  )
  await app.startAllMicroservices()
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })
  closing.unshift(() => listening.close())
  url = listening.url
})

afterAll(async () => {
  for (const close of closing) await close()
})

interface Answered {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are read field by field
  readonly body: any
}

async function ask(
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string>; authorization?: string | null } = {},
): Promise<Answered> {
  const { body, headers = {}, authorization = `Bearer ${token}` } = options
  const answer = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: {
      'user-agent': 'keys-test/1',
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const content = await answer.text()
  return { status: answer.status, headers: answer.headers, body: content === '' ? undefined : JSON.parse(content) }
}

interface Logged {
  readonly id: string
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly version: number
  // oxlint-disable-next-line typescript/no-explicit-any -- payloads are read field by field
  readonly payload: any
}

async function events(where = 'true', values: unknown[] = []): Promise<Logged[]> {
  await parts.decisions.drained()
  const rows = await parts.database.query<Logged & { payload: string }>(
    `SELECT id, name, subject, key, version, payload FROM event_log.event WHERE ${where} ORDER BY position`,
    values,
  )
  return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) as unknown }))
}

/** The records that appear while `work` runs. */
async function decided(work: () => Promise<unknown>): Promise<Payload<'request.decided'>[]> {
  const before = new Set((await events(`name = 'request.decided'`)).map((event) => event.id))
  await work()
  const after = await events(`name = 'request.decided'`)
  return after.filter((event) => !before.has(event.id)).map((event) => event.payload as Payload<'request.decided'>)
}

async function newTenant(): Promise<string> {
  const { body } = await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` } })
  return body.id
}

async function newConnection(environment = 'sandbox', tenant?: string) {
  const owner = tenant ?? (await newTenant())
  const answer = await ask('POST', `/tenants/${owner}/connections`, {
    body: { name: `Okta ${randomUUID()}`, environment },
  })
  return answer.body
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come about within 10 seconds')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('the channel', () => {
  test('is told of a revocation and of a change of a connection, as the event log is, and of nothing else', async () => {
    const { id } = await newConnection()
    const { body: key } = await ask('POST', `/connections/${id}/keys`)
    told.length = 0
    await ask('POST', `/keys/${key.kid}/revoke`)
    await ask('POST', `/keys/${key.kid}/revoke`)
    await ask('POST', `/connections/${id}/disable`)
    await ask('POST', `/connections/${id}/keys`)
    const logged = await events(
      `name IN ('key.revoked', 'connection.changed') AND payload::jsonb ->> 'connection' = $1`,
      [id],
    )
    expect(logged.map(({ name }) => name)).toEqual(['key.revoked', 'connection.changed'])
    expect(told).toMatchObject(logged)
  })

  test('the caller is warned where nobody hears of it yet: of a revocation without Kafka and channel, of a new key without Kafka', async () => {
    const warned = async (path: string): Promise<boolean> =>
      (await ask('POST', path)).headers.get('latchkey-warning')?.includes('Kafka') ?? false
    const { id } = await newConnection()
    const revoke = async (): Promise<boolean> => {
      const { body } = await ask('POST', `/connections/${id}/keys`)
      return warned(`/keys/${body.kid}/revoke`)
    }
    const warnings: boolean[][] = []
    for (const log of [true, false]) {
      for (const channel of [true, false]) {
        reached = { log, channel }
        warnings.push([await revoke(), await warned(`/connections/${id}/keys`)])
        const { body } = await ask('GET', `/connections/${id}/keys`)
        for (const { kid, state } of body.items) if (state === 'pending') await ask('POST', `/keys/${kid}/revoke`)
      }
    }
    reached = { log: true, channel: true }
    expect(warnings).toEqual([
      [false, false],
      [false, false],
      [false, true],
      [true, true],
    ])
  })

  test('is not told of what was rolled back', async () => {
    const { id, tenant } = await newConnection()
    const { body: taken } = await ask('POST', `/tenants/${tenant}/connections`, { body: { name: 'taken' } })
    told.length = 0
    expect((await ask('PATCH', `/connections/${id}`, { body: { name: taken.name } })).status).toBe(409)
    expect(told).toEqual([])
  })
})

describe('tenants', () => {
  test('have an id made of the name, are listed, read and told of', async () => {
    const made = await ask('POST', '/tenants', { body: { name: ' Müller & Söhne ' } })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: 'muller-sohne', name: 'Müller & Söhne' })
    expect((await ask('GET', '/tenants/muller-sohne')).body).toEqual(made.body)
    expect((await ask('GET', '/tenants?limit=200')).body.items).toContainEqual(made.body)
    expect((await ask('GET', '/tenants?name=M%C3%BCller%20%26%20S%C3%B6hne')).body.items).toEqual([made.body])
    const [created] = await events(`name = 'tenant.created' AND subject = 'muller-sohne'`)
    expect(created?.payload).toEqual({ tenant: 'muller-sohne', name: 'Müller & Söhne' })
  })

  test('a name in use is refused, whatever its case', async () => {
    await ask('POST', '/tenants', { body: { name: 'Globex' } })
    const second = await ask('POST', '/tenants', { body: { name: 'GLOBEX' } })
    expect(second.status).toBe(409)
    expect(second.body.detail).toContain('choose another name')
  })

  test('twenty that ask for one name at once become one tenant', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask('POST', '/tenants', { body: { name: 'Initech' } })),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  })

  test('pages are followed without a gap or a repetition', async () => {
    for (let count = 0; count < 5; count++) await newTenant()
    const seen: string[] = []
    let next: string | undefined
    do {
      const page = await ask('GET', `/tenants?limit=2${next === undefined ? '' : `&after=${next}`}`)
      seen.push(...page.body.items.map((item: { id: string }) => item.id))
      next = page.body.next
    } while (next !== undefined)
    const all = await ask('GET', '/tenants?limit=200')
    expect(seen).toEqual(all.body.items.map((item: { id: string }) => item.id))
  })

  test('one that has connections is not deleted; once they are, it is, and its id is never given again', async () => {
    const tenant = await newTenant()
    const connection = await newConnection('live', tenant)
    const refused = await ask('DELETE', `/tenants/${tenant}`)
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(refused.body.detail).toContain('The tenant has 1 connection,')
    expect((await ask('DELETE', `/connections/${connection.id}`)).status).toBe(204)
    const [record] = await decided(async () => expect((await ask('DELETE', `/tenants/${tenant}`)).status).toBe(204))
    const told = await events('id = ANY($1::uuid[])', [record?.events])
    expect(told.map((event) => [event.name, event.subject, event.version])).toEqual([['tenant.deleted', tenant, 2]])
    expect((await ask('GET', `/tenants/${tenant}`)).status).toBe(404)
    expect((await ask('POST', '/tenants', { body: { name: 'Again', id: tenant } })).status).toBe(409)
    expect(await parts.database.query('SELECT FROM keys.connection WHERE tenant = $1', [tenant])).toEqual([])
  })

  test('of deleting one and making a connection of it at once, one is done', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const tenant = await newTenant()
        const [removed, made] = await Promise.all([
          ask('DELETE', `/tenants/${tenant}`),
          ask('POST', `/tenants/${tenant}/connections`, { body: { name: 'c' } }),
        ])
        return `${removed.status} ${made.status}`
      }),
    )
    for (const outcome of outcomes) expect(['204 404', '409 201']).toContain(outcome)
  })
})

describe('connections', () => {
  test('are sandbox and of an unknown identity provider unless told, and name their SCIM address', async () => {
    const tenant = await newTenant()
    const { status, body } = await ask('POST', `/tenants/${tenant}/connections`, { body: { name: 'Workforce' } })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      tenant,
      environment: 'sandbox',
      identityProvider: 'other',
      state: 'enabled',
      schemas: [],
    })
    expect(body.settings).toEqual(defaultSettings)
    expect(body.scimBaseUrl).toBe(`${publicUrl}/scim/v2/${body.id}`)
    expect(body.id).toMatch(/^[a-z2-9]{16}$/)
    expect((await ask('GET', `/connections/${body.id}`)).body).toEqual(body)
    expect((await ask('GET', `/tenants/${tenant}/connections`)).body).toEqual({ items: [body] })
    const [created] = await events(`name = 'connection.created' AND subject = $1`, [body.id])
    expect(created).toMatchObject({
      key: `${tenant}/${body.id}`,
      version: 1,
      payload: { connection: body.id, name: 'Workforce' },
    })
  })

  test('change by their own versions, and a change that changes nothing is told to nobody', async () => {
    const { id } = await newConnection()
    const changed = await ask('PATCH', `/connections/${id}`, { body: { name: 'Entra', identityProvider: 'entra' } })
    expect(changed).toMatchObject({ status: 200, body: { name: 'Entra', identityProvider: 'entra' } })
    expect((await ask('POST', `/connections/${id}/disable`)).body.state).toBe('disabled')
    expect((await ask('POST', `/connections/${id}/disable`)).body.state).toBe('disabled')
    expect((await ask('PATCH', `/connections/${id}`, { body: { state: 'enabled' } })).body.state).toBe('enabled')
    const told = await events(`subject = $1 AND name LIKE 'connection.%'`, [id])
    expect(told.map((event) => [event.version, event.payload.changed])).toEqual([
      [1, undefined],
      [2, ['name', 'identityProvider']],
      [3, ['state']],
      [4, ['state']],
    ])
  })

  test('have settings, of which a change may name some', async () => {
    const tenant = await newTenant()
    const made = await ask('POST', `/tenants/${tenant}/connections`, {
      body: { name: 'Set', settings: { patchAnswer: 'none' } },
    })
    expect(made).toMatchObject({ status: 201, body: { settings: { ...defaultSettings, patchAnswer: 'none' } } })
    const { id } = made.body
    const settings = { conflicts: 'adopt', adoptBy: ['emails', 'userName'] }
    const changed = await ask('PATCH', `/connections/${id}`, { body: { settings } })
    const whole = { ...defaultSettings, patchAnswer: 'none', ...settings }
    expect(changed).toMatchObject({ status: 200, body: { settings: whole } })
    expect((await ask('GET', `/connections/${id}`)).body).toEqual(changed.body)
    const [created, told] = await events(`subject = $1 AND name LIKE 'connection.%'`, [id])
    expect(created?.payload.settings).toEqual({ ...defaultSettings, patchAnswer: 'none' })
    expect(told?.payload).toMatchObject({ settings: whole, changed: ['settings.conflicts', 'settings.adoptBy'] })
    for (const [wrong, pointer] of [
      [{ adoptBy: [] }, '#/settings/adoptBy'],
      [{ adoptBy: ['emails', 'emails'] }, '#/settings/adoptBy'],
      [{ adopt: true }, '#/settings'],
    ] as const) {
      const refused = await ask('PATCH', `/connections/${id}`, { body: { settings: wrong } })
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
    }
  })

  test('keep their environment', async () => {
    const { id } = await newConnection()
    const { status, body } = await ask('PATCH', `/connections/${id}`, { body: { environment: 'live' } })
    expect(status).toBe(422)
    expect(body.errors).toEqual([{ pointer: '#/environment', detail: expect.stringContaining('never changes') }])
  })

  test('faults are all named with their places', async () => {
    const tenant = await newTenant()
    const { status, headers, body } = await ask('POST', `/tenants/${tenant}/connections`, {
      body: { name: '  ', environment: 'test', identityProvider: 'auth0', settings: { mode: 'fast', speed: 1 } },
    })
    expect(status).toBe(422)
    expect(headers.get('content-type')).toMatch('application/problem+json')
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '#/name',
      '#/environment',
      '#/identityProvider',
      '#/settings/mode',
      '#/settings',
    ])
  })

  test('lists of all are paged by age', async () => {
    const tenant = await newTenant()
    for (let count = 0; count < 3; count++) {
      now = new Date(now.getTime() + 1000)
      await newConnection('sandbox', tenant)
    }
    const first = await ask('GET', `/tenants/${tenant}/connections?limit=2`)
    const second = await ask('GET', `/tenants/${tenant}/connections?limit=2&after=${first.body.next}`)
    const all = await ask('GET', `/tenants/${tenant}/connections`)
    expect([...first.body.items, ...second.body.items]).toEqual(all.body.items)
    expect(second.body.next).toBeUndefined()
    expect((await ask('GET', '/connections?after=bm9uc2Vuc2U')).status).toBe(422)
    const madeUp = Buffer.from('["not a time","x"]').toString('base64url')
    expect((await ask('GET', `/connections?after=${madeUp}`)).status).toBe(422)
  })
})

describe('deleting a connection', () => {
  const rotated = async (of: { id: string }): Promise<string[]> => {
    const first = (await ask('POST', `/connections/${of.id}/keys`)).body.kid
    const second = (await ask('POST', `/connections/${of.id}/keys`)).body.kid
    return [first, second]
  }

  test('revokes each of its keys that is accepted, in the same transaction, and leaves nothing of it but in lists of deleted ones', async () => {
    const connection = await newConnection('live')
    const { id, tenant } = connection
    const ended = (await ask('POST', `/connections/${id}/keys`)).body.kid
    await ask('POST', `/keys/${ended}/revoke`)
    const kids = await rotated(connection)
    await ask('PUT', `/connections/${id}/rotation-policy`, { body: { everyDays: 90 } })
    const [record] = await decided(async () => expect((await ask('DELETE', `/connections/${id}`)).status).toBe(204))
    expect(record).toMatchObject({ operation: 'connections.delete', connection: id, tenant, changed: ['state'] })
    const told = await events('id = ANY($1::uuid[])', [record?.events])
    expect(told.map((event) => [event.name, event.subject])).toEqual([
      ...kids.sort().map((kid) => ['key.revoked', kid]),
      ['connection.deleted', id],
    ])
    expect(told.at(-1)).toMatchObject({ version: 2, payload: { tenant, connection: id } })
    for (const path of [
      `/connections/${id}`,
      `/connections/${id}/keys`,
      `/connections/${id}/rotation-policy`,
      `/keys/${kids[0]}`,
    ])
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404])
    for (const [method, path] of [
      ['POST', '/keys'],
      ['POST', '/disable'],
      ['PATCH', ''],
      ['DELETE', ''],
    ] as const)
      expect([path, (await ask(method, `/connections/${id}${path}`, { body: {} })).status]).toEqual([path, 404])
    for (const table of ['provisioning_key', 'rotation_plan', 'next_look'])
      expect(await parts.database.query(`SELECT FROM keys.${table} WHERE connection = $1`, [id])).toEqual([])
    expect((await ask('GET', `/tenants/${tenant}/connections`)).body.items).toEqual([])
    const { items } = (await ask('GET', `/tenants/${tenant}/connections?deleted=true`)).body
    expect(items).toEqual([{ ...connection, deletedAt: now.toISOString() }])
    expect((await ask('GET', '/connections?deleted=perhaps')).status).toBe(422)
  })

  test('by its name does the same, and frees the name for another', async () => {
    const tenant = await newTenant()
    const path = `/tenants/${tenant}/connections/by-name/Workforce`
    const first = (await ask('PUT', path, { body: {} })).body
    const { headers } = await ask('GET', path)
    await ask('PATCH', `/connections/${first.id}`, { body: { identityProvider: 'okta' } })
    const late = await ask('DELETE', path, { headers: { 'if-match': headers.get('etag') ?? '' } })
    expect(late).toMatchObject({ status: 412, body: { code: 'preconditionFailed' } })
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await ask('DELETE', path)).status).toBe(404)
    const again = await ask('PUT', path, { body: {} })
    expect([again.status, again.body.id === first.id]).toEqual([201, false])
    expect((await ask('GET', `/connections/${first.id}`)).status).toBe(404)
    expect((await ask('DELETE', path)).status).toBe(204)
    const { items } = (await ask('GET', `/tenants/${tenant}/connections?deleted=true`)).body
    expect(items.map(({ id }: { id: string }) => id).sort()).toEqual([first.id, again.body.id].sort())
  })

  test('is told once, whoever asks for it at once, and answered again under its Idempotency-Key alone', async () => {
    const { id } = await newConnection()
    const headers = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask('DELETE', `/connections/${id}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404])
    expect(await events(`name = 'connection.deleted' AND subject = $1`, [id])).toHaveLength(1)
    const other = await newConnection()
    for (const status of [204, 204]) {
      expect((await ask('DELETE', `/connections/${other.id}`, { headers })).status).toBe(status)
    }
    expect((await ask('DELETE', `/connections/${other.id}`)).status).toBe(404)
  })

  test('and minting keys of it at once leaves no key that is accepted', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await newConnection()
      const [removed] = await Promise.all([
        ask('DELETE', `/connections/${id}`),
        ask('POST', `/connections/${id}/keys`),
        ask('POST', `/connections/${id}/keys`),
      ])
      expect(removed.status).toBe(204)
      const told = await events(`payload::jsonb ->> 'connection' = $1 AND name LIKE 'key.%'`, [id])
      const of = (name: string) => told.filter((event) => event.name === name).map(({ subject }) => subject)
      expect(of('key.revoked').sort()).toEqual(of('key.minted').sort())
    }
  })
})

describe('keys', () => {
  test('a live key is answered once and never again, and its event proves it', async () => {
    const { id, tenant } = await newConnection('live')
    const minted = await ask('POST', `/connections/${id}/keys`)
    expect(minted.status).toBe(201)
    expect(minted.headers.get('cache-control')).toBe('no-store')
    expect(minted.body).toMatchObject({
      connection: id,
      tenant,
      environment: 'live',
      state: 'pending',
      keyShown: 'once',
    })
    expect(minted.body.scimBaseUrl).toBe(`${publicUrl}/scim/v2/${id}`)
    const read = readKey(minted.body.key)
    if (read.kind === 'fault') throw new Error(read.fault)
    expect(read).toMatchObject({ kid: minted.body.kid, environment: 'live' })
    const [event] = await events(`name = 'key.minted' AND subject = $1`, [read.kid])
    expect(event).toMatchObject({ key: `${id}/${read.kid}`, version: 1 })
    const stored = { ...event?.payload, digest: Buffer.from(event?.payload.digest, 'base64url') }
    expect(matches(parts.peppers, stored, read.secret)).toBe(true)
    const listed = await ask('GET', `/connections/${id}/keys`)
    expect(listed.body.items).toHaveLength(1)
    expect(listed.body.items[0]).not.toHaveProperty('key')
  })

  test('a sandbox key is shown again until it is revoked', async () => {
    const { id } = await newConnection()
    const { body } = await ask('POST', `/connections/${id}/keys`)
    expect(body.key).toMatch(/^lk_test_/)
    expect((await ask('GET', `/connections/${id}/keys`)).body.items).toEqual([body])
    await ask('POST', `/keys/${body.kid}/revoke`)
    const [listed] = (await ask('GET', `/connections/${id}/keys`)).body.items
    expect(listed.state).toBe('revoked')
    expect(listed).not.toHaveProperty('key')
  })

  test('no more than two are accepted at a time, however many ask at once', async () => {
    const { id } = await newConnection()
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('POST', `/connections/${id}/keys`)))
    const statuses = answers.map((answer) => answer.status).sort()
    expect(statuses).toEqual([201, 201, 409, 409, 409, 409, 409, 409])
    const refused = answers.find((answer) => answer.status === 409)
    expect(refused?.body.detail).toContain('Revoke')
    const kid = answers.find((answer) => answer.status === 201)?.body.kid
    expect((await ask('POST', `/keys/${kid}/revoke`)).status).toBe(200)
    expect((await ask('POST', `/connections/${id}/keys`)).status).toBe(201)
  })

  test('revoking is told once, also when it is asked for twice at once', async () => {
    const { id } = await newConnection()
    const { body } = await ask('POST', `/connections/${id}/keys`)
    const answers = await Promise.all([1, 2, 3].map(() => ask('POST', `/keys/${body.kid}/revoke`)))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: { kid: body.kid, state: 'revoked' } })
    }
    const told = await events(`name = 'key.revoked' AND subject = $1`, [body.kid])
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ version: 2, payload: { connection: id, kid: body.kid } })
  })

  test('no secret reaches the event log, the store in clear, or what is logged', async () => {
    const { id } = await newConnection('live')
    const { body } = await ask('POST', `/connections/${id}/keys`, { headers: { 'idempotency-key': randomUUID() } })
    await ask('GET', `/connections/${body.key}`)
    await ask('POST', `/keys/${body.key}/revoke`, { headers: { 'user-agent': body.key } })
    await ask('GET', '/tenants', { authorization: `Bearer ${body.key}` })
    const read = readKey(body.key)
    if (read.kind === 'fault') throw new Error(read.fault)
    await events()
    for (const table of [
      'event_log.event',
      'keys.answered',
      'keys.provisioning_key',
      'keys.key_use',
      'keys.connection',
    ]) {
      const held = await parts.database.query(`SELECT FROM ${table} AS row WHERE strpos(row::text, $1) > 0`, [
        read.secret,
      ])
      expect(held).toEqual([])
    }
    expect(JSON.stringify(logged)).not.toContain(read.secret)
  })
})

describe('a report of leaked keys', () => {
  async function report(body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const answer = await fetch(`${url}/leaks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'keys-test/1', ...headers },
      body: JSON.stringify(body),
    })
    return { status: answer.status, headers: answer.headers, body: await answer.json() }
  }
  const minted = async (): Promise<{ kid: string; key: string }> => {
    const { id } = await newConnection('live')
    return (await ask('POST', `/connections/${id}/keys`)).body
  }

  test('revokes each key that proves itself, once, by whoever holds it, and tells nothing of any other', async () => {
    const [one, two] = [await minted(), await minted()]
    const forged = mintKey('live')
    const halfRight = `${one.key.slice(0, 20)}_${forged.secret}`
    const relabelled = `${halfRight}_${'0'.repeat(6)}`
    expect(await report({ keys: [one.key, ` ${two.key}\n`, forged.text, relabelled, 'nonsense'] })).toMatchObject({
      status: 200,
      body: {
        results: [
          { kid: one.kid, outcome: 'revoked' },
          { kid: two.kid, outcome: 'revoked' },
          ...Array.from({ length: 3 }, () => ({ kid: null, outcome: 'not a key of this installation' })),
        ],
      },
    })
    expect((await report([{ token: one.key, type: 'latchkey', url: 'https://example.com/x' }])).body.results).toEqual([
      { kid: one.kid, outcome: 'revoked before' },
    ])
    for (const { kid } of [one, two]) {
      expect(await events(`name = 'key.revoked' AND subject = $1`, [kid])).toHaveLength(1)
    }
  })

  test('revokes an admin token that proves itself, and it is refused from then on', async () => {
    const made = await ask('POST', '/tokens', { body: { name: 'Leaked', scopes: ['tenants:read'] } })
    const { id, token } = made.body
    const use = () => fetch(`${url}/admin/v1/tenants`, { headers: { authorization: `Bearer ${token}` } })
    expect((await use()).status).toBe(200)
    const { key, kid } = await minted()
    const none = { kid: null, outcome: 'not a key of this installation' }
    expect((await report({ keys: [mintAdminToken().text, withOtherSecret(token)] })).body.results).toEqual([none, none])
    expect((await report({ keys: [token, key] })).body.results).toEqual([
      { kid: null, token: id, outcome: 'revoked' },
      { kid, outcome: 'revoked' },
    ])
    expect((await use()).status).toBe(401)
    expect((await report({ keys: [token] })).body.results).toEqual([
      { kid: null, token: id, outcome: 'revoked before' },
    ])
    expect(await events(`name = 'admin-token.revoked' AND subject = $1`, [id])).toHaveLength(1)
  })

  test('by the id of a key with another secret revokes nothing', async () => {
    const { kid, key } = await minted()
    expect((await report({ keys: [withOtherSecret(key)] })).body.results).toEqual([
      { kid: null, outcome: 'not a key of this installation' },
    ])
    expect(await events(`name = 'key.revoked' AND subject = $1`, [kid])).toEqual([])
  })

  test('is recorded, and no record, answer or log repeats a key', async () => {
    const { kid, key } = await minted()
    const { body } = await report({ keys: [key] })
    const [record] = await events(
      `name = 'request.decided' AND payload LIKE '%keys.report-leak%' AND payload LIKE '%' || $1 || '%'`,
      [kid],
    )
    expect(record?.payload).toMatchObject({
      outcome: 'accepted',
      subject: { kind: 'key', id: kid },
      changed: ['state'],
    })
    expect(JSON.stringify([record, body, logged])).not.toContain(key.split('_')[3])
  })

  test.each([{}, { keys: [] }, [], { keys: Array.from({ length: 101 }, () => 'x') }, { keys: [7] }])(
    'that is none is refused: %#',
    async (body) => {
      expect(await report(body)).toMatchObject({ status: 422 })
    },
  )

  test('the published pattern finds a key and no more', async () => {
    const answer = await fetch(`${url}/.well-known/latchkey-key-format`)
    const format: unknown = await answer.json()
    expect(format).toMatchObject({
      pattern: keyFormat.source,
      others: [{ pattern: adminTokenFormat.source }],
      report: '/leaks',
    })
    const { text } = mintKey('live')
    expect(`token="${text}";`.match(keyFormat)?.[0]).toBe(text)
    expect(`x${text}`.match(keyFormat)).toBeNull()
  })

  test('that proves no key waits in the queue of records like a read; one that proves a key is recorded with what it did', async () => {
    const { key } = await minted()
    fullQueue = true
    expect(await report({ keys: [mintKey('live').text, 'nonsense'] })).toMatchObject({ status: 503 })
    expect(await report({ keys: [key] })).toMatchObject({ status: 200, body: { results: [{ outcome: 'revoked' }] } })
    fullQueue = false
  })

  test('fills none of the Idempotency-Keys of operators', async () => {
    const [{ key }, again] = [await minted(), { 'idempotency-key': randomUUID() }]
    expect((await report({ keys: [key] }, again)).body.results).toMatchObject([{ outcome: 'revoked' }])
    expect((await report({ keys: [key] }, again)).body.results).toMatchObject([{ outcome: 'revoked before' }])
    expect((await report({ keys: ['nonsense'] }, again)).status).toBe(200)
    const made = await ask('POST', '/tokens', {
      body: { name: 'After a report', scopes: ['keys:read'] },
      headers: again,
    })
    expect(made.status).toBe(201)
  })

  test('is refused when too many came from one network, with when to send it again', async () => {
    const statuses = new Set<number>()
    let last = await report({})
    for (let sent = 0; sent < 60; sent++) statuses.add((last = await report({})).status)
    expect([...statuses]).toEqual([422, 429])
    expect(last.body).toMatchObject({ code: 'tooManyRequests' })
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

test('a connection is named neither . nor .., by POST, PATCH or PUT', async () => {
  const { id, tenant } = await newConnection('live')
  for (const name of ['.', '..', ' .. ']) {
    const answers = [
      await ask('POST', `/tenants/${tenant}/connections`, { body: { name } }),
      await ask('PATCH', `/connections/${id}`, { body: { name } }),
    ]
    for (const { status, body } of answers) {
      expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer: '#/name' })]])
    }
  }
  expect((await ask('PATCH', `/connections/${id}`, { body: { name: '...' } })).status).toBe(200)
  const target = { host: new URL(url).hostname, port: new URL(url).port, method: 'PUT' }
  const path = `/admin/v1/tenants/${tenant}/connections/by-name/%2e%2e`
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 2 }
  const [answer] = await once(httpRequest({ ...target, path, headers }).end('{}'), 'response')
  expect(answer.resume().statusCode).toBe(422)
})

test('a list refuses a parameter that it does not know, and names those that it knows', async () => {
  const answer = await ask('GET', '/connections?tenant=globex')
  expect([answer.status, answer.body.code]).toEqual([400, 'badRequest'])
  expect(answer.body.detail).toContain('"tenant". Known are limit, after, deleted.')
  expect((await ask('GET', '/tenants?name=x&limit=1')).status).toBe(200)
  const { id } = await newConnection('live')
  expect((await ask('GET', `/connections/${id}?fields=name`)).body.detail).toContain('There are none at this address')
})

describe('the record of a call', () => {
  test('of a write stands in its own transaction and names its events', async () => {
    const { id, tenant } = await newConnection('live')
    let kid = ''
    const records = await decided(async () => {
      kid = (await ask('POST', `/connections/${id}/keys?x=1`)).body.kid
    })
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({
      surface: 'admin',
      operation: 'keys.mint',
      method: 'POST',
      path: `/admin/v1/connections/${id}/keys`,
      tenant,
      connection: id,
      environment: 'live',
      identityProvider: 'other',
      kid: null,
      address: '127.0.0.1',
      userAgent: 'keys-test/1',
      outcome: 'accepted',
      status: 201,
      subject: { kind: 'key', id: kid },
    })
    const rows = await parts.database.query<{ xid: string; name: string }>(
      `SELECT xid::text, name FROM event_log.event WHERE id = ANY($1::uuid[]) OR subject = $2`,
      [records[0]?.events, records[0]?.requestId],
    )
    expect(rows.map((row) => row.name).sort()).toEqual(['key.minted', 'request.decided'])
    expect(new Set(rows.map((row) => row.xid)).size).toBe(1)
  })

  test.each<[string, number, string | null, () => Promise<Answered>]>([
    ['a read', 200, 'tenants.list', () => ask('GET', '/tenants')],
    ['a missing token', 401, 'tenants.list', () => ask('GET', '/tenants', { authorization: null })],
    [
      'a wrong token',
      401,
      'tenants.create',
      () => ask('POST', '/tenants', { authorization: 'Bearer no', body: { name: 'X' } }),
    ],
    ['a broken rule', 422, 'tenants.create', () => ask('POST', '/tenants', { body: { nom: 'X' } })],
    ['broken JSON', 400, 'tenants.create', () => ask('POST', '/tenants', { body: '{"name":' })],
    ['a body too large', 413, 'tenants.create', () => ask('POST', '/tenants', { body: { name: 'x'.repeat(70_000) } })],
    ['something that is not there', 404, 'connections.read', () => ask('GET', '/connections/abcdefghijkmnpqr')],
    ['an unknown address', 404, null, () => ask('GET', '/nothing')],
    ['a wrong method', 405, null, () => ask('PUT', '/tenants', { body: {} })],
    [
      'a wrong content type',
      415,
      'tenants.create',
      () => ask('POST', '/tenants', { body: 'name=X', headers: { 'content-type': 'text/plain' } }),
    ],
    [
      'an unusable Idempotency-Key',
      400,
      'tenants.create',
      () => ask('POST', '/tenants', { body: { name: 'X' }, headers: { 'idempotency-key': 'a b' } }),
    ],
  ])('is left exactly once of %s', async (_, status, operation, call) => {
    let answer: Answered | undefined
    const records = await decided(async () => {
      answer = await call()
    })
    expect(answer?.status).toBe(status)
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ status, operation, outcome: status < 400 ? 'accepted' : 'refused', events: [] })
    expect(records[0]?.detail).toBe(status < 400 ? null : answer?.body.detail)
  })

  const steps = async (call: () => Promise<unknown>): Promise<unknown[]> =>
    (await decided(call)).flatMap(({ steps: all }) => all.map(({ step, decision }) => `${step} ${decision}`))

  test('says that the admin token was passed of those alone that were asked for it', async () => {
    expect(await steps(() => ask('GET', '/tenants'))).toEqual(['admin-token passed', 'request passed'])
    expect(await steps(() => ask('POST', '/tenants', { body: { nom: 'X' } }))).toEqual([
      'admin-token passed',
      'request refused',
    ])
    expect(await steps(() => ask('GET', '/tenants', { authorization: 'Bearer no' }))).toEqual(['admin-token refused'])
    const unasked: (() => Promise<unknown>)[] = [
      () => ask('GET', '/nothing', { authorization: 'Bearer no' }),
      () => ask('PUT', '/tenants', { authorization: 'Bearer no', body: {} }),
      () => ask('POST', '/tenants', { authorization: 'Bearer no', body: '{"name":' }),
      () => ask('POST', '/tenants', { authorization: null, body: { name: 'x'.repeat(70_000) } }),
    ]
    for (const call of unasked) expect(await steps(call)).toEqual(['request refused'])
  })

  test('that cannot be kept turns the answer into 503, and a write needs no room in the queue', async () => {
    fullQueue = true
    try {
      const { status, headers, body } = await ask('GET', '/tenants')
      expect(status).toBe(503)
      expect(headers.get('retry-after')).toBe('1')
      expect(body).not.toHaveProperty('items')
      expect((await ask('GET', '/tenants', { authorization: null })).status).toBe(503)
      expect((await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` } })).status).toBe(201)
    } finally {
      fullQueue = false
    }
  })

  test('goes on with the trace that the request came with', async () => {
    const traceId = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
    const [record] = await decided(() =>
      ask('GET', '/tenants', { headers: { traceparent: `00-${traceId}-bbbbbbbbbbbbbbbb-01` } }),
    )
    expect(record?.traceId).toBe(traceId)
  })
})

describe('schemas of a connection', () => {
  const urn = 'urn:acme:params:scim:schemas:extension:costs:2.0:User'
  const center = { name: 'center', type: 'string' }
  const document = (attributes: object[] = [center], id = urn) => ({ id, name: 'Costs', attributes })
  const path = (connection: string, id?: string) =>
    `/connections/${connection}/schemas${id === undefined ? '' : `/${encodeURIComponent(id)}`}`

  async function used(connection: { id: string; tenant: string }, changed: string[], more: object = {}): Promise<void> {
    const id = `r-${connection.id}`
    const origin = { source: 'gateway', subject: id, owner: connection.id, version: 1, time: now } as const
    const event = makeEvent('request.decided', origin, { ...requestOf(connection, changed), ...more })
    await parts.database.transaction(async (transaction) => parts.log.append(transaction, [event]))
  }

  function requestOf({ id, tenant }: { id: string; tenant: string }, changed: string[]): Payload<'request.decided'> {
    return {
      requestId: 'r',
      surface: 'scim',
      tenant,
      connection: id,
      environment: 'sandbox',
      identityProvider: 'other',
      kid: null,
      method: 'POST',
      path: '/scim/v2',
      operation: 'users.create',
      address: '127.0.0.1',
      userAgent: null,
      steps: [],
      outcome: 'accepted',
      status: 201,
      code: null,
      detail: null,
      subject: null,
      changed,
      events: [],
      deviations: [],
      receivedAt: now.toISOString(),
      microseconds: 1,
      traceId: '0'.repeat(32),
    }
  }

  const isUsed = async (connection: string): Promise<boolean> => {
    const { body } = await ask('GET', path(connection, urn))
    return body.inUse
  }

  test('are added whole, told with every change of the connection, and found by URN in any letter case', async () => {
    const { id } = await newConnection()
    const added = await ask('POST', `${path(id)}?required=true`, { body: document() })
    expect(added).toMatchObject({
      status: 201,
      body: {
        id: urn,
        resourceType: 'User',
        required: true,
        inUse: false,
        document: { id: urn, attributes: [center] },
      },
    })
    const other = await ask('POST', `${path(id)}?resourceType=Group`, { body: document([center], 'urn:acme:teams') })
    expect(other).toMatchObject({ status: 201, body: { resourceType: 'Group', required: false } })
    expect((await ask('GET', path(id))).body).toEqual({ items: [added.body, other.body] })
    expect((await ask('GET', path(id, urn.toUpperCase()))).body).toEqual(added.body)
    expect((await ask('GET', `/connections/${id}`)).body.schemas).toEqual([urn, 'urn:acme:teams'])
    await ask('PATCH', `/connections/${id}`, { body: { name: 'Renamed' } })
    const told = await events(`subject = $1 AND name = 'connection.changed'`, [id])
    expect(
      told.map(({ payload }) => [payload.changed, payload.schemas.map((one: ConnectionSchema) => one.document.id)]),
    ).toEqual([
      [['schemas'], [urn]],
      [['schemas'], [urn, 'urn:acme:teams']],
      [['name'], [urn, 'urn:acme:teams']],
    ])
    const [record] = await events(
      `name = 'request.decided' AND payload::jsonb ->> 'operation' = 'schemas.create' AND payload::jsonb ->> 'connection' = $1`,
      [id],
    )
    expect(record?.payload).toMatchObject({
      subject: { kind: 'schema', id: urn },
      changed: ['schemas'],
      outcome: 'accepted',
    })
    for (const call of [
      ask('GET', path(id, 'urn:acme:none')),
      ask('GET', path('aaaaaaaaaaaaaaaa')),
      ask('DELETE', path(id, 'urn:acme:none')),
    ]) {
      expect((await call).status).toBe(404)
    }
  })

  test('are refused with every fault and its place', async () => {
    const { id } = await newConnection()
    const { status, body } = await ask('POST', path(id), {
      body: { id: 'costs', attributes: [{ name: 'a b' }, { name: 'c', uniqueness: 'server' }] },
    })
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([
      { pointer: '#/id', detail: expect.stringContaining('urn:example') },
      { pointer: '#/attributes/0/name' },
      { pointer: '#/attributes/1/uniqueness', detail: expect.stringContaining('userName alone') },
    ])
    for (const query of ['resourceType=Robot', 'required=yes']) {
      expect((await ask('POST', `${path(id)}?${query}`, { body: document() })).status).toBe(422)
    }
    expect((await ask('POST', path(id), { body: document() })).status).toBe(201)
    expect((await ask('POST', path(id), { body: document() })).status).toBe(409)
    expect((await ask('POST', path(id), { body: document([center], `${urn}:center`) })).status).toBe(409)
    expect((await ask('PUT', path(id, urn), { body: document([center], 'urn:acme:x') })).body.errors).toMatchObject([
      { pointer: '#/id' },
    ])
    for (let count = 1; count < 8; count++) {
      expect((await ask('POST', path(id), { body: document([center], `urn:acme:more-${count}`) })).status).toBe(201)
    }
    expect((await ask('POST', path(id), { body: document([center], 'urn:acme:ninth') })).status).toBe(409)
  })

  test('that no request has used are replaced and removed as one likes, though the connection is used', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', `/connections/${id}/keys`)
    await ask('POST', path(id), { body: document() })
    const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department'
    await used({ id, tenant }, ['userName', enterprise])
    await used({ id, tenant }, [`${urn}:center`], { dryRun: { changed: [], events: [] } })
    const replaced = await ask('PUT', `${path(id, urn)}?required=true`, {
      body: document([{ name: 'other', required: true }]),
    })
    expect(replaced).toMatchObject({
      status: 200,
      body: { required: true, document: { attributes: [{ name: 'other' }] } },
    })
    const told = await events(`subject = $1 AND name = 'connection.changed'`, [id])
    await ask('PUT', path(id, urn), { body: document([{ name: 'other', required: true }]) })
    expect(await events(`subject = $1 AND name = 'connection.changed'`, [id])).toEqual(told)
    expect((await ask('DELETE', path(id, urn))).status).toBe(204)
    expect((await ask('GET', path(id))).body).toEqual({ items: [] })
    expect((await ask('GET', `/connections/${id}`)).body.schemas).toEqual([])
  })

  test('that a request has used are widened, and not broken or removed', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), { body: document() })
    await used({ id, tenant }, [`${urn}:center`])
    await until(() => isUsed(id))
    const wider = document([
      { ...center, description: 'Who pays.' },
      { name: 'more', type: 'integer' },
    ])
    expect(await ask('PUT', path(id, urn), { body: wider })).toMatchObject({
      status: 200,
      body: { inUse: true, document: wider },
    })
    const narrower = document([
      { name: 'center', type: 'boolean' },
      { name: 'new', required: true },
    ])
    const refused = await ask('PUT', `${path(id, urn)}?required=true`, { body: narrower })
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('in use') },
    })
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '#/required',
      '#/attributes/0/type',
      '#/attributes/1/required',
      '#/attributes',
    ])
    expect((await ask('DELETE', path(id, urn))).status).toBe(409)
    expect((await ask('GET', path(id, urn))).body.document).toMatchObject(wider)
  })

  test('are not broken before it is known what was decided until then', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), { body: document() })
    await ask('POST', `/connections/${id}/keys`)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    hasHeard = () => promise
    const removal = ask('DELETE', path(id, urn))
    const widening = await ask('PUT', path(id, urn), { body: document([center, { name: 'more' }]) })
    expect(widening.status).toBe(200)
    await used({ id, tenant }, [`${urn}:center`])
    await until(() => isUsed(id))
    resolve(true)
    expect((await removal).status).toBe(409)
  })

  test('are not broken while that cannot be known', async () => {
    const { id } = await newConnection()
    await ask('POST', path(id), { body: document() })
    expect((await ask('DELETE', path(id, urn))).status).toBe(204)
    await ask('POST', path(id), { body: document() })
    await ask('POST', `/connections/${id}/keys`)
    hasHeard = async () => false
    const { status, headers, body } = await ask('DELETE', path(id, urn))
    hasHeard = async () => true
    expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    expect(body.detail).toContain('Nothing was changed')
  })

  test('go with the connection', async () => {
    const { id, tenant } = await newConnection()
    await ask('POST', path(id), { body: document() })
    await used({ id, tenant }, [`${urn}:center`])
    await until(() => isUsed(id))
    expect((await ask('DELETE', `/connections/${id}`)).status).toBe(204)
    expect(await parts.database.query('SELECT FROM keys.schema_use WHERE connection = $1', [id])).toEqual([])
  })
})

describe('an Idempotency-Key', () => {
  test('gives the first answer again and does nothing twice', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { name: `Tenant ${randomUUID()}` }
    const first = await ask('POST', '/tenants', { body, headers })
    let second: Answered | undefined
    const records = await decided(async () => {
      second = await ask('POST', '/tenants', { body, headers })
    })
    expect(second).toMatchObject({ status: 201, body: first.body })
    expect(records).toMatchObject([{ status: 201, tenant: first.body.id, events: [] }])
    expect(await events(`name = 'tenant.created' AND subject = $1`, [first.body.id])).toHaveLength(1)
  })

  test('also repeats the deletion of a tenant', async () => {
    const tenant = await newTenant()
    const headers = { 'idempotency-key': randomUUID() }
    expect((await ask('DELETE', `/tenants/${tenant}`, { headers })).status).toBe(204)
    expect((await ask('DELETE', `/tenants/${tenant}`, { headers })).status).toBe(204)
    expect((await ask('DELETE', `/tenants/${tenant}`)).status).toBe(404)
  })

  test('of another request is refused', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` }, headers })
    const other = await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` }, headers })
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotencyKeyReused' } })
  })

  test('never brings a live key back, and brings a sandbox key back', async () => {
    for (const environment of ['live', 'sandbox']) {
      const { id } = await newConnection(environment)
      const headers = { 'idempotency-key': randomUUID() }
      const first = await ask('POST', `/connections/${id}/keys`, { headers })
      const second = await ask('POST', `/connections/${id}/keys`, { headers })
      expect(second.status).toBe(201)
      const { key, ...rest } = first.body
      expect(second.body).toEqual(environment === 'live' ? rest : first.body)
      expect(second.body.keyShown).toBe(environment === 'live' ? 'once' : 'again')
      expect(key).toMatch(/^lk_/)
    }
  })

  test('of requests at the same time has one of them work', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { name: `Tenant ${randomUUID()}` }
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('POST', '/tenants', { body, headers })))
    const made = answers.filter((answer) => answer.status === 201)
    expect(made.length).toBeGreaterThan(0)
    expect(new Set(made.map((answer) => answer.body.id)).size).toBe(1)
    for (const answer of answers) if (answer.status !== 201) expect(answer.body.code).toBe('idempotencyKeyInUse')
  })

  test('is free again after a refusal and after 24 hours, when what it kept is removed', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    expect((await ask('POST', '/tenants', { body: { name: '' }, headers })).status).toBe(422)
    expect((await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` }, headers })).status).toBe(201)
    const earlier = now
    now = new Date(now.getTime() + 24 * 60 * 60 * 1000 + 1)
    try {
      expect((await ask('POST', '/tenants', { body: { name: `Tenant ${randomUUID()}` }, headers })).status).toBe(201)
      const [left] = await parts.database.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM keys.answered WHERE expires_at <= $1',
        [now],
      )
      expect(left?.count).toBe(0)
    } finally {
      now = earlier
    }
  })
})

describe('the last use of a key', () => {
  async function appendUse(connection: string, kid: string | null, at: string, userAgent: string): Promise<void> {
    const origin = {
      source: 'gateway',
      subject: randomUUID(),
      owner: connection,
      version: 1,
      time: new Date(),
    } as const
    const event = makeEvent('request.decided', origin, {
      requestId: origin.subject,
      surface: 'scim',
      tenant: null,
      connection,
      environment: null,
      identityProvider: null,
      kid,
      method: 'GET',
      path: `/scim/v2/${connection}/Users`,
      operation: 'users.list',
      address: '192.0.2.7',
      userAgent,
      steps: ['key', 'signature'].map((step) => ({ step, decision: 'passed', microseconds: 1 })),
      outcome: 'accepted',
      status: 200,
      code: null,
      detail: null,
      subject: null,
      changed: [],
      events: [],
      deviations: [],
      receivedAt: at,
      microseconds: 1,
      traceId: 'a'.repeat(32),
    })
    await parts.database.transaction(async (transaction) => parts.log.append(transaction, [event]))
  }

  test('is the latest that was proved, in whatever order they are heard of', async () => {
    const { id } = await newConnection()
    const { kid } = (await ask('POST', `/connections/${id}/keys`)).body
    const gone = await newConnection()
    const goneKid = (await ask('POST', `/connections/${gone.id}/keys`)).body.kid
    await ask('DELETE', `/connections/${gone.id}`)
    await appendUse(gone.id, goneKid, '2026-03-01T09:03:00.000Z', 'too late')
    await appendUse(id, kid, '2026-03-01T09:01:00.000Z', 'Okta SCIM Client 1.0.0')
    await appendUse(id, kid, '2026-03-01T09:00:00.000Z', 'earlier')
    await appendUse(id, null, '2026-03-01T09:02:00.000Z', 'not proved')
    const last = await newConnection()
    const lastKid = (await ask('POST', `/connections/${last.id}/keys`)).body.kid
    await appendUse(last.id, lastKid, '2026-03-01T09:05:00.000Z', 'last')
    await until(async () => (await listed(last.id)).lastUsed !== null)
    expect(await listed(id)).toMatchObject({
      lastUsed: { at: '2026-03-01T09:01:00.000Z', address: '192.0.2.7', userAgent: 'Okta SCIM Client 1.0.0' },
    })
  })

  async function listed(connection: string): Promise<{ lastUsed: object | null }> {
    return (await ask('GET', `/connections/${connection}/keys`)).body.items[0]
  }
})

describe('the quickstart', () => {
  test('is made once, also by instances that start together, and found again with its key', async () => {
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => ensureQuickstart(parts)))
    for (const other of others) expect(other).toEqual(first)
    expect(first?.scimBaseUrl).toBe(`${publicUrl}/scim/v2/${first?.connection}`)
    expect(readKey(first?.key ?? '')).toMatchObject({ kind: 'key', environment: 'sandbox' })
    const connection = await ask('GET', `/connections/${first?.connection}`)
    expect(connection.body).toMatchObject({ tenant: 'acme', name: 'quickstart', environment: 'sandbox' })
    const told = await events(`key IN ($1, $2) OR key LIKE $3`, [
      '/acme',
      `acme/${first?.connection}`,
      `${first?.connection}/%`,
    ])
    const names = told.filter((event) => event.name !== 'request.decided').map((event) => event.name)
    expect(names).toEqual(['tenant.created', 'connection.created', 'key.minted'])
  })

  test('has another key when its own was revoked', async () => {
    const before = await ensureQuickstart(parts)
    const read = readKey(before.key ?? '')
    if (read.kind === 'fault') throw new Error(read.fault)
    await ask('POST', `/keys/${read.kid}/revoke`)
    const after = await ensureQuickstart(parts)
    expect(after.connection).toBe(before.connection)
    expect(after.key).not.toBe(before.key)
    expect(await ensureQuickstart(parts)).toEqual(after)
  })
})

describe('the command line', () => {
  const main = fileURLToPath(new URL('../../cli/src/main.js', import.meta.url))

  async function latchkey(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env['PATH'], LATCHKEY_URL: url, LATCHKEY_ADMIN_TOKEN: token },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: Number(code), out, err }
  }

  test('goes from a tenant to a key that is listed with its last use, and to its revocation', async () => {
    const tenant = JSON.parse((await latchkey('tenants', 'create', 'Umbrella Ltd', '--json')).out)
    expect(tenant.id).toBe('umbrella-ltd')
    const create = 'connections create --name HR --idp okta --environment live --json'.split(' ')
    const made = await latchkey(...create, '--tenant', 'umbrella LTD')
    const connection = JSON.parse(made.out)
    expect(connection).toMatchObject({ tenant: 'umbrella-ltd', identityProvider: 'okta', environment: 'live' })
    expect(connection.scimBaseUrl).toBe(`${publicUrl}/scim/v2/${connection.id}`)
    const minted = JSON.parse((await latchkey('keys', 'mint', '--connection', connection.id, '--json')).out)
    expect(readKey(minted.key)).toMatchObject({ kind: 'key', kid: minted.kid, environment: 'live' })
    expect(minted.scimBaseUrl).toBe(connection.scimBaseUrl)
    const listed = await latchkey('keys', 'list', '--connection', connection.id)
    expect(listed.out).toMatch(/^KID +STATE +ENVIRONMENT +CREATED +LAST USED\n/)
    expect(listed.out).toMatch(new RegExp(`^${minted.kid} +pending +live .+ never$`, 'm'))
    expect((await latchkey('keys', 'revoke', minted.kid)).out).toMatch(/state +revoked/)
    const [after] = JSON.parse((await latchkey('keys', 'list', '--connection', connection.id, '--json')).out)
    expect(after).toMatchObject({ kid: minted.kid, state: 'revoked', lastUsed: null })
    expect(JSON.parse((await latchkey('connections', 'disable', connection.id, '--json')).out).state).toBe('disabled')
    expect((await latchkey('connections', 'list', '--tenant', 'umbrella-ltd')).out).toMatch(/HR +okta +live +disabled/)
  })

  test('tells apart what is not there from what is refused', async () => {
    expect(await latchkey('connections', 'show', 'abcdefghijkmnpqr')).toMatchObject({ code: 4, out: '' })
    expect((await latchkey('tenants', 'create', 'Umbrella Ltd')).code).toBe(1)
    expect((await latchkey('tenants', 'create', ' ')).code).toBe(2)
  })
})

describe('the policy of a key', () => {
  const mint = async (policy: unknown, headers = {}) => {
    const { id, tenant } = await newConnection('live')
    return { tenant, id, ...(await ask('POST', `/connections/${id}/keys`, { body: { policy }, headers })) }
  }
  const hmac = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }

  test('is that of a bearer who may do all, unless told', async () => {
    const { status, body } = await mint({})
    expect([status, body.policy]).toEqual([201, defaultPolicy])
    expect(body.signingSecret).toBeUndefined()
  })

  test('has a secret to sign by made where it asks for that, which is answered once and told sealed', async () => {
    const { tenant, body } = await mint(hmac)
    expect(body.signingSecret).toMatch(/^[\w-]{43}$/)
    expect(body.policy.authentication).toEqual({ method: 'signed', algorithm: 'hmac-sha256' })
    const [minted] = await events(`name = 'key.minted' AND subject = $1`, [body.kid])
    const { sealed } = minted?.payload.policy.authentication ?? {}
    const [made, ...more] = await events(`name LIKE 'data-key.%' AND payload::jsonb ->> 'tenant' = $1`, [tenant])
    expect([made?.name, made?.version, more]).toEqual(['data-key.made', 1, []])
    const { dataKey: id, ...wrapped } = made?.payload ?? {}
    const bytes = await parts.keyring.unwrap(wrapped, { tenant, dataKey: id })
    const context = { kid: body.kid, purpose: signingPurpose }
    expect(openUnder(dataKeyOf(id, tenant, bytes), context, sealed)).toBe(body.signingSecret)
  })

  test('of two keys of a tenant are sealed under one data key, also when both are the first', async () => {
    const tenant = await newTenant()
    const connections = await Promise.all([1, 2, 3].map(() => newConnection('live', tenant)))
    const minted = await Promise.all(
      connections.map(({ id }) => ask('POST', `/connections/${id}/keys`, { body: { policy: hmac } })),
    )
    expect(minted.map(({ status }) => status)).toEqual([201, 201, 201])
    expect(new Set(minted.map(({ body }) => body.signingSecret)).size).toBe(3)
    expect(await events(`name = 'data-key.made' AND payload::jsonb ->> 'tenant' = $1`, [tenant])).toHaveLength(1)
  })

  test('does not have the secret shown again to who repeats the mint, nor kept or told anywhere in clear', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const { id, body } = await mint(hmac, headers)
    const again = await ask('POST', `/connections/${id}/keys`, { body: { policy: hmac }, headers })
    expect([again.body.kid, again.body.signingSecret]).toEqual([body.kid, undefined])
    const tables = ['keys.provisioning_key', 'keys.data_key', 'keys.answered', 'event_log.event']
    for (const table of tables) {
      const found = await parts.database.query(`SELECT FROM ${table} AS row WHERE strpos(row::text, $1) > 0`, [
        body.signingSecret,
      ])
      expect([table, found]).toEqual([table, []])
    }
    expect(JSON.stringify(logged)).not.toContain(body.signingSecret)
  })

  test('takes the public key of who signs by ed25519, and keeps no secret', async () => {
    const publicKey = 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs'
    const { body } = await mint({ authentication: { method: 'signed', algorithm: 'ed25519', publicKey } })
    expect([body.policy.authentication.publicKey, body.signingSecret]).toEqual([publicKey, undefined])
  })

  test('is refused with every fault and its place', async () => {
    const { status, body } = await mint({
      authentication: { method: 'signed', algorithm: 'ed25519', publicKey: 'short' },
      allowlist: ['10.0.0.0/8', '10.0.0.0/33', 'fe80::1%eth0', 'example.com', '::ffff:10.0.0.0/8', '10.0.0.1/8'],
      scopes: ['read'],
      expiresAt: '2020-01-01T00:00:00Z',
      rate: { perSecond: 50, burst: 5 },
    })
    expect(status).toBe(422)
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '#/policy/allowlist/1',
      '#/policy/allowlist/2',
      '#/policy/allowlist/3',
      '#/policy/allowlist/4',
      '#/policy/allowlist/5',
      '#/policy/authentication/publicKey',
      '#/policy/expiresAt',
      '#/policy/rate',
      '#/policy/scopes',
    ])
    for (const authentication of [
      { method: 'basic' },
      { method: 'signed' },
      { method: 'signed', algorithm: 'rsa' },
      { method: 'signed', algorithm: 'hmac-sha256', sealed: 'x' },
      { method: 'mtls', certificates: [] },
      { method: 'mtls', certificates: ['AB'] },
    ]) {
      expect((await mint({ authentication })).status).toBe(422)
    }
    for (const rate of [
      { perSecond: 24, burst: 100 },
      { perSecond: 25, burst: 251 },
    ]) {
      expect((await mint({ rate })).body.errors?.[0]?.pointer).toMatch(/^#\/policy\/rate/)
    }
  })

  test('changes where it may, and is told of with what was changed', async () => {
    const { body: key } = await mint(hmac)
    const change = {
      allowlist: ['2001:db8::/32'],
      scopes: ['read', 'users'],
      expiresAt: '2027-01-01T01:00:00+01:00',
      rate: { perSecond: 25, burst: 250 },
    }
    const { status, body } = await ask('PATCH', `/keys/${key.kid}`, { body: { policy: change } })
    expect([status, body.policy]).toEqual([200, { ...key.policy, ...change, expiresAt: '2027-01-01T00:00:00.000Z' }])
    const [event] = await events(`name = 'key.changed' AND subject = $1`, [key.kid])
    expect(event?.version).toBe(2)
    expect(event?.payload.changed).toEqual(['policy.allowlist', 'policy.scopes', 'policy.expiresAt', 'policy.rate'])
    expect(event?.payload.policy.authentication.sealed).toEqual(expect.any(String))
    await ask('PATCH', `/keys/${key.kid}`, { body: { policy: change } })
    expect(await events(`name = 'key.changed' AND subject = $1`, [key.kid])).toHaveLength(1)
  })

  test('keeps how the key proves itself, but for the certificates of one that has them', async () => {
    const [one, other] = ['a', 'b'].map((digit) => digit.repeat(64))
    const { body: mtls } = await mint({ authentication: { method: 'mtls', certificates: [one] } })
    const { body } = await ask('PATCH', `/keys/${mtls.kid}`, { body: { policy: { certificates: [one, other] } } })
    expect(body.policy.authentication.certificates).toEqual([one, other])
    const { body: signed } = await mint(hmac)
    for (const policy of [
      { certificates: [one] },
      { authentication: { method: 'bearer' } },
      { allowlist: ['x'] },
      { more: 1 },
    ]) {
      expect((await ask('PATCH', `/keys/${signed.kid}`, { body: { policy } })).status).toBe(422)
    }
    await ask('POST', `/keys/${signed.kid}/revoke`)
    expect(
      (await ask('PATCH', `/keys/${signed.kid}`, { body: { policy: { scopes: ['read', 'users'] } } })).status,
    ).toBe(409)
  })

  test('asks for what cannot be had while the KEK is away: the mint is refused with cause and fix, and nothing is made', async () => {
    const { keyring } = parts
    Object.assign(parts, {
      keyring: new Keyring({ kind: 'vault', url: 'http://127.0.0.1:1', mount: 'transit', key: 'k' }, [], {
        vaultToken: 'of-a-vault-that-is-away',
      }),
    })
    const { id, status, body, headers } = await mint(hmac)
    Object.assign(parts, { keyring })
    expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    expect(body.detail).toContain('Vault at http://127.0.0.1:1 cannot be reached')
    expect((await ask('GET', `/connections/${id}/keys`)).body.items).toEqual([])
  })
})

describe('data keys', () => {
  test('are moved to the present KEK by batches while everything runs, each told once, and open what they did', async () => {
    const hmac = { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } }
    for (let made = 0; made < 3; made++) {
      const { id } = await newConnection('live')
      await ask('POST', `/connections/${id}/keys`, { body: hmac })
    }
    const present = { kind: 'file', path: join(mkdtempSync(join(tmpdir(), 'latchkey-keys-')), 'kek') } as const
    makeLocalKek(present.path)
    const former = parts.keyring
    const { kek: before, all, outdated: none } = (await ask('GET', '/data-keys')).body
    expect([before, none]).toEqual([await former.status(), 0])
    const keyring = new Keyring(present, [formerKek], {})
    Object.assign(parts, { keyring })
    expect((await ask('GET', '/data-keys')).body).toEqual({ kek: await keyring.status(), all, outdated: all })
    const answers = []
    do answers.push((await ask('POST', '/data-keys/rewrap', { body: { limit: 2 } })).body)
    while (answers.at(-1).remaining > 0)
    expect(answers.length).toBe(Math.ceil(all / 2))
    expect((await ask('POST', '/data-keys/rewrap')).body).toMatchObject({ rewrapped: 0, remaining: 0 })
    const told = await events(`name = 'data-key.rewrapped'`)
    expect(told.map(({ version }) => version)).toEqual(told.map(() => 2))
    expect(new Set(told.map(({ subject }) => subject)).size).toBe(all)
    const alone = new Keyring(present, [], {})
    for (const {
      payload: { tenant, dataKey, ...wrapped },
    } of told)
      await alone.unwrap(wrapped, { tenant, dataKey })
  })

  test('stay as they are when the KEK that wrapped them cannot be had, and the answer says which', async () => {
    const { keyring } = parts
    const other = { kind: 'file', path: join(mkdtempSync(join(tmpdir(), 'latchkey-keys-')), 'kek') } as const
    makeLocalKek(other.path)
    Object.assign(parts, { keyring: new Keyring(other, [], {}) })
    const { status, body } = await ask('POST', '/data-keys/rewrap')
    Object.assign(parts, { keyring })
    expect([status, body.rewrapped]).toEqual([200, 0])
    expect(body.failed[0]).toMatchObject({
      fault: 'kek-missing',
      detail: expect.stringContaining('LATCHKEY_FORMER_KEKS'),
    })
    expect((await ask('GET', '/data-keys')).body.outdated).toBe(0)
  })

  test('are destroyed with their tenant', async () => {
    const { id, tenant } = await newConnection('live')
    await ask('POST', `/connections/${id}/keys`, {
      body: { policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } } },
    })
    await ask('DELETE', `/connections/${id}`)
    await ask('DELETE', `/tenants/${tenant}`)
    const told = await events(`name LIKE 'data-key.%' AND payload::jsonb ->> 'tenant' = $1`, [tenant])
    expect(told.map(({ name, version }) => [name, version])).toEqual([
      ['data-key.made', 1],
      ['data-key.destroyed', 2],
    ])
    expect(await parts.database.query('SELECT FROM keys.data_key WHERE tenant = $1', [tenant])).toEqual([])
  })
})

describe('all the while', () => {
  test('nothing failed, and no event was buried', async () => {
    expect(logged).toEqual([])
    expect(await parts.database.query('SELECT reason FROM keys.dead_letter')).toEqual([])
  })
})
