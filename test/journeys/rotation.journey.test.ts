import { type Connection, enterWorld, eventually, type Told, user, type World } from '../world.ts'

let world: World
let connection: Connection
beforeAll(async () => {
  world = await enterWorld()
})
beforeEach(async () => {
  connection = await world.connection('okta')
})
afterAll(() => world.stop())

const list = (key: string) => world.scim({ ...connection, key })('GET', '/Users')
const keyOf = async (kid: string): Promise<Told> => (await world.admin('GET', `/keys/${kid}`)).body
const inState = (kid: string, state: string) =>
  eventually(
    () => keyOf(kid),
    (key) => key.state === state,
  )
const rotate = (body: object, headers?: Readonly<Record<string, string>>) =>
  world.admin('POST', `/connections/${connection.id}/rotations`, body, headers)

test('a key is rotated without a request lost: both work until the new one is used, then the old one retires and is finished', async () => {
  await inState(connection.kid, 'active')
  const asked = { name: 'rotator', scopes: ['keys:rotate', 'keys:mint'], tenants: [connection.tenant] }
  const token = (await world.admin('POST', '/tokens', asked)).body
  const { status, body: started } = await rotate({ graceHours: 1 }, { authorization: `Bearer ${token.token}` })
  expect(status).toBe(201)
  const next: string = started.key
  expect((await list(connection.key)).status).toBe(200)
  expect((await keyOf(started.newKey.kid)).state).toBe('pending')

  await eventually(
    () => list(next),
    (answer) => answer.status === 200,
  )
  await inState(started.newKey.kid, 'active')
  const old = await inState(connection.kid, 'retiring')
  const { firstUsed } = await keyOf(started.newKey.kid)
  expect(Date.parse(old.until) - Date.parse(firstUsed.at)).toBe(3_600_000)
  expect((await list(connection.key)).status).toBe(200)

  const finished = await world.admin('POST', `/rotations/${started.id}/finish`)
  expect(finished).toMatchObject({ status: 200, body: { state: 'finished', outcome: 'old-ended-by-operator' } })
  const refused = await eventually(
    () => list(connection.key),
    (answer) => answer.status === 401,
  )
  expect(refused.body.detail).toContain('expired')
  const made = await world.scim({ ...connection, key: next })('POST', '/Users', user('ada'))
  expect(made.status).toBe(201)

  const report = (await world.admin('GET', `/rotations/${started.id}`)).body
  expect(report).toMatchObject({
    startedBy: { kind: 'operator', actor: token.id },
    endedBy: { kind: 'operator', actor: 'bootstrap' },
    newKey: { kid: started.newKey.kid, firstUsed },
    oldKey: { kid: connection.kid, lastUsed: { address: '127.0.0.1' } },
  })
  const [record] = await eventually(
    () => world.audit({ operation: 'rotations.finish', connection: connection.id }),
    (found) => found.length > 0,
  )
  expect(record).toMatchObject({ subject: { kind: 'rotation', id: started.id }, requestId: report.endedBy.request })
})

test('without grace the old key goes on under safe where it was in use until then, and is refused under strict as soon as the new one was seen', async () => {
  await inState(connection.kid, 'active')
  const { body: kept } = await rotate({ graceHours: 0 })
  await eventually(
    () => list(kept.key),
    (answer) => answer.status === 200,
  )
  const safe = await eventually(
    async () => (await world.admin('GET', `/rotations/${kept.id}`)).body,
    ({ extensions }) => extensions > 0,
  )
  expect(safe).toMatchObject({ state: 'running', outcome: null })
  expect((await list(connection.key)).status).toBe(200)
  await world.admin('POST', `/rotations/${kept.id}/finish`)

  await list(kept.key)
  const { body: started } = await rotate({ mode: 'strict', graceHours: 0 })
  await eventually(
    () => list(started.key),
    (answer) => answer.status === 200,
  )
  await inState(kept.newKey.kid, 'expired')
  await eventually(
    () => list(kept.key),
    (answer) => answer.status === 401,
  )
  expect((await world.admin('GET', `/rotations/${started.id}`)).body).toMatchObject({
    state: 'finished',
    outcome: 'old-still-used',
  })
})

test('a next key that was never used is cancelled, and is then refused everywhere', async () => {
  await inState(connection.kid, 'active')
  const { body: started } = await rotate({})
  expect((await world.admin('POST', `/rotations/${started.id}/cancel`)).status).toBe(200)
  const refused = await eventually(
    () => list(started.key),
    (answer) => answer.status === 401 && /cancelled/.test(answer.body.detail),
  )
  expect(refused.body.detail).toContain('cancelled')
  expect((await list(connection.key)).status).toBe(200)
  expect((await keyOf(connection.kid)).state).toBe('active')
})
