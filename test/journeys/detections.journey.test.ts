import { withOtherSecret } from '../changed-key.ts'
import { type Connection, eventually, startWorld, type OwnWorld, type Told, user } from '../world.ts'

let world: OwnWorld
let connection: Connection
let other: Connection

beforeAll(async () => {
  const LATCHKEY_DETECTIONS = JSON.stringify({
    'mass-create': { count: 3 },
    'wrong-secret': { count: 4 },
    'read-sweep': { count: 5 },
    'mass-deprovision': { count: 4 },
  })
  world = await startWorld({ LATCHKEY_DETECTIONS })
  connection = await world.connection('okta')
  other = await world.connection('entra', { tenant: connection.tenant })
})
afterAll(() => world.stop())

const detections = async (query: Record<string, string>): Promise<Told[]> => {
  const { status, body } = await world.auditAdmin('GET', `/detections?${new URLSearchParams(query).toString()}`)
  expect(status).toBe(200)
  return body.items
}

const found = (query: Record<string, string>, count = 1): Promise<Told[]> =>
  eventually(
    () => detections({ tenant: connection.tenant, ...query }),
    (items) => items.length >= count,
  )

const published = async (): Promise<Told[]> =>
  (await world.events()).filter(({ name }) => name === 'detection.raised').map(({ payload }) => payload)

test('wrong secrets are raised as one, published, and listed with cause and fix', async () => {
  const forged = world.scim({ ...connection, key: withOtherSecret(connection.key) })
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await forged('GET', '/Users')).toMatchObject({ status: 401 })
  }
  // What is seen next in the trail has been counted too.
  await eventually(
    () => world.audit({ connection: connection.id, outcome: 'refused' }),
    (records) => records.length >= 3,
  )
  expect(await detections({ rule: 'wrong-secret' })).toEqual([])
  await forged('GET', '/Users')
  const [detection] = await found({ rule: 'wrong-secret' })
  expect(detection).toMatchObject({
    state: 'open',
    severity: 'high',
    count: 4,
    tenant: connection.tenant,
    connection: connection.id,
    subject: { kind: 'connection', id: connection.id },
    cause: expect.stringContaining('tries secrets'),
    fix: expect.stringContaining('paste the key again'),
  })
  const [event, ...others] = await eventually(published, (events) => events.length > 0)
  expect(others).toEqual([])
  expect(event).toMatchObject({ detection: detection.id, rule: 'wrong-secret', count: 4, cause: detection.cause })
  expect(JSON.stringify([detection, event])).not.toContain(connection.key.split('_')[3])
  const [request] = detection.requests
  expect((await world.audit({ connection: connection.id })).map(({ id }) => id)).toContain(request)
})

test('a key at the address of another connection is raised for the key', async () => {
  const misplaced = world.scim({ scimBaseUrl: other.scimBaseUrl, key: connection.key })
  expect(await misplaced('GET', '/Users')).toMatchObject({ status: 403 })
  expect(await found({ rule: 'connection-mismatch' })).toMatchObject([
    { subject: { kind: 'key', id: connection.kid }, connection: connection.id, count: 1, severity: 'high' },
  ])
})

test('the owner of the connection that a key of another tenant is tried at hears of it, and nothing of whose it is', async () => {
  const theirs = await world.connection('okta')
  const minted = await world.admin('POST', '/tokens', {
    name: 'theirs',
    scopes: ['audit:read', 'detections:read'],
    tenants: [theirs.tenant],
  })
  const asThey = { authorization: `Bearer ${minted.body.token}` }
  const ask = async (): Promise<Told[]> => {
    expect((await world.scim({ scimBaseUrl: theirs.scimBaseUrl, key: connection.key })('GET', '/Users')).status).toBe(
      403,
    )
    const { status, body } = await world.auditAdmin('GET', '/detections', undefined, asThey)
    return status === 200 ? body.items : []
  }
  const told = await eventually(ask, ({ length }) => length > 0)
  expect(told).toMatchObject([{ rule: 'foreign-key', connection: theirs.id, subject: { id: theirs.id } }])
  for (const word of [connection.kid, connection.id, connection.tenant])
    expect(JSON.stringify(told)).not.toContain(word)
  expect((await found({ rule: 'connection-mismatch' }))[0]).toMatchObject({ connection: connection.id })
})

test('what is done by the thousand is raised by the threshold that is set', async () => {
  const scim = world.scim(other)
  const users: Told[] = []
  for (const name of ['ada', 'grace', 'edsger']) users.push((await scim('POST', '/Users', user(`${name}@b.test`))).body)
  expect(await found({ rule: 'mass-create' })).toMatchObject([{ connection: other.id, count: 3 }])
  await scim('GET', '/Users')
  await scim('POST', '/Users/.search', { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], count: 2 })
  expect(await found({ rule: 'read-sweep' })).toMatchObject([{ subject: { id: other.kid }, count: 5 }])
})

test('who leaves is counted, in whichever way the identity provider says it, and who comes back is not', async () => {
  const scim = world.scim(other)
  const [first, second, third] = (await scim('GET', '/Users')).body.Resources
  const leaves = { active: false }
  const patch = (value: object) => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value }],
  })
  await scim('PATCH', `/Users/${first.id}`, patch(leaves))
  await scim('PATCH', `/Users/${first.id}`, patch({ active: true }))
  await scim('PUT', `/Users/${second.id}`, { ...second, ...leaves })
  await scim('POST', '/Bulk', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: [{ method: 'PATCH', path: `/Users/${third.id}`, data: patch(leaves) }],
  })
  const takenAway = async (): Promise<[string, boolean | undefined][]> =>
    (await world.audit({ connection: other.id }))
      .filter(({ operation, subject }) => subject?.kind === 'User' && /\.(patch|replace)$/.test(operation))
      .map(({ operation, takesAway }): [string, boolean | undefined] => [operation, takesAway])
  expect((await eventually(takenAway, (records) => records.length >= 4)).toSorted()).toEqual([
    ['users.patch', undefined],
    ['users.patch', true],
    ['users.patch', true],
    ['users.replace', true],
  ])
  expect(await detections({ rule: 'mass-deprovision', tenant: other.tenant })).toEqual([])
  await scim('DELETE', `/Users/${first.id}`)
  expect(await found({ rule: 'mass-deprovision' })).toMatchObject([{ connection: other.id, count: 4 }])
})

test('a person acknowledges, mutes and unmutes it, and each call is recorded', async () => {
  const [{ id }] = await found({ rule: 'connection-mismatch' })
  const act = async (name: string, body?: object) => {
    const answer = await world.auditAdmin('POST', `/detections/${id}/${name}`, body)
    expect(answer.status).toBe(200)
    return answer.body.state
  }
  expect(await act('acknowledge')).toBe('acknowledged')
  expect(await act('mute', { for: '8h' })).toBe('muted')
  expect(await detections({ state: 'muted' })).toMatchObject([{ id, mutedUntil: expect.any(String) }])
  expect(await act('unmute')).toBe('acknowledged')
  expect((await world.auditAdmin('GET', `/detections/${id}`)).body).toMatchObject({ id, state: 'acknowledged' })
  const operations = async (): Promise<string[]> =>
    (await world.audit({ surface: 'admin', tenant: connection.tenant }))
      .filter(({ subject }) => subject?.id === id)
      .map(({ operation }) => operation)
  expect((await eventually(operations, (names) => names.length >= 4)).sort()).toEqual([
    'detections.acknowledge',
    'detections.mute',
    'detections.read',
    'detections.unmute',
  ])
})

test('what is raised is told as metrics that name nobody', async () => {
  const text = await (await fetch(`${world.auditUrl}/metrics`)).text()
  expect(text).toMatch(/^latchkey_detections_total\{rule="wrong-secret"\} 1$/m)
  expect(text).toMatch(/^latchkey_detections_open\{rule="wrong-secret"\} 1$/m)
  expect(text).toMatch(/^latchkey_detections_total\{rule="silence"\} 0$/m)
})
