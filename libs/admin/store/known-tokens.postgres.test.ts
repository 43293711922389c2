import { localChannel } from '#libs/cache/index'
import { digest, generatePeppers, mintAdminToken } from '#libs/credentials/index'
import { type AnyEvent, type Event, makeEvent } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import { unlimitedRates } from '#test/unlimited'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { Admission, AdminTokenTables, HearTokens, KnownTokens, TokenLookUps } from '../index.ts'

type TokenEvent = Extract<AnyEvent, { name: `admin-token.${string}` }>

const peppers = generatePeppers()
let server: TestDatabase
let database: Database
let tokens: KnownTokens

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await database.query('CREATE SCHEMA directory')
  await database.query(AdminTokenTables.create('directory'))
})
afterAll(async () => {
  await database.close()
  await server.drop()
})
beforeEach(() => {
  tokens = new KnownTokens(database, 'directory')
})

const apply = (...events: TokenEvent[]) => database.transaction((transaction) => tokens.apply(transaction, events))

/** What is told of one token, in order. */
function told() {
  const { id, secret, text } = mintAdminToken()
  const origin = (version: number) => ({ source: 'keys', subject: id, owner: '', version, time: new Date() }) as const
  const powers = {
    name: 'x',
    scopes: ['tenants:read', 'of a later version'],
    tenants: ['acme'],
    allowlist: [],
    expiresAt: null,
  }
  const minted = makeEvent('admin-token.minted', origin(1), {
    token: id,
    ...powers,
    pepperVersion: 1,
    digest: digest(peppers, 1, secret).toString('base64url'),
    mintedBy: 'bootstrap',
  })
  const narrowed = makeEvent('admin-token.changed', origin(2), {
    token: id,
    ...powers,
    allowlist: ['192.0.2.0/24'],
    changed: ['allowlist'],
  })
  const revoked = makeEvent('admin-token.revoked', origin(3), { token: id, revokedAt: new Date().toISOString() })
  return { id, text, minted, narrowed, revoked }
}

test('a token has the digest under the newest pepper that was told of; a revoked one and one that is not known have none', async () => {
  const [one, other, unknown] = [told(), told(), told()]
  await apply(one.minted, other.minted, other.revoked)
  const renewed = (token: string, pepperVersion: number) =>
    makeEvent(
      'admin-token-digest.renewed',
      { source: 'keys', subject: token, owner: '', version: 1, time: new Date() },
      { token, pepperVersion, digest: Buffer.from(`under ${pepperVersion}`).toString('base64url') },
    )
  const renew = (...events: ReturnType<typeof renewed>[]) =>
    database.transaction((transaction) => tokens.renew(transaction, events))
  const held = async (id: string) => {
    const token = await tokens.find(id)
    return token && [token.pepperVersion, Buffer.from(token.digest).toString()]
  }
  expect((await held(one.id))?.[0]).toBe(1)
  await renew(renewed(one.id, 2), renewed(other.id, 2), renewed(unknown.id, 2))
  expect(await held(one.id)).toEqual([2, 'under 2'])
  expect((await held(other.id))?.[0]).toBe(1)
  expect(await held(unknown.id)).toBeUndefined()
  await renew(renewed(one.id, 3), renewed(one.id, 2))
  await apply(one.minted, one.narrowed)
  expect(await held(one.id)).toEqual([3, 'under 3'])
})

test('a token is known as it was minted, of its scopes those that are known here', async () => {
  const { id, minted } = told()
  expect(await tokens.find(id)).toBeUndefined()
  await apply(minted)
  expect(await tokens.find(id)).toMatchObject({ id, scopes: ['tenants:read'], tenants: ['acme'], isRevoked: false })
})

test('whatever order its events come in and however often, it ends as the last of them says', async () => {
  const orders = (events: readonly TokenEvent[]): TokenEvent[][] =>
    events.length < 2
      ? [[...events]]
      : events.flatMap((event) => orders(events.filter((one) => one !== event)).map((rest) => [event, ...rest]))
  for (const order of [0, 1, 2, 3, 4, 5]) {
    const { id, minted, narrowed, revoked } = told()
    for (const event of [...(orders([minted, narrowed, revoked])[order] ?? []), minted, narrowed]) await apply(event)
    expect(await tokens.find(id)).toMatchObject({ isRevoked: true })
  }
})

test('what is in memory gives way as soon as a change or a revocation is applied', async () => {
  const { id, minted, narrowed, revoked } = told()
  await apply(minted)
  expect(await tokens.find(id)).toMatchObject({ allowlist: [] })
  await apply(narrowed)
  expect(await tokens.find(id)).toMatchObject({ allowlist: ['192.0.2.0/24'] })
  await apply(revoked)
  expect(await tokens.find(id)).toMatchObject({ isRevoked: true })
})

test('what was read before a revocation is not remembered after it', async () => {
  const { id, minted, revoked } = told()
  await apply(minted)
  tokens.forgetAll()
  const lock = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const holding = database.transaction(async (transaction) => {
    await transaction.query('LOCK TABLE directory.admin_token IN SHARE ROW EXCLUSIVE MODE')
    held.resolve()
    await lock.promise
  })
  await held.promise
  const revoking = apply(revoked)
  const reading = tokens.find(id)
  lock.resolve()
  await Promise.all([holding, revoking, reading])
  expect(await tokens.find(id)).toMatchObject({ isRevoked: true })
})

test('another instance that was told nothing finds a revocation in the common table', async () => {
  const { id, minted, revoked } = told()
  await apply(minted)
  const other = new KnownTokens(database, 'directory')
  expect(await other.find(id)).toMatchObject({ isRevoked: false })
  await apply(revoked)
  const revokedAt = performance.now()
  while ((await other.find(id))?.isRevoked !== true) {
    if (performance.now() - revokedAt > 5_000) throw new Error('it is accepted still')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('what was remembered while revocations were not known is forgotten before a token is let in again', async () => {
  const { text, minted, revoked } = told()
  await apply(minted)
  let isCurrent = false
  const admission = new Admission({
    bootstrap: [],
    tokens,
    lookUps: new TokenLookUps(unlimitedRates),
    peppers,
    clock: () => new Date(),
    isCurrent: () => isCurrent,
    onFailure: (error) => {
      throw error
    },
  })
  const admit = () => admission.admit(`Bearer ${text}`, '')
  await expect(admit()).rejects.toMatchObject({ code: 'unavailable' })
  const other = new KnownTokens(database, 'directory')
  await database.transaction((transaction) => other.apply(transaction, [revoked]))
  isCurrent = true
  await expect(admit()).rejects.toMatchObject({ code: 'tokenRevoked' })
})

describe('the channel', () => {
  const failures: unknown[] = []
  let missed = 0
  const channel = localChannel((error) => void failures.push(error), 'one process')
  let hearing: HearTokens
  beforeEach(() => {
    failures.length = 0
    missed = 0
    hearing = new HearTokens(tokens, {
      channel,
      onFailure: (error) => void failures.push(error),
      missed: () => void missed++,
    })
    hearing.onModuleInit()
  })
  afterEach(() => hearing.onModuleDestroy())
  const say = async (event: AnyEvent | object): Promise<void> => {
    channel.publish(JSON.stringify(event))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }

  test('takes a token away before the event log tells of it, and for good', async () => {
    const { id, minted, narrowed, revoked } = told()
    await apply(minted)
    expect(await tokens.find(id)).toMatchObject({ isRevoked: false })
    await say(revoked)
    await hearing.onModuleDestroy()
    expect(await tokens.find(id)).toMatchObject({ isRevoked: true })
    await apply(minted, narrowed, revoked)
    expect(await tokens.find(id)).toMatchObject({ isRevoked: true })
    expect([failures, missed]).toEqual([[], 0])
  })

  test('is told to have been missed of what the tables did not take, and of what comes while too much waits', async () => {
    await database.query('ALTER TABLE directory.admin_token RENAME TO admin_token_away')
    await say(told().revoked)
    await hearing.onModuleDestroy()
    await database.query('ALTER TABLE directory.admin_token_away RENAME TO admin_token')
    expect([failures.length, missed]).toEqual([1, 1])

    hearing.onModuleInit()
    const revocation = JSON.stringify(told().revoked)
    const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
    const { promise: lock, resolve: unlock } = Promise.withResolvers<void>()
    const holding = database.transaction(async (transaction) => {
      await transaction.query('LOCK TABLE directory.admin_token')
      locked()
      await lock
    })
    await isLocked
    for (let said = 0; said < 1_001; said++) channel.publish(revocation)
    unlock()
    await holding
    await hearing.onModuleDestroy()
    expect([failures.length, missed]).toEqual([1, 2])
  })

  test('gives nothing: neither a token nor a power, nor what is no event', async () => {
    const { id, minted, narrowed } = told()
    await say(minted)
    const wide: Event<'admin-token.changed'> = { ...narrowed, payload: { ...narrowed.payload, tenants: null } }
    await say(wide)
    await say({ name: 'admin-token.revoked', payload: { token: id } })
    channel.publish('{')
    await hearing.onModuleDestroy()
    expect(await tokens.find(id)).toBeUndefined()
    await apply(minted)
    expect(await tokens.find(id)).toMatchObject({ tenants: ['acme'], isRevoked: false })
  })
})
