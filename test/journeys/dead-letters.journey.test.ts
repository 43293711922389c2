import { type Answer, type Connection, eventually, startWorld, user, type OwnWorld } from '../world.ts'

let world: OwnWorld
let connection: Connection
beforeAll(async () => {
  world = await startWorld()
  connection = await world.connection('okta')
})
afterAll(() => world.stop())

const letters = '/admin/v1/followers/directory/dead-letters'

/** At the directory, which follows. */
async function ask(
  method: string,
  path: string,
  body?: object,
  { token = world.adminToken, key }: { token?: string; key?: string } = {},
): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  const answer = await fetch(world.directoryUrl + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const names = async (): Promise<string[]> =>
  (await world.directory(`/${connection.id}/users`)).body.items.map(({ userName }: { userName: string }) => userName)

test('an event that cannot be applied holds nothing up, is listed without its payload, and is applied once its cause is gone', async () => {
  await world.query(`ALTER TABLE directory.person ADD CONSTRAINT no_grace CHECK (user_name <> 'grace.hopper')`)
  const scim = world.scim(connection)
  expect((await scim('POST', '/Users', user('grace.hopper'))).status).toBe(201)
  expect((await scim('POST', '/Users', user('ada'))).status).toBe(201)
  const { body } = await eventually(
    () => ask('GET', letters),
    (answer) => answer.body.items.length === 1,
  )
  expect(await eventually(names, (found) => found.length === 1)).toEqual(['ada'])
  const [letter] = body.items
  expect(Object.keys(letter).sort()).toEqual(['buriedAt', 'id', 'key', 'name', 'reason'])
  expect(letter).toMatchObject({ name: 'user.provisioned', reason: expect.stringContaining('no_grace') })
  expect(JSON.stringify(body)).not.toContain('grace.hopper')

  const replay = (): Promise<Answer> => ask('POST', `${letters}/replay`, { ids: [letter.id] })
  expect((await replay()).body).toEqual({ applied: [], stillDead: [letter.id] })
  await world.query('ALTER TABLE directory.person DROP CONSTRAINT no_grace')
  expect((await replay()).body).toEqual({ applied: [letter.id], stillDead: [] })
  expect((await replay()).body).toEqual({ applied: [], stillDead: [] })
  expect((await ask('GET', letters)).body).toEqual({ items: [] })
  expect((await names()).sort()).toEqual(['ada', 'grace.hopper'])
})

test('a replay that is sent again under its Idempotency-Key is answered as the first time', async () => {
  await world.query(`ALTER TABLE directory.person ADD CONSTRAINT no_alan CHECK (user_name <> 'alan')`)
  expect((await world.scim(connection)('POST', '/Users', user('alan'))).status).toBe(201)
  const [letter] = await eventually(
    async () => (await ask('GET', letters)).body.items,
    (items) => items.length === 1,
  )
  await world.query('ALTER TABLE directory.person DROP CONSTRAINT no_alan')
  const [key, body] = [crypto.randomUUID(), { ids: [letter.id] }]
  const replay = () => ask('POST', `${letters}/replay`, body, { key })
  const together = await Promise.all([replay(), replay(), replay()])
  const done = together.filter(({ status }) => status === 200)
  expect(done.length).toBeGreaterThan(0)
  for (const answer of done) expect(answer.body).toEqual({ applied: [letter.id], stillDead: [] })
  for (const answer of together.filter(({ status }) => status !== 200))
    expect([answer.status, answer.body.code]).toEqual([409, 'idempotencyKeyInUse'])
  expect((await replay()).body).toEqual({ applied: [letter.id], stillDead: [] })
  const other = await ask('POST', `${letters}/replay`, { ids: [letter.id, crypto.randomUUID()] }, { key })
  expect([other.status, other.body.code]).toEqual([422, 'idempotencyKeyReused'])
  expect((await ask('POST', `${letters}/replay`, body)).body).toEqual({ applied: [], stillDead: [] })
})

test('who follows is told to whoever has the admin token', async () => {
  const { status, body } = await ask('GET', '/admin/v1/followers')
  expect(status).toBe(200)
  expect(body.items).toContainEqual({ group: 'directory', state: 'following' })
  for (const path of ['/admin/v1/followers', letters]) {
    expect((await ask('GET', path, undefined, { token: 'wrong' })).status).toBe(401)
  }
  expect((await ask('POST', `${letters}/replay`, { ids: [] })).status).toBe(422)
  expect(await ask('GET', '/admin/v1/followers/nobody/dead-letters')).toMatchObject({
    status: 404,
    body: { detail: expect.stringMatching(/^Nothing here follows as "nobody"\. .*directory/) },
  })
})
