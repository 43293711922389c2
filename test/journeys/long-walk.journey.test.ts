import { allOf, type Answer, type Connection, type Scim, startWorld, user, type OwnWorld } from '../world.ts'

const size = 20_000
const changes = 200

let world: OwnWorld
let connection: Connection
let scim: Scim

beforeAll(async () => {
  world = await startWorld({ LATCHKEY_LIST_TIMEOUT: '100ms' })
  connection = await world.connection('other')
  scim = world.scim(connection)
  await fill('a')
})
afterAll(() => world.stop())

/** Users with names that begin so, as if each had been created. */
async function fill(prefix: string): Promise<void> {
  await world.query(
    `INSERT INTO gateway.scim_user (connection, id, user_name_key, email_keys, active, version, created, last_modified, document)
     SELECT $1, gen_random_uuid(), name, '{}', true, 1, now(), now(),
       jsonb_build_object('schemas', jsonb_build_array('urn:ietf:params:scim:schemas:core:2.0:User'), 'userName', name, 'active', true, 'title', repeat(name, 20))
     FROM (SELECT $2 || lpad(n::text, 6, '0') AS name FROM generate_series(1, ${size}) AS n) AS named`,
    [connection.id, prefix],
  )
  await world.query('VACUUM ANALYZE gateway.scim_user')
}

/** The names met on a walk by cursor, while users are deleted and others added all over. */
async function walkAmidChanges(sorted: string, round: string): Promise<{ met: string[]; deleted: Set<string> }> {
  const all = await world.query('SELECT id, user_name_key AS name FROM gateway.scim_user WHERE connection = $1', [
    connection.id,
  ])
  const victims = all.filter((_, index) => index % Math.floor(all.length / changes) === 0).slice(0, changes)
  const met: string[] = []
  const deleted = new Set<string>()
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const answer: Answer = await scim('GET', `/Users?attributes=userName&count=200${sorted}&cursor=${cursor}`)
    expect(answer).toMatchObject({ status: 200, body: { totalResults: all.length } })
    met.push(...answer.body.Resources.map(({ userName }: { userName: string }) => userName))
    const [gone, added] = [victims.splice(0, 2), met.length]
    await allOf(gone, async ({ id, name }, index) => {
      expect((await scim('DELETE', `/Users/${id}`)).status).toBe(204)
      deleted.add(name)
      const before = index % 2 === 0 ? 'a0' : 'z'
      expect((await scim('POST', '/Users', user(`${before}-added-${round}-${added}-${index}`))).status).toBe(201)
    })
    cursor = answer.body.nextCursor
  }
  expect(victims).toEqual([])
  return { met, deleted }
}

test.each([
  ['by id', ''],
  ['by name', '&sortBy=userName'],
  ['by name, from the last', '&sortBy=userName&sortOrder=descending'],
])(
  'a walk of 20,000 users %s, while 200 are deleted and 200 added, meets each that stood throughout once, and none twice',
  async (how, sorted) => {
    const before = await world.query('SELECT user_name_key AS name FROM gateway.scim_user WHERE connection = $1', [
      connection.id,
    ])
    const { met, deleted } = await walkAmidChanges(sorted, how.replaceAll(/\W/g, ''))
    const seen = new Set(met)
    expect(seen.size).toBe(met.length)
    const throughout = before.map(({ name }) => name).filter((name) => !deleted.has(name))
    expect(throughout.length).toBeGreaterThan(size - 3 * changes)
    expect(throughout.filter((name) => !seen.has(name))).toEqual([])
  },
  120_000,
)

test('what no index can find in time is refused as tooMany, saying what to do, and what one finds is found', async () => {
  for (const prefix of ['b', 'c', 'd', 'e']) await fill(prefix)
  const slow = 'title co "nowhere" or title ew "x" or title co "y"'
  const answers = await Promise.all(
    [`/Users?filter=${slow}`, `/Users?sortBy=title`, `/?filter=${slow}`].map((path) => scim('GET', path)),
  )
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 400, body: { scimType: 'tooMany', status: '400' } })
    expect(answer.body.detail).toContain('Filter by eq on userName')
  }
  expect((await scim('GET', '/Users?filter=userName eq "c000777"')).body).toMatchObject({ totalResults: 1 })
  expect((await scim('GET', '/Users?sortBy=userName&count=1&cursor')).status).toBe(200)
  expect(world.logs()).not.toMatch(/a SCIM request failed|database is away/)
}, 60_000)
