import { mintKey } from '#libs/credentials/index'
import { type KeysService, startKeysService } from '#test/keys-service'
import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import type { Told } from '#test/world'

let server: TestDatabase
let service: KeysService
beforeEach(async () => {
  server = await testDatabase()
  service = await startKeysService({ url: server.url, clock: () => new Date(), unproved: 20 })
})
afterEach(async () => {
  await service.close()
  await server.drop()
})

async function report(body: unknown): Promise<{ status: number; headers: Headers; body: Told }> {
  const answer = await fetch(`${service.url}/leaks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const records = () => service.eventsWhere(`name = 'request.decided' AND payload LIKE '%keys.report-leak%'`)

const few = 'those that are too many are refused, and few leave a record'
async function expectFewTaken(status: number, junk: () => unknown): Promise<void> {
  const statuses: number[] = []
  for (let sent = 0; sent < 40; sent++) statuses.push((await report(junk())).status)
  expect(statuses).toEqual(Array.from({ length: 40 }, (_one, index) => (index < 20 ? status : 429)))
  const last = await report(junk())
  expect(last.body).toMatchObject({ status: 429, code: 'tooManyRefused' })
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  const told = await records()
  expect(told.length).toBeLessThan(30)
  expect(told[20]?.payload).toMatchObject({ outcome: 'refused', code: 'tooManyRefused', alike: 0 })
}

test.each<[string, number, () => unknown]>([
  ['hold no key', 200, () => ({ keys: ['nonsense'] })],
  ['hold invented keys', 200, () => ({ keys: [mintKey('live').text] })],
  ['are none', 422, () => ({})],
])(`of reports that %s, ${few}`, async (_, status, junk) => expectFewTaken(status, junk))

test(`of reports that prove what is revoked already, ${few}`, async () => {
  const { id } = await service.connection()
  const { kid, key } = (await service.ask('POST', `/connections/${id}/keys`)).body
  const made = (await service.ask('POST', '/tokens', { name: 'Of before', scopes: ['tenants:read'] })).body
  await service.ask('POST', `/keys/${kid}/revoke`)
  await service.ask('POST', `/tokens/${made.id}/revoke`)
  await expectFewTaken(200, () => ({ keys: [key, made.token, 'nonsense'] }))
})

test('a key is revoked with itself while its network is refused, and the report leaves its record', async () => {
  for (let sent = 0; sent < 25; sent++) await report({ keys: ['nonsense'] })
  const { id } = await service.connection()
  const { kid, key } = (await service.ask('POST', `/connections/${id}/keys`)).body
  expect(await report({ keys: [key] })).toMatchObject({ status: 200, body: { results: [{ kid, outcome: 'revoked' }] } })
  expect((await records()).at(-1)?.payload).toMatchObject({ outcome: 'accepted', subject: { kind: 'key', id: kid } })
})

test('reports that revoke something, each its own, are taken without end from one network', async () => {
  for (let sent = 0; sent < 70; sent++) {
    const { id, token } = (await service.ask('POST', '/tokens', { name: `Leaked ${sent}`, scopes: ['tenants:read'] }))
      .body
    const results = [{ kid: null, token: id, outcome: 'revoked' }]
    expect(await report({ keys: [token] })).toMatchObject({ status: 200, body: { results } })
  }
}, 60_000)
