import { bulk, enterpriseSchema, eventually, group, patch, startWorld, user } from '../world.ts'
import type { Answer, Connection, Scim, Told, World } from '../world.ts'

let world: World
let connection: Connection
let scim: Scim

beforeAll(async () => {
  world = await startWorld()
  connection = await world.connection('other', { environment: 'sandbox' })
  scim = world.scim(connection)
})
afterAll(() => world.stop())

/** The request, and what came of it when it was sent again. */
async function sendAndReplay(
  operation: string,
  send: () => Promise<Answer>,
): Promise<{ sent: Answer; replayed: Told }> {
  const known = new Set((await world.audit({ connection: connection.id, operation })).map(({ id }) => id))
  const sent = await send()
  const records = await eventually(
    async () =>
      (await world.audit({ connection: connection.id, operation })).filter(
        (one) => one.replayOf === undefined && !known.has(one.id),
      ),
    ({ length }) => length > 0,
  )
  const answer = await eventually(
    () => world.gatewayAdmin('POST', `/requests/${records[0].id}/replay`),
    ({ status }) => status === 200,
  )
  return { sent, replayed: answer.body }
}

const search = (filter: string): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
  filter,
  startIndex: 1,
  count: 5,
})
const work = { type: 'work', value: 'ada@example.com', primary: true }
type Kind = readonly [what: string, operation: string, method: string, path: string, status: number]
const kinds: readonly (readonly [...Kind, body?: (ids: { user: string; group: string }) => object])[] = [
  ['a list', 'users.list', 'GET', '/Users?filter=userName eq "ada@example.com"&count=5', 200],
  ['a list by value path', 'users.list', 'GET', '/Users?filter=emails[type eq "work" and value co "@"]', 200],
  ['a filter that is none', 'users.list', 'GET', '/Users?filter=userName=ada@example.com', 400],
  ['a search of users', 'users.search', 'POST', '/Users/.search', 200, () => search('userName sw "ada"')],
  ['a search of all', 'resources.search', 'POST', '/.search', 200, () => search('meta.resourceType eq "User"')],
  ['a read', 'users.read', 'GET', '/Users/$user', 200],
  ['a read of who is unknown', 'users.read', 'GET', '/Users/ada@example.com', 404],
  ['a read of a group', 'groups.read', 'GET', '/Groups/$group', 200],
  ['a resource type', 'discovery.resource-type', 'GET', '/ResourceTypes/User', 200],
  ['a schema', 'discovery.schema', 'GET', `/Schemas/${enterpriseSchema}`, 200],
  ['a create', 'users.create', 'POST', '/Users', 201, () => user('ada.new@example.com', { emails: [work] })],
  ['a replace', 'users.replace', 'PUT', '/Users/$user', 200, () => user('ada@example.com', { emails: [work] })],
  [
    'a PATCH by value path',
    'users.patch',
    'PATCH',
    '/Users/$user',
    200,
    () => patch({ op: 'replace', path: 'emails[type eq "work"].value', value: 'lovelace@example.com' }),
  ],
  [
    'a PATCH whose value path selects nothing',
    'users.patch',
    'PATCH',
    '/Users/$user',
    400,
    () => patch({ op: 'replace', path: 'emails[type eq "home"].value', value: 'lovelace@example.com' }),
  ],
  [
    'a PATCH of members',
    'groups.patch',
    'PATCH',
    '/Groups/$group',
    200,
    ({ user: id }) => patch({ op: 'remove', path: `members[value eq "${id}"]` }),
  ],
  [
    'a bulk request',
    'bulk.run',
    'POST',
    '/Bulk',
    200,
    () =>
      bulk([
        { method: 'POST', path: '/Users', bulkId: '1', data: user('bulk.ada') },
        { method: 'POST', path: '/Groups', bulkId: '2', data: group('bulk', ['bulkId:1']) },
      ]),
  ],
  ['a deletion', 'users.delete', 'DELETE', '/Users/no.such.one', 404],
]

describe('a captured request that is sent again comes to the same:', () => {
  const ids = { user: '', group: '' }

  beforeAll(async () => {
    ids.user = (await scim('POST', '/Users', user('ada@example.com', { emails: [work] }))).body.id
    ids.group = (await scim('POST', '/Groups', group('lovelace', [ids.user]))).body.id
  })

  test.each(kinds.map((kind) => ({ what: kind[0], kind })))('$what', async ({ kind }) => {
    const [, operation, method, path, status, body] = kind
    const at = path.replace('$user', ids.user).replace('$group', ids.group)
    const { sent, replayed } = await sendAndReplay(operation, () => scim(method, at, body?.(ids)))
    expect(sent.status).toBe(status)
    expect(replayed).toMatchObject({ request: { method }, response: { status } })
    expect(JSON.stringify(replayed.request)).not.toMatch(/lovelace|example|ada\b/i)
    const statuses = ({ Operations = [] }: Told): string[] => Operations.map((one: Told) => one.status)
    expect(statuses(replayed.response.body ?? {})).toEqual(statuses(sent.body ?? {}))
  })
})

test('reads of a large group can be sent again and again, and other large groups are read as before', async () => {
  const { body: large } = await scim('POST', '/Groups', group('large'))
  const members = Array.from({ length: 1_001 }, (_, index) => ({ value: `nobody-${index}` }))
  await scim('PATCH', `/Groups/${large.id}`, patch({ op: 'add', path: 'members', value: members }))
  const read = (): Promise<Answer> => scim('GET', `/Groups/${large.id}`)
  const { sent, replayed } = await sendAndReplay('groups.read', read)
  expect(sent.body.members).toHaveLength(1_001)
  expect(replayed.response).toMatchObject({ status: 200 })
  expect(replayed.response).not.toHaveProperty('body')
  for (let time = 0; time < 4; time++) {
    expect(await world.gatewayAdmin('POST', `/requests/${replayed.replayOf}/replay`)).toMatchObject({ status: 200 })
  }
  expect((await read()).body.members).toHaveLength(1_001)
  const open = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
  await eventually(
    () => world.query(open),
    (sessions) => sessions.length === 0,
  )
  const record = await eventually(
    async () =>
      (await world.audit({ connection: connection.id, operation: 'groups.read' })).find(
        (one) => one.id === replayed.requestId,
      ),
    (one) => one !== undefined,
  )
  expect(record).toMatchObject({ replayOf: replayed.replayOf, outcome: 'accepted', status: 200 })
})
