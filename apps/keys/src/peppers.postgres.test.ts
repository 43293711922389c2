import { addPepper, digest, generatePeppers, readAdminToken, readKey } from '#libs/credentials/index'
import { makeEvent } from '#libs/events/index'
import { type KeysService, startKeysService, until } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { checkPeppers } from './store/peppers.ts'

const former = generatePeppers()
const both = addPepper(former)
const now = new Date('2026-03-01T10:00:00.000Z')

let server: TestDatabase
let service: KeysService

/** The service as a start with these peppers makes it. */
async function start(peppers: typeof both): Promise<KeysService> {
  const times = { every: 3_600_000, lease: 1_000 }
  const started = await startKeysService({ url: server.url, clock: () => now, times, peppers })
  await checkPeppers(started.database, peppers)
  return started
}

beforeEach(async () => {
  server = await testDatabase()
  service = await start(former)
})
afterEach(async () => {
  await service.close()
  await server.drop()
})

const needs = async () => (await service.ask('GET', '/peppers')).body.items

test('what needs each pepper is told while all runs, until nothing does: then it can be left out', async () => {
  const { id, tenant } = await service.connection('sandbox')
  const { kid, key, pepperVersion } = (await service.ask('POST', `/connections/${id}/keys`)).body
  const revoked = (await service.ask('POST', `/connections/${id}/keys`)).body.kid
  await service.ask('POST', `/keys/${revoked}/revoke`)
  const token = (await service.ask('POST', '/tokens', { name: 'Terraform', scopes: ['tenants:read'] })).body.token
  expect(pepperVersion).toBe(1)
  await service.close()
  service = await start(both)

  const { kid: newer } = (await service.ask('POST', `/connections/${id}/keys`)).body
  const current = { version: 2, isCurrent: true, isHeld: true, keys: 1, kids: [newer], tokens: 0 }
  expect(await needs()).toEqual([
    { version: 1, isCurrent: false, isHeld: true, keys: 1, kids: [kid], tokens: 1 },
    current,
  ])
  const listed = (await service.ask('GET', `/connections/${id}/keys`)).body.items
  expect(new Map(listed.map((one: { kid: string; pepperVersion: number }) => [one.kid, one.pepperVersion]))).toEqual(
    new Map([
      [kid, 1],
      [revoked, 1],
      [newer, 2],
    ]),
  )

  // The key is used at a gateway, and the token here.
  const tag = (await service.ask('GET', `/keys/${kid}`)).headers.get('etag')
  const read = readKey(key)
  if (read.kind !== 'key') throw new Error('it is not a key')
  const origin = { source: 'gateway', subject: kid, owner: id, version: 1, time: now } as const
  const renewed = digest(both, 2, read.secret).toString('base64url')
  const payload = { tenant, connection: id, kid, pepperVersion: 2, digest: renewed }
  await service.database.transaction(async (transaction) =>
    service.parts.log.append(transaction, [makeEvent('key-digest.renewed', origin, payload)]),
  )
  await service.ask('GET', '/tenants', undefined, { authorization: `Bearer ${token}` })
  const left = await until(needs, ([old]) => old.keys + old.tokens === 0)
  expect(left).toEqual([
    { version: 1, isCurrent: false, isHeld: true, keys: 0, kids: [], tokens: 0 },
    { ...current, keys: 2, kids: [kid, newer].sort(), tokens: 1 },
  ])
  const shown = await service.ask('GET', `/keys/${kid}`, undefined, { 'if-none-match': tag })
  expect([shown.status, shown.body.pepperVersion]).toEqual([200, 2])
  expect((await service.ask('GET', `/tokens/${readAdminToken(token)?.id}`)).body.pepperVersion).toBe(2)

  await service.close()
  service = await start({ current: 2, keys: new Map([...both.keys].filter(([version]) => version === 2)) })
  expect((await needs())[0]).toMatchObject({ version: 1, isHeld: false, keys: 0, tokens: 0 })
  expect(service.failures).toEqual([])
})

test('who is limited to tenants is not told of the peppers, nor who may not read keys', async () => {
  const make = async (more: object): Promise<string> =>
    (await service.ask('POST', '/tokens', { name: crypto.randomUUID(), ...more })).body.token
  const limited = await make({ scopes: ['keys:read'], tenants: [await service.tenant()] })
  const other = await make({ scopes: ['tenants:read'] })
  const ask = (token: string) => service.ask('GET', '/peppers', undefined, { authorization: `Bearer ${token}` })
  expect((await ask(limited)).body.code).toBe('tenantsRefused')
  expect((await ask(other)).body.code).toBe('scopeMissing')
})
