import { type Answer, type Connection, enterWorld, eventually, type Told, user, type World } from '../world.ts'

let world: World
beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

/** A write that is sent under a key, and how often it took effect. */
interface Act {
  send(key: string, body?: object): Promise<Answer>
  /** One that is not the same request. */
  readonly other: object
  done(): Promise<number>
}

const keyed = (key: string) => ({ 'idempotency-key': key })
const eventsOf = async (connection: string, name: string): Promise<number> =>
  (await world.events(connection)).filter((event) => event.name === name).length

async function guarded(act: 'allow' | 'deny', body: object | undefined, other: object): Promise<Act> {
  const { id } = await world.connection('okta')
  if (act === 'deny') await world.gatewayAdmin('POST', `/guard/${id}/allow`, { for: '1h' })
  return {
    send: (key, sent = body) => world.gatewayAdmin('POST', `/guard/${id}/${act}`, sent, keyed(key)),
    other,
    done: () => eventsOf(id, act === 'allow' ? 'guard.allowed' : 'guard.denied'),
  }
}

async function restoring(): Promise<Act> {
  const connection = await world.connection('okta')
  const scim = world.scim(connection)
  const { id } = (await scim('POST', '/Users', user('ada'))).body
  await scim('DELETE', `/Users/${id}`)
  const path = `/connections/${connection.id}/deleted/${id}/restore`
  return {
    send: (key, body) => world.gatewayAdmin('POST', path, body, keyed(key)),
    other: {},
    done: () => eventsOf(connection.id, 'user.restored'),
  }
}

async function replaying(): Promise<Act> {
  const connection = await world.connection('other', { environment: 'sandbox' })
  const scim = world.scim(connection)
  await scim('POST', '/Users', user('ada'))
  const recorded = () => world.audit({ connection: connection.id, operation: 'users.create' })
  const [record] = await eventually(recorded, ({ length }) => length > 0)
  const path = `/requests/${record.id}/replay`
  await eventually(
    () => world.gatewayAdmin('POST', path, { dryRun: true }),
    ({ status }) => status === 200,
  )
  const replays = async () =>
    (await recorded()).filter(({ replayOf, dryRun }) => replayOf !== undefined && !dryRun).length
  return {
    send: (key, body = {}) => world.gatewayAdmin('POST', path, body, keyed(key)),
    other: { dryRun: true },
    done: () => eventually(replays, (count) => count > 0),
  }
}

async function detecting(act: string, body: object | undefined, other: object): Promise<Act> {
  const { id, tenant, key }: Connection = await world.connection('okta')
  const elsewhere = await world.connection('okta')
  await world.scim({ scimBaseUrl: elsewhere.scimBaseUrl, key })('GET', '/Users')
  const [detection] = await eventually(
    async () => (await world.auditAdmin('GET', `/detections?tenant=${tenant}`)).body.items,
    (items) => items.length > 0,
  )
  const records = () => world.audit({ connection: id, operation: `detections.${act}` })
  return {
    send: (key, sent = body) => world.auditAdmin('POST', `/detections/${detection.id}/${act}`, sent, keyed(key)),
    other,
    async done() {
      const found = await eventually(records, (told) => told.some(({ changed }) => changed.length > 0))
      return found.filter(({ changed }: Told) => changed.length > 0).length
    },
  }
}

const acts: readonly (readonly [string, () => Promise<Act>])[] = [
  ['allowing what is held', () => guarded('allow', { count: 5 }, { count: 6 })],
  ['denying what is held', () => guarded('deny', undefined, {})],
  ['restoring what was deleted', restoring],
  ['sending a captured request again', replaying],
  ['acknowledging a detection', () => detecting('acknowledge', undefined, {})],
  ['muting a detection', () => detecting('mute', { for: '1h' }, { for: '2h' })],
]

test.each(acts)(
  '%s under one Idempotency-Key takes effect once, and is answered as the first time',
  async (_, start) => {
    const act = await start()
    const key = crypto.randomUUID()
    const first = await act.send(key)
    expect(first.status).toBe(200)
    const again = await act.send(key)
    expect([again.status, again.body]).toEqual([200, first.body])
    const other = await act.send(key, act.other)
    expect([other.status, other.body.code]).toEqual([422, 'idempotencyKeyReused'])
    expect(await act.done()).toBe(1)
  },
)

test.each(acts)('%s six times at once under one Idempotency-Key takes effect once', async (_, start) => {
  const act = await start()
  const key = crypto.randomUUID()
  const answers = await Promise.all(Array.from({ length: 6 }, () => act.send(key)))
  const done = answers.filter(({ status }) => status === 200)
  expect(done.length).toBeGreaterThan(0)
  for (const { body } of done) expect(body).toEqual(done[0]?.body)
  for (const { status, body } of answers)
    if (status !== 200) expect([status, body.code]).toEqual([409, 'idempotencyKeyInUse'])
  expect((await act.send(key)).body).toEqual(done[0]?.body)
  expect(await act.done()).toBe(1)
})

test('what was refused is not kept: the corrected request may use the same key', async () => {
  const { id } = await world.connection('okta')
  const key = keyed(crypto.randomUUID())
  expect((await world.gatewayAdmin('POST', `/guard/${id}/allow`, { count: 0 }, key)).status).toBe(422)
  expect((await world.gatewayAdmin('POST', `/guard/${id}/allow`, { count: 1 }, key)).status).toBe(200)
  const unreadable = await world.gatewayAdmin('POST', `/guard/${id}/allow`, { count: 1 }, keyed('a b'))
  expect([unreadable.status, unreadable.body.code]).toEqual([400, 'badRequest'])
})
