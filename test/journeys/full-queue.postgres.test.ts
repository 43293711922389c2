import { type Answer, eventually, startWorld, user, type World } from '../world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ LATCHKEY_DECISION_QUEUE: '20' })
})
afterAll(() => world.stop())

test('while records cannot be written, reads and refusals are answered 503 rather than left unrecorded', async () => {
  const connection = await world.connection('okta')
  const scim = world.scim(connection)
  const { body: someone } = await scim('POST', '/Users', user('someone'))
  const session = await world.session()
  await session.query('BEGIN; LOCK TABLE event_log.event IN EXCLUSIVE MODE')
  const marked = { 'user-agent': 'while the log is locked' }
  const answers: Answer[] = []
  const refused = async (): Promise<Answer> => {
    const read = await scim('GET', `/Users/${someone.id}`, undefined, marked)
    const unknown = await scim('GET', '/Users/none', undefined, marked)
    const answer = await world.scim({ ...connection, key: 'wrong' })('GET', '/Users', undefined, marked)
    answers.push(read, unknown, answer)
    return answer
  }
  const last = await eventually(refused, ({ status }) => status === 503)
  expect(last.body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '503' })
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await scim('GET', '/Users', undefined, marked)).status).toBe(503)
  const write = scim('POST', '/Users', user('waits'))
  await session.query('COMMIT')
  await session.end()
  expect((await write).status).toBe(201)

  await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 200,
  )
  const answered = answers.filter(({ status }) => status !== 503)
  expect(answered.length).toBeGreaterThan(0)
  expect(answered.length).toBeLessThanOrEqual(20)
  const statuses = answered.map(({ status }) => status).sort()
  const recorded = async (): Promise<number[]> =>
    (await world.audit({ surface: 'scim' }))
      .filter(({ userAgent }) => userAgent === marked['user-agent'])
      .map(({ status }) => status)
      .sort()
  expect(await eventually(recorded, (found) => found.length >= answered.length)).toEqual(statuses)
})
