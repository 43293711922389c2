import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { mangled, runs } from '#libs/scim/arbitrary/index'
import { type Told, user } from '../world.ts'
import { create, scim, shareOneConnection } from './one-connection.ts'

shareOneConnection()

interface Row {
  readonly path: string
  readonly body?: unknown
}

const file = new URL('../../../test/idp/requests.json', import.meta.url)
const rows: Row[] = JSON.parse(readFileSync(file, 'utf8'))
const filters = rows.flatMap(({ path }) => new URL(path, 'http://x').searchParams.getAll('filter'))
const bodies = rows.flatMap(({ body }) => (body === undefined ? [] : [JSON.stringify(body)]))

/** Whatever is refused is refused as a SCIM error that a client can act on. */
function expectSound(answer: { status: number; body: Told }): void {
  expect(answer.status).toBeLessThan(500)
  if (answer.status < 400) return
  expect(answer.body).toMatchObject({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(answer.status),
    detail: expect.any(String),
  })
}

test('no request, however mangled, is answered as a fault of the service or not at all', async () => {
  const { id: userId } = await create('/Users', user('mangled', { emails: [{ value: 'a@x.example', type: 'work' }] }))
  const { id: groupId } = await create('/Groups', { displayName: 'mangled', members: [{ value: userId }] })
  const ways = fc.constantFrom(
    ['POST', '/Users'],
    ['POST', '/Groups'],
    ['PUT', `/Users/${userId}`],
    ['PUT', `/Groups/${groupId}`],
    ['PATCH', `/Users/${userId}`],
    ['PATCH', `/Groups/${groupId}`],
  )
  await fc.assert(
    fc.asyncProperty(mangled(bodies), ways, async (body, [method = '', path = '']) => {
      expectSound(await scim(method, path, body))
    }),
    runs(150),
  )
  await fc.assert(
    fc.asyncProperty(mangled(filters), fc.constantFrom('/Users', '/Groups'), async (filter, path) => {
      const query = new URLSearchParams({ filter: filter.toWellFormed().slice(0, 3_000), count: '1' })
      expectSound(await scim('GET', `${path}?${query.toString()}`))
    }),
    runs(100),
  )
  expect((await scim('GET', `/Users/${userId}`)).status).toBe(200)
})
