import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { type AnyEvent, type ConnectionFacts, defaultPolicy, defaultSettings, makeEvent } from '#libs/events/index'
import { Database, isConnectionLoss } from '#libs/postgres/index'
import { attribute, findAttribute, resourceTypes } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { KnownTrust } from './known-trust.ts'

let server: TestDatabase
let database: Database
let trust: KnownTrust

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
  trust = new KnownTrust(database, () => undefined)
})

const closing: (() => Promise<unknown> | void)[] = []

afterAll(async () => {
  for (const close of closing) await close()
  await database.close()
  await server.drop()
})

const apply = (...events: AnyEvent[]): Promise<void> =>
  database.transaction((transaction) => trust.apply(transaction, events))

function origin(owner: string, subject: string, version: number) {
  return { source: 'keys' as const, owner, subject, version, time: new Date() }
}

const created = (connection: string): AnyEvent =>
  makeEvent('connection.created', origin('acme', connection, 1), {
    tenant: 'acme',
    connection,
    name: connection,
    environment: 'live',
    identityProvider: 'okta',
    state: 'enabled',
    settings: defaultSettings,
    schemas: [],
  })
const changed = (connection: string, facts: Pick<ConnectionFacts, 'settings' | 'schemas'>): AnyEvent =>
  makeEvent('connection.changed', origin('acme', connection, 2), {
    tenant: 'acme',
    connection,
    name: connection,
    environment: 'live',
    identityProvider: 'okta',
    state: 'enabled',
    changed: Object.keys(facts),
    ...facts,
  })
const deleted = (connection: string): AnyEvent =>
  makeEvent('connection.deleted', origin('acme', connection, 2), { tenant: 'acme', connection })
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

test('what was looked up is forgotten as soon as something else is heard of it', async () => {
  expect(await trust.key('k1')).toBeUndefined()
  await apply(created('c1'), minted('c1', 'k1'))
  expect(await trust.key('k1')).toMatchObject({ connection: 'c1', state: 'pending' })
  await apply(revoked('c1', 'k1'))
  expect(await trust.key('k1')).toMatchObject({ state: 'revoked' })
})

test('what is in memory is read anew within 5 seconds, whoever changed it and told nobody', async () => {
  const [revokedThere, mintedThere] = [crypto.randomUUID(), crypto.randomUUID()]
  await apply(created('elsewhere'), minted('elsewhere', revokedThere))
  const known = async () => [
    (await trust.key(revokedThere))?.state,
    (await trust.key(mintedThere))?.state,
    (await trust.connection('elsewhere'))?.enabled,
  ]
  expect(await known()).toEqual(['pending', undefined, true])
  await database.query(`UPDATE gateway.known_key SET state = 'revoked' WHERE kid = $1`, [revokedThere])
  await database.query(`UPDATE gateway.known_connection SET enabled = false WHERE connection = 'elsewhere'`)
  await database.query(
    `INSERT INTO gateway.known_key SELECT (jsonb_populate_record(k, jsonb_build_object('kid', $2::text))).*
     FROM gateway.known_key AS k WHERE kid = $1`,
    [revokedThere, mintedThere],
  )
  expect(await known()).toEqual(['pending', undefined, true])
  await later(5_000)
  expect(await known()).toEqual(['revoked', 'revoked', false])
})

test('a key is heard of as soon as it is applied here, and no more once that is read after it ended', async () => {
  const [kid, other, ended] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
  await apply(created('heard'), minted('heard', kid), minted('heard', ended), revoked('heard', ended))
  const heardOf = () => [kid, other, ended].map((each) => trust.hasHeardOf(each))
  expect(heardOf()).toEqual([true, false, true])
  trust.forgetAll()
  await trust.hear()
  expect(heardOf()).toEqual([true, false, false])
  await database.query(`UPDATE gateway.known_key SET state = 'cancelled' WHERE kid = $1`, [kid])
  await trust.hear()
  expect(heardOf()).toEqual([true, false, false])
  await apply(minted('heard', other))
  expect(heardOf()).toEqual([true, true, false])
  trust.forgetAll()
  await trust.hear()
  expect(heardOf()).toEqual([false, true, false])
})

test('a key that is applied here while the others are read is heard of', async () => {
  const [read, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  class Held extends Database {
    override async query<Row extends object>(...query: Parameters<Database['query']>): Promise<Row[]> {
      const rows = await super.query<Row>(...query)
      read.resolve()
      await held.promise
      return rows
    }
  }
  const slow = new Held({ url: server.url, applicationName: 'test', connections: 4 })
  closing.push(() => slow.close())
  const here = new KnownTrust(slow, () => undefined)
  const kid = crypto.randomUUID()
  const reading = here.hear()
  await read.promise
  await slow.transaction((transaction) => here.apply(transaction, [created('meanwhile'), minted('meanwhile', kid)]))
  held.resolve()
  await reading
  await here.hear()
  expect(here.hasHeardOf(kid)).toBe(true)
})

test('who asks for a key while it is being read shares the read, and nobody who asks after it was forgotten', async () => {
  let asked = 0
  class Counting extends Database {
    override quick<Row extends object>(...query: Parameters<Database['quick']>): Promise<Row[]> {
      asked++
      return super.quick<Row>(...query)
    }
  }
  const counting = new Counting({ url: server.url, applicationName: 'test', connections: 4 })
  closing.push(() => counting.close())
  const reading = new KnownTrust(counting, () => undefined)
  const kid = crypto.randomUUID()
  await apply(created('shared'), minted('shared', kid))
  const before = Array.from({ length: 100 }, () => reading.key(kid))
  reading.forgetAll()
  const after = Array.from({ length: 100 }, () => reading.key(kid))
  const found = await Promise.all([...before, ...after])
  expect(new Set(found.map((key) => key?.kid))).toEqual(new Set([kid]))
  expect(asked).toBe(2)
})

test('a gateway hears of the keys that others have applied, in whichever state they are accepted, also where that comes while it reads or a read failed', async () => {
  let reads = 0
  const held = Promise.withResolvers<void>()
  class Slow extends Database {
    override async query<Row extends object>(...query: Parameters<Database['query']>): Promise<Row[]> {
      const rows = await super.query<Row>(...query)
      if (++reads === 1) await held.promise
      if (reads === 2) throw new Error('Postgres went away')
      return rows
    }
  }
  const slow = new Slow({ url: server.url, applicationName: 'test', connections: 4 })
  closing.push(() => slow.close())
  const elsewhere = new KnownTrust(slow, () => undefined)
  const kids = Array.from({ length: 3 }, () => crypto.randomUUID())
  const [pending, active, retiring] = kids
  const first = elsewhere.hear()
  await apply(created('elsewhere'), ...kids.map((kid) => minted('elsewhere', kid)))
  for (const [kid, state] of [
    [active, 'active'],
    [retiring, 'retiring'],
  ])
    await database.query(`UPDATE gateway.known_key SET state = $2 WHERE kid = $1`, [kid, state])
  elsewhere.forgetAll()
  held.resolve()
  await first
  await expect(elsewhere.hear()).rejects.toThrow('went away')
  await elsewhere.hear()
  expect([pending, active, retiring].map((kid) => elsewhere.hasHeardOf(kid ?? ''))).toEqual([true, true, true])
  expect(reads).toBe(3)
  await elsewhere.hear()
  expect(reads).toBe(3)
})

test('a key stays revoked when it is heard of only afterwards, or again', async () => {
  await apply(created('c2'), revoked('c2', 'k2'), minted('c2', 'k2'))
  expect(await trust.key('k2')).toMatchObject({ state: 'revoked' })
  await apply(minted('c2', 'k2'))
  expect(await trust.key('k2')).toMatchObject({ state: 'revoked' })
})

test('nothing that is delivered late brings a deleted connection or a key of it back', async () => {
  await apply(created('c3'), minted('c3', 'k3'))
  await apply(deleted('c3'), minted('c3', 'k4'))
  expect((await trust.key('k3'))?.state).toBe('revoked')
  await apply(revoked('c3', 'k3'), created('c3'), minted('c3', 'k3'))
  expect(await trust.connection('c3')).toBeUndefined()
  expect([(await trust.key('k3'))?.state, await trust.key('k4')]).toEqual(['revoked', undefined])
})

const costs = {
  id: 'urn:acme:params:scim:schemas:extension:costs:2.0:User',
  name: 'Costs',
  description: '',
  attributes: [attribute('center', 'string', 'Who pays.', { required: true })],
}

test('a connection has the settings and schemas it was last told of; one that has no schema shares the usual types', async () => {
  const other = new KnownTrust(database, () => undefined)
  await apply(created('c6'))
  const known = await trust.connection('c6')
  expect(known).toMatchObject({ settings: defaultSettings })
  expect(known?.types).toBe(resourceTypes)
  await other.lookForChanges()
  expect((await other.connection('c6'))?.types).toBe(resourceTypes)

  const settings = { ...defaultSettings, patchAnswer: 'none' as const }
  await apply(changed('c6', { settings, schemas: [{ resourceType: 'User', required: true, document: costs }] }))
  const after = await trust.connection('c6')
  expect(after).toMatchObject({ settings })
  expect(after?.types.Group).toBe(resourceTypes.Group)
  expect(findAttribute(after?.types.User ?? resourceTypes.User, `${costs.id}:CENTER`)).toMatchObject({
    path: [costs.id, 'center'],
    attribute: costs.attributes[0],
  })
  expect(after?.types.User.extensions.at(-1)).toEqual({ required: true, schema: costs })
  await other.lookForChanges()
  expect((await other.connection('c6'))?.settings.patchAnswer).toBe('none')
  expect((await other.connection('c6'))?.types.User.extensions).toHaveLength(2)
})

test('a connection that was kept before there were settings has the usual ones', async () => {
  await database.query(
    `INSERT INTO gateway.known_connection (connection, tenant, environment, identity_provider, enabled, version)
     VALUES ('c7', 'acme', 'live', 'okta', true, 1)`,
  )
  expect(await trust.connection('c7')).toMatchObject({ settings: defaultSettings, types: resourceTypes })
})

test('what another gateway has applied is known here after the next look, and not remembered otherwise', async () => {
  const other = new KnownTrust(database, () => undefined)
  await other.lookForChanges()
  await apply(created('c5'), minted('c5', 'k5'))
  expect(await other.key('k5')).toMatchObject({ state: 'pending' })
  await other.lookForChanges()
  expect(await other.key('k5')).toMatchObject({ state: 'pending' })
  await apply(revoked('c5', 'k5'))
  expect(await other.key('k5')).toMatchObject({ state: 'pending' })
  await other.lookForChanges()
  expect(await other.key('k5')).toMatchObject({ state: 'revoked' })
})

test('what a gateway has committed is known to others also where it ends with that', async () => {
  const ending = new Database({ url: server.url, applicationName: 'test', connections: 1 })
  const theirs = new KnownTrust(ending, () => undefined)
  await apply(created('c8'), minted('c8', 'k8'))
  await trust.lookForChanges()
  expect(await trust.key('k8')).toMatchObject({ state: 'pending' })
  await ending.close()
  await database.transaction((transaction) => theirs.apply(transaction, [revoked('c8', 'k8')]))
  await trust.lookForChanges()
  expect(await trust.key('k8')).toMatchObject({ state: 'revoked' })
})

test('what is committed in another order than it was begun in is known as well, and neither waits for the other', async () => {
  const other = new KnownTrust(database, () => undefined)
  const state = async (kid: string): Promise<string | undefined> => {
    await other.lookForChanges()
    return (await other.key(kid))?.state
  }
  await apply(created('c9'), minted('c9', 'k9'), minted('c9', 'k10'))
  expect([await state('k9'), await state('k10')]).toEqual(['pending', 'pending'])
  await database.transaction(async (transaction) => {
    await trust.apply(transaction, [revoked('c9', 'k9')])
    await apply(revoked('c9', 'k10'))
    expect([await state('k9'), await state('k10')]).toEqual(['pending', 'revoked'])
  })
  expect(await state('k9')).toBe('revoked')
})

test('what a gateway has applied itself has it forget nothing else, and what was told long ago is removed', async () => {
  const hits: boolean[] = []
  const own = new KnownTrust(database, (hit) => hits.push(hit))
  await own.lookForChanges()
  await own.key('k11')
  await database.query(`INSERT INTO gateway.trust_change (xid, added_at) VALUES ('1', now() - interval '2 hours')`)
  await database.transaction((transaction) => own.apply(transaction, [created('c11')]))
  await own.lookForChanges()
  await own.key('k11')
  expect(hits).toEqual([false, true])
  expect(await database.query(`SELECT FROM gateway.trust_change WHERE xid = '1'`)).toEqual([])
})

/** The way to the test's Postgres. Once told, the next COMMIT reaches it, and the connection breaks in place of the answer. */
async function breakingAtCommit() {
  const { hostname, port } = new URL(server.url)
  let breaksNext = false
  const proxy = createServer((near) => {
    const far = connect(Number(port), hostname)
    let breaks = false
    near.on('data', (data) => {
      if (breaksNext && data.includes('COMMIT')) [breaks, breaksNext] = [true, false]
      far.write(data)
    })
    far.on('data', (data) => (breaks && data.includes('COMMIT') ? near.destroy() : near.write(data)))
    near.on('error', () => undefined).on('close', () => far.destroy())
    far.on('error', () => undefined).on('close', () => near.destroy())
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  closing.push(() => void proxy.close())
  const { address, port: ownPort } = proxy.address() as AddressInfo
  const url = new URL(server.url)
  url.host = `${address}:${ownPort}`
  return { url: url.href, breakNext: () => (breaksNext = true) }
}

test('a revocation is known at the next look also to the gateway that applied it and never heard that it was committed', async () => {
  const way = await breakingAtCommit()
  const behind = new Database({ url: way.url, applicationName: 'test', connections: 2 })
  closing.push(() => behind.close())
  const here = new KnownTrust(behind, () => undefined)
  await apply(created('c12'), minted('c12', 'k12'))
  await here.lookForChanges()
  expect(await here.key('k12')).toMatchObject({ state: 'pending' })
  way.breakNext()
  const applied = behind.transaction((transaction) => here.apply(transaction, [revoked('c12', 'k12')]))
  expect(isConnectionLoss(await applied.catch((error: unknown) => error))).toBe(true)
  await here.lookForChanges()
  expect(await here.key('k12')).toMatchObject({ state: 'revoked' })
})

test('what was told in a cluster that counted further has nothing forgotten, and is removed in its time', async () => {
  const hits: boolean[] = []
  const restored = new KnownTrust(database, (hit) => hits.push(hit))
  await database.query(
    `INSERT INTO gateway.trust_change (xid, added_at) VALUES ('900000000', now()), ('900000001', now() - interval '2 hours')`,
  )
  const foreign = async (): Promise<number> =>
    (await database.query(`SELECT FROM gateway.trust_change WHERE xid >= '900000000'`)).length
  await restored.lookForChanges()
  await restored.key('k13')
  await restored.lookForChanges()
  await restored.key('k13')
  expect(hits).toEqual([false, true])
  for (let number = 0; number < 20; number++) await apply(created(`c13-${number}`))
  expect(await foreign()).toBe(1)
  await database.query(`UPDATE gateway.trust_change SET added_at = now() - interval '2 hours' WHERE xid >= '900000000'`)
  await apply(created('c14'))
  expect(await foreign()).toBe(0)
})
