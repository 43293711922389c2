import { digest, addPepper, generatePeppers, type Kid, readKey } from '#libs/credentials/index'
import { type AnyEvent, makeEvent } from '#libs/events/index'
import { type KeysService, startKeysService, until } from '#test/keys-service'
import { waitsForALock } from '#test/servers/locks'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'

/** Keys of many connections are revoked or removed at once, while the follower writes what gateways told of the same keys. */

const peppers = addPepper(generatePeppers())
const now = new Date('2026-03-01T10:00:00.000Z')

let server: TestDatabase
let service: KeysService

beforeAll(async () => {
  server = await testDatabase()
  service = await startKeysService({
    url: server.url,
    clock: () => now,
    times: { every: 3_600_000, lease: 1_000 },
    peppers,
  })
})
afterAll(async () => {
  await service.close()
  await server.drop()
})

interface Minted {
  readonly tenant: string
  readonly connection: string
  readonly kid: Kid
  readonly key: string
}

function renewed({ tenant, connection, kid, key }: Minted): AnyEvent {
  const read = readKey(key)
  if (read.kind !== 'key') throw new Error('it is not a key')
  const digested = digest(peppers, peppers.current, read.secret).toString('base64url')
  const origin = { source: 'gateway', subject: kid, owner: connection, version: 1, time: now } as const
  return makeEvent('key-digest.renewed', origin, {
    tenant,
    connection,
    kid,
    pepperVersion: peppers.current,
    digest: digested,
  })
}

function seen({ tenant, connection, kid }: Minted, code: string | null, changed: string[] = []): AnyEvent {
  const requestId = crypto.randomUUID()
  const origin = { source: 'gateway', subject: requestId, owner: connection, version: 1, time: now } as const
  const isAccepted = code === null
  return makeEvent('request.decided', origin, {
    requestId,
    surface: 'scim',
    tenant,
    connection,
    environment: 'live',
    identityProvider: null,
    kid,
    method: 'PUT',
    path: `/scim/v2/${connection}/Users/1`,
    operation: 'users.replace',
    address: '192.0.2.7',
    userAgent: null,
    steps: [
      { step: 'key', decision: isAccepted ? 'passed' : 'refused', microseconds: 1 },
      { step: 'signature', decision: 'skipped', microseconds: 1 },
    ],
    outcome: isAccepted ? 'accepted' : 'refused',
    status: isAccepted ? 200 : 403,
    code,
    detail: null,
    subject: null,
    changed,
    events: [],
    deviations: [],
    receivedAt: now.toISOString(),
    microseconds: 1,
    traceId: 'a'.repeat(32),
  })
}

test('a report of keys of many connections and the follower, which writes of the same, never meet in a deadlock', async () => {
  const places = await Promise.all(Array.from({ length: 10 }, () => service.connection()))
  const urn = 'urn:example:of:this:test'
  for (let round = 0; round < 10; round++) {
    const minted: Minted[] = await Promise.all(
      places.map(async ({ id, tenant }) => {
        const { kid, key } = (await service.ask('POST', `/connections/${id}/keys`)).body
        return { tenant, connection: id, kid, key }
      }),
    )
    // Renewed digests of some, exposures of others, and first uses and schemas of all: of each those that are locked last come first somewhere.
    const byId = minted.toSorted((one, other) => (one.connection < other.connection ? -1 : 1))
    const [low, high] = [byId.slice(0, 5), byId.slice(5)]
    const events = [
      ...high.map(renewed),
      ...low.map((one) => seen(one, 'key-in-clear')),
      ...byId.toReversed().map((one) => seen(one, null, [`${urn}:level`])),
    ]
    const reporting = service.ask('POST', '/../../leaks', { keys: minted.map(({ key }) => key) })
    await service.database.transaction(async (transaction) => service.parts.log.append(transaction, events))
    const { status, body } = await reporting
    const results = minted.map(({ kid }) => ({ kid, outcome: 'revoked' }))
    expect([service.failures, status, body]).toEqual([[], 200, { results }])
    await until(
      async () =>
        (await service.database.query(`SELECT FROM keys.key_use WHERE kid = ANY($1)`, [minted.map(({ kid }) => kid)]))
          .length,
      (count) => count === minted.length,
    )
  }
  expect(service.failures).toEqual([])
}, 60_000)

test('connections that are deleted while their keys are first used never meet the follower in a deadlock', async () => {
  for (let round = 0; round < 10; round++) {
    const minted: Minted[] = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { id, tenant } = await service.connection()
        const { kid, key } = (await service.ask('POST', `/connections/${id}/keys`)).body
        return { tenant, connection: id, kid, key }
      }),
    )
    const uses = minted.map((one) => seen(one, null))
    const removing = Promise.all(minted.map(({ connection }) => service.ask('DELETE', `/connections/${connection}`)))
    await service.database.transaction(async (transaction) => service.parts.log.append(transaction, uses))
    expect((await removing).map(({ status }) => status)).toEqual(minted.map(() => 204))
  }
  expect(service.failures).toEqual([])
}, 60_000)

test('an act that meets with another in a deadlock is begun anew: answered as ever, and told once', async () => {
  const { id } = await service.connection()
  const { kid } = (await service.ask('POST', `/connections/${id}/keys`)).body
  const held = Promise.withResolvers<void>()
  // This one looks for a deadlock so late that the act finds it, and is ended for it.
  const other = service.database.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL deadlock_timeout = '60s'`)
    await transaction.query('SELECT FROM keys.provisioning_key WHERE kid = $1 FOR UPDATE', [kid])
    held.resolve()
    await waitsForALock(service.database)
    await transaction.query('SELECT FROM keys.connection WHERE id = $1 FOR UPDATE', [id])
  })
  await held.promise
  const removal = () => service.ask('DELETE', `/connections/${id}`, undefined, { 'idempotency-key': kid })
  expect(await removal()).toMatchObject({ status: 204 })
  await other
  expect(await removal()).toMatchObject({ status: 204 })
  const told = await service.eventsWhere(
    `name IN ('key.revoked', 'connection.deleted') OR (name = 'request.decided' AND payload::json ->> 'operation' = 'connections.delete')`,
  )
  const names = told.filter(({ payload }) => payload.connection === id).map(({ name }) => name)
  // The second record is that of the repetition.
  expect(names).toEqual(['key.revoked', 'connection.deleted', 'request.decided', 'request.decided'])
  expect(service.failures).toEqual([])
})
