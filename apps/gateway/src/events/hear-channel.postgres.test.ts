import { localChannel, noNonces } from '#libs/cache/index'
import { memoryLimiter } from '#libs/rates/index'
import { generatePeppers } from '#libs/credentials/index'
import { AppendQueue, type EventLog } from '#libs/eventlog/index'
import { type AnyEvent, defaultPolicy, defaultSettings, makeEvent } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { DataKeys, Keyring } from '#libs/sealing/index'
import { createLogger, startTelemetry, type Telemetry } from '#libs/telemetry/index'
import { admitted } from '#test/follower-service'
import { seriesIn } from '#test/metrics'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import type { GatewayParts } from '../parts.ts'
import { Currency } from '../currency.ts'
import { KnownTrust } from '../store/known-trust.ts'
import { forgetMadeUp } from '../store/trust-writes.ts'
import { HearChannel } from './hear-channel.ts'

let server: TestDatabase
let database: Database
let telemetry: Telemetry
let trust: KnownTrust
let onGap: () => void
/** Proven a minute ago; the channel alone vouches since. */
const currency = new Currency(
  { provenUpTo: () => new Date(Date.now() - 60_000), caughtUpAt: () => undefined, unbrokenSince: () => undefined },
  () => new Date(),
)
const logged: string[] = []
const channel = localChannel((error) => void logged.push(String(error)), 'one process')

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
  telemetry = await startTelemetry({ service: 'test' })
  trust = new KnownTrust(database, () => undefined)
  const log: EventLog = {
    append: () => undefined,
    follow: () => {
      throw new Error('nothing is followed here')
    },
  }
  const parts: GatewayParts = {
    database,
    log,
    decisions: new AppendQueue({ log, database, capacity: 1, onFailure: () => undefined }),
    channel: {
      subscribe(handler, gap) {
        onGap = gap
        return channel.subscribe(handler, gap)
      },
    },
    currency,
    peppers: generatePeppers(),
    nonces: noNonces,
    dataKeys: new DataKeys(new Keyring({ kind: 'file', path: '/nowhere' }, [], {}), { lifetime: 60_000 }),
    dataKeyLifetime: 60_000,
    limiter: memoryLimiter(),
    rateLimits: { perKey: 100, perConnection: 100, unproved: 100, lookUps: 100, refusals: 100 },
    deletedRetention: 1_000,
    publicUrl: 'http://127.0.0.1:8080',
    bodyLimits: { each: 1_000, bulk: 1_000 },
    admission: admitted(database, 'gateway').admission,
    captureRetention: 60_000,
    requestTimeout: 1_000,
    listTimeout: 1_000,
    cursorTimeout: 60_000,
    clock: () => new Date(),
    telemetry,
    logger: await createLogger({
      service: 'test',
      level: 'warn',
      pretty: false,
      stream: { write: (line) => void logged.push(line) },
    }),
    onFailure: (error) => void logged.push(String(error)),
  }
  new HearChannel(parts, trust).onModuleInit()
})

afterAll(async () => {
  await telemetry.shutdown()
  await database.close()
  await server.drop()
})

const origin = (owner: string, subject: string, version: number) =>
  ({ source: 'keys', owner, subject, version, time: new Date() }) as const

const facts = (connection: string, state: 'enabled' | 'disabled') => ({
  tenant: 'acme',
  connection,
  name: connection,
  environment: 'live' as const,
  identityProvider: 'okta' as const,
  state,
  settings: defaultSettings,
  schemas: [],
})

const created = (connection: string): AnyEvent =>
  makeEvent('connection.created', origin('acme', connection, 1), facts(connection, 'enabled'))

const changed = (connection: string, state: 'enabled' | 'disabled', version: number, time = new Date()): AnyEvent =>
  makeEvent(
    'connection.changed',
    { ...origin('acme', connection, version), time },
    { ...facts(connection, state), changed: ['state'] },
  )

const disabled = (connection: string): AnyEvent => changed(connection, 'disabled', 2)

const minted = (connection: string, kid: string): AnyEvent =>
  makeEvent('key.minted', origin(connection, kid, 1), {
    tenant: 'acme',
    connection,
    environment: 'live',
    kid,
    pepperVersion: 1,
    policy: defaultPolicy,
    digest: Buffer.alloc(32, 7).toString('base64url'),
  })

const revoked = (connection: string, kid: string): AnyEvent =>
  makeEvent('key.revoked', origin(connection, kid, 2), {
    tenant: 'acme',
    connection,
    kid,
    revokedAt: new Date().toISOString(),
  })

const follow = (...events: AnyEvent[]): Promise<void> =>
  database.transaction((transaction) => trust.apply(transaction, events))

async function count(result: string): Promise<number> {
  return seriesIn(await telemetry.renderMetrics(), `latchkey_channel_messages_total{result="${result}"}`)
}

/** Says it on the channel, and waits until it has been dealt with. */
async function say(message: string, result: 'applied' | 'failed' | 'unreadable' = 'applied'): Promise<void> {
  const before = await count(result)
  channel.publish(message)
  while ((await count(result)) === before) await new Promise((resolve) => setTimeout(resolve, 2))
}

test('a key that is remembered as accepted is refused as soon as the channel says that it is revoked', async () => {
  await follow(created('c1'), minted('c1', 'k1'))
  expect(await trust.key('k1')).toMatchObject({ state: 'pending' })
  await say(JSON.stringify(revoked('c1', 'k1')))
  expect(await trust.key('k1')).toMatchObject({ state: 'revoked' })
})

test('a connection is refused as soon as the channel says that it is disabled', async () => {
  await follow(created('c2'))
  expect(await trust.connection('c2')).toMatchObject({ enabled: true })
  await say(JSON.stringify(disabled('c2')))
  expect(await trust.connection('c2')).toMatchObject({ enabled: false })
})

test('what the channel says before the event log, and again, changes nothing in the end', async () => {
  const revocation = revoked('c3', 'k3')
  await say(JSON.stringify(revocation))
  await say(JSON.stringify(disabled('c3')))
  await follow(created('c3'), minted('c3', 'k3'))
  expect(await trust.key('k3')).toMatchObject({ state: 'revoked' })
  await follow(revocation, disabled('c3'))
  await say(JSON.stringify(revocation))
  expect(await trust.key('k3')).toMatchObject({ state: 'revoked' })
  expect(await trust.connection('c3')).toMatchObject({ enabled: false })
})

test('a connection that the channel says is disabled is not enabled by what the event log brings of it from before', async () => {
  await follow(created('c9'))
  const [before, event, after] = [
    changed('c9', 'enabled', 4),
    changed('c9', 'disabled', 5),
    changed('c9', 'enabled', 6),
  ]
  await say(JSON.stringify(event))
  await follow(before)
  expect(await trust.connection('c9')).toMatchObject({ enabled: false })
  await say(JSON.stringify(event))
  expect(await trust.connection('c9')).toMatchObject({ enabled: false })
  await follow(event, after)
  await say(JSON.stringify(event))
  expect(await trust.connection('c9')).toMatchObject({ enabled: true })
})

test('a connection that the channel says is disabled before anything else is heard of it is known as disabled from the first', async () => {
  const event = changed('c10', 'disabled', 5)
  await say(JSON.stringify(event))
  await follow(created('c10'))
  expect(await trust.connection('c10')).toMatchObject({ enabled: false })
  await say(JSON.stringify(event))
  await follow(changed('c10', 'enabled', 4))
  expect(await trust.connection('c10')).toMatchObject({ enabled: false })
  await follow(event, changed('c10', 'enabled', 6))
  expect(await trust.connection('c10')).toMatchObject({ enabled: true })
})

test('what the channel says again asks nothing of the database, so that what is new does not wait for it', async () => {
  const revocation = JSON.stringify(revoked('c8', 'k8'))
  await say(revocation)
  await database.query('ALTER TABLE gateway.known_key RENAME TO known_key_away')
  await say(revocation)
  await database.query('ALTER TABLE gateway.known_key_away RENAME TO known_key')
  expect(await trust.key('k8')).toMatchObject({ state: 'revoked' })
})

test.each([
  'no JSON',
  'null',
  JSON.stringify({ ...revoked('c4', 'k4'), payload: {} }),
  JSON.stringify({ ...revoked('c4', 'k4'), name: 'key.forged' }),
  JSON.stringify({ ...revoked('c4', 'k4'), source: 'gateway' }),
  JSON.stringify(minted('c4', 'k4')),
  JSON.stringify({ ...disabled('c4'), payload: { ...facts('c4', 'enabled'), changed: ['state'] } }),
])('what the keys service does not say there is counted, logged without its text, and ignored: %s', async (garbage) => {
  logged.length = 0
  await say(garbage, 'unreadable')
  expect(logged.join('')).toContain('is no event')
  expect(logged.join('')).not.toContain('k4')
  expect(await trust.key('k4')).toBeUndefined()
})

test.each([
  ['c6', new Date()],
  ['c11', new Date('2100-01-01T00:00:00.000Z')],
])('a forged version on the channel hides nothing that is made a minute later: %s', async (connection, time) => {
  await follow(created(connection))
  await say(JSON.stringify(changed(connection, 'disabled', 2_147_483_647, time)))
  expect(await trust.connection(connection)).toMatchObject({ enabled: false })
  await follow(changed(connection, 'enabled', 3, new Date(Date.now() + 61_000)))
  expect(await trust.connection(connection)).toMatchObject({ enabled: true })
  await say(JSON.stringify(disabled(connection)))
  expect(await trust.connection(connection)).toMatchObject({ enabled: true })
})

test('what was made up of connections that never were is forgotten a day after it is proved, and nothing that an event may still come for', async () => {
  const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000)
  const marked = async () =>
    (
      await database.query<{ connection: string }>(
        `SELECT connection FROM gateway.disabled_connection WHERE connection LIKE 'd%' ORDER BY 1`,
      )
    ).map(({ connection }) => connection)
  await follow(created('d-known'))
  const letter = created('d-buried')
  await database.query(
    `INSERT INTO gateway.dead_letter (follower, id, name, key, event, reason) VALUES ('gateway', $1, $2, $3, $4, 'test')`,
    [letter.id, letter.name, letter.subject, JSON.stringify(letter)],
  )
  for (const connection of ['d-known', 'd-buried', 'd-never']) await say(JSON.stringify(disabled(connection)))
  expect(await forgetMadeUp(database, inDays(0.9))).toBe(0)
  expect(await marked()).toEqual(['d-buried', 'd-known', 'd-never'])
  expect(await forgetMadeUp(database, inDays(1.1))).toBe(1)
  expect(await marked()).toEqual(['d-buried', 'd-known'])
  await follow(letter)
  expect(await trust.connection('d-buried')).toMatchObject({ enabled: false })
  expect(await trust.connection('d-known')).toMatchObject({ enabled: false })
  // Nothing that comes for the others is held back by what was forgotten.
  await follow(disabled('d-known'), changed('d-known', 'enabled', 3))
  expect(await trust.connection('d-known')).toMatchObject({ enabled: true })
})

test('what the channel says and the tables do not take is no longer vouched for', async () => {
  currency.hear(() => Date.now() - 120_000)
  expect(currency.ofRevoked).toBe(true)
  await database.query('ALTER TABLE gateway.known_key RENAME TO known_key_away')
  await say(JSON.stringify(revoked('c7', 'k7')), 'failed')
  expect(currency.ofRevoked).toBe(false)
  await database.query('ALTER TABLE gateway.known_key_away RENAME TO known_key')
})

test('after a gap nothing in memory is relied on', async () => {
  await follow(created('c5'), minted('c5', 'k5'))
  expect(await trust.key('k5')).toMatchObject({ state: 'pending' })
  expect(await trust.connection('c5')).toMatchObject({ enabled: true })
  await database.query("UPDATE gateway.known_key SET state = 'revoked' WHERE kid = 'k5'")
  await database.query("UPDATE gateway.known_connection SET enabled = false WHERE connection = 'c5'")
  expect([await trust.key('k5'), await trust.connection('c5')]).toMatchObject([{ state: 'pending' }, { enabled: true }])
  onGap()
  expect([await trust.key('k5'), await trust.connection('c5')]).toMatchObject([
    { state: 'revoked' },
    { enabled: false },
  ])
})
