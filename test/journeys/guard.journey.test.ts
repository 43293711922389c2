import {
  type Answer,
  bulk,
  type Connection,
  enterWorld,
  eventually,
  patch,
  type Scim,
  type Told,
  user,
  type World,
} from '../world.ts'

let world: World

beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

interface Place {
  readonly connection: Connection
  readonly scim: Scim
  readonly ids: readonly string[]
}

/** A connection through which 5 may be deactivated or deleted in an hour, and users of it. */
async function place(users: number, environment: 'live' | 'sandbox' = 'live'): Promise<Place> {
  const settings = { guardMost: 5, guardPercent: 0 }
  const connection = await world.connection('okta', { environment, settings })
  const scim = world.scim(connection)
  const operations = Array.from({ length: users }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: `u${index}`,
    data: user(`user ${index}`),
  }))
  const { body } = await scim('POST', '/Bulk', bulk(operations))
  const ids = body.Operations.map(({ location }: Told) => location.split('/').at(-1))
  return { connection, scim, ids }
}

const guardOf = async (id: string): Promise<Told> =>
  (await world.gatewayAdmin('GET', '/guard?limit=200')).body.items.find(({ connection }: Told) => connection === id)
const decide = (id: string, act: 'allow' | 'deny', body?: object): Promise<Answer> =>
  world.gatewayAdmin('POST', `/guard/${id}/${act}`, body ?? {})
const standing = async ({ scim }: Place): Promise<number> =>
  (await scim('GET', '/Users?count=0&filter=active eq true')).body.totalResults

test('a storm is held, shown, allowed by a person and then done; single ones have not waited', async () => {
  const there = await place(12)
  const { connection, scim, ids } = there
  const remove = (id: string): Promise<Answer> => scim('DELETE', `/Users/${id}`)
  const deactivate = (id: string): Promise<Answer> =>
    scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: false }))
  const replace = (id: string, index: number): Promise<Answer> =>
    scim('PUT', `/Users/${id}`, user(`user ${index}`, { active: false }))
  const act = (id: string, index: number): Promise<Answer> =>
    index % 3 === 0 ? remove(id) : index % 3 === 1 ? deactivate(id) : replace(id, index)
  const answers = await Promise.all(ids.map(act))
  const done = answers.filter(({ status }) => status < 300)
  const held = answers.filter(({ status }) => status === 429)
  expect([done.length, held.length]).toEqual([5, 7])
  expect(held[0]?.headers.get('retry-after')).toBe('300')
  expect(held[0]?.body.detail).toContain(`latchkey guard allow ${connection.id}`)
  expect(await standing(there)).toBe(7)

  const guard = await guardOf(connection.id)
  expect(guard).toMatchObject({ state: 'held', tried: 7 })
  expect(guard.examples).toHaveLength(7)
  expect(ids).toEqual(expect.arrayContaining(guard.examples.map(({ id }: Told) => id)))
  expect(JSON.stringify(guard)).not.toContain('user ')

  const [record] = await eventually(
    async () =>
      (await world.audit({ connection: connection.id, outcome: 'refused' })).filter(
        ({ code }) => code === 'deprovisioning-held',
      ),
    ({ length }) => length === 7,
  )
  expect(record.steps.map(({ step, decision }: Told) => `${step} ${decision}`)).toEqual([
    ...['shape', 'transport', 'address', 'rate', 'key'].map((step) => `${step} passed`),
    'signature skipped',
    'payload passed',
    'guard refused',
  ])

  expect(await decide(connection.id, 'allow', { count: 7 })).toMatchObject({ status: 200, body: { left: 7 } })
  const again = ids.filter((_, index) => answers[index]?.status === 429)
  for (const id of again) expect((await remove(id)).status).toBe(204)
  expect(await standing(there)).toBe(0)
  expect(await guardOf(connection.id)).toBeUndefined()

  const events = (await world.events(connection.id)).filter(({ name }) => name.startsWith('guard.'))
  expect(events.map(({ name, version, subject }) => [name, version, subject])).toEqual([
    ['guard.held', 1, connection.id],
    ['guard.allowed', 2, connection.id],
  ])
  const [decision] = await eventually(
    () => world.audit({ surface: 'admin', operation: 'guard.allow', connection: connection.id }),
    ({ length }) => length === 1,
  )
  expect(decision).toMatchObject({ status: 200, tenant: connection.tenant, events: [events[1]?.id] })
})

test('the operations of a bulk request are counted alike, and those beyond are answered 429 in it', async () => {
  const there = await place(9)
  const operations = there.ids.map((id) => ({ method: 'DELETE', path: `/Users/${id}` }))
  const { status, body } = await there.scim('POST', '/Bulk', bulk(operations))
  expect(status).toBe(200)
  const statuses: string[] = body.Operations.map((operation: Told) => operation.status)
  expect(statuses.filter((one) => one === '204')).toHaveLength(5)
  expect(statuses.filter((one) => one === '429')).toHaveLength(4)
  expect(await standing(there)).toBe(4)
})

test('a dry run never counts', async () => {
  const there = await place(8)
  const dry = { 'latchkey-dry-run': 'true' }
  for (const id of there.ids) expect((await there.scim('DELETE', `/Users/${id}`, undefined, dry)).status).toBe(200)
  expect(await guardOf(there.connection.id)).toBeUndefined()
  expect((await there.scim('DELETE', `/Users/${there.ids[0]}`)).status).toBe(204)
})

test('no more than a number that was allowed pass where a person denies what follows them', async () => {
  const { connection, scim, ids } = await place(7)
  expect((await decide(connection.id, 'allow', { count: 2 })).status).toBe(200)
  const statuses = async (some: readonly string[]): Promise<number[]> => {
    const answers: number[] = []
    for (const id of some) answers.push((await scim('DELETE', `/Users/${id}`)).status)
    return answers
  }
  expect(await statuses(ids.slice(0, 2))).toEqual([204, 204])
  expect(await decide(connection.id, 'deny')).toMatchObject({ status: 200, body: { state: 'denied' } })
  expect(await statuses(ids.slice(2))).toEqual([403, 403, 403, 403, 403])
})

test('where the guard is off there is nothing to deny, and the answer says how it is turned on', async () => {
  const { connection } = await place(1, 'sandbox')
  expect(await decide(connection.id, 'deny')).toMatchObject({
    status: 409,
    body: { code: 'conflict', detail: expect.stringContaining(`connections set ${connection.id} --guard on`) },
  })
  expect(await guardOf(connection.id)).toBeUndefined()
})

test('what a person denies is refused with 403, until somebody allows it', async () => {
  const there = await place(7)
  const { connection, scim, ids } = there
  for (const id of ids) await scim('DELETE', `/Users/${id}`)
  expect(await decide(connection.id, 'deny')).toMatchObject({ status: 200, body: { state: 'denied' } })
  const refused = await scim('DELETE', `/Users/${ids.at(-1)}`)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([403, null])
  expect(await decide(connection.id, 'allow', { for: '1m' })).toMatchObject({ status: 200, body: { state: 'allowed' } })
  expect((await scim('DELETE', `/Users/${ids.at(-1)}`)).status).toBe(204)
})

test('a sandbox is not guarded unless it is told to be', async () => {
  const there = await place(8, 'sandbox')
  for (const id of there.ids) expect((await there.scim('DELETE', `/Users/${id}`)).status).toBe(204)
})

test.each([{}, { for: '1h', count: 1 }, { for: 'soon' }, { for: '31d' }, { count: 0 }])(
  'an allowance of %j is refused with what it may be',
  async (body) => {
    const { connection } = await place(0)
    const answer = await decide(connection.id, 'allow', body)
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid'])
    expect(JSON.stringify(answer.body.errors)).toMatch(/such as .*30m|whole number from 1/)
  },
)

test('of a connection that is none nothing can be decided', async () => {
  expect((await decide('nowhere', 'allow', { count: 1 })).status).toBe(404)
})
