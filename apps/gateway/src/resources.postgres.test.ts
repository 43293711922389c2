import { defaultSettings, makeEvent, newId } from '#libs/events/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database } from '#libs/postgres/index'
import { freePort } from '#libs/process/index'
import { Diagnosis, type JsonValue, parseJson, resourceTypes } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import type { Answer } from './answer.ts'
import { findEndpoint } from './endpoints.ts'
import { migrateGateway } from './index.ts'
import type { Principal } from './principal.ts'
import type { RecordWrites } from './record-store.ts'
import { rehearse } from './rehearsal.ts'
import { create, patch, replace, type ResourceParts } from './resources.ts'
import { KnownTrust } from './store/known-trust.ts'
import { Records } from './store/records.ts'
import { rehearse as rollBack } from './store/rehearsal.ts'
import { Writer } from './store/writer.ts'
import type { Admitted } from './way-in.ts'

const { Group, User } = resourceTypes
const scope = { tenant: 'acme', connection: 'c1', environment: 'live' } as const
const principal: Principal = {
  ...scope,
  identityProvider: 'other',
  enabled: true,
  settings: defaultSettings,
  types: resourceTypes,
}

let server: TestDatabase
let database: Database
let away: Database
let log: PostgresEventLog
let parts: ResourceParts & { readonly writer: RecordWrites }
/** The same, where nothing can be read. */
let blind: ResourceParts
const failures: unknown[] = []

beforeAll(async () => {
  server = await testDatabase()
  const onFailure = (error: unknown): void => {
    throw error
  }
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  database = new Database({ url: server.url, applicationName: 'test', connections: 4 })
  await migrateGateway(database)
  const origin = { source: 'keys', owner: 'acme', subject: 'c1', version: 1, time: new Date() } as const
  const created = makeEvent('connection.created', origin, {
    ...scope,
    name: 'c1',
    identityProvider: 'other',
    state: 'enabled',
    settings: defaultSettings,
    schemas: [],
  })
  await database.transaction((transaction) => new KnownTrust(database, () => {}).apply(transaction, [created]))
  parts = {
    records: new Records({ database, listTimeout: 2_000 }),
    writer: new Writer({ database, log, onFailure }),
    baseUrl: (connection) => `https://example.com/scim/v2/${connection}`,
    failed: (error) => failures.push(error),
  }
  away = new Database({ url: `postgres://127.0.0.1:${await freePort()}/none`, applicationName: 'away', connections: 1 })
  blind = { ...parts, records: new Records({ database: away, listTimeout: 2_000 }) }
})

beforeEach(() => (failures.length = 0))

afterAll(async () => {
  await log.close()
  await database.close()
  await away.close()
  await server.drop()
})

function admitted(method: string, target: string, body: object): Admitted {
  const now = new Date()
  const [path = '', query = ''] = target.split('?')
  const read: JsonValue = parseJson(JSON.stringify(body))
  return {
    arrival: {
      requestId: newId(now.getTime()),
      method,
      connectionId: principal.connection,
      path,
      query: new URLSearchParams(query),
      headers: {},
      breach: undefined,
      caller: { text: '192.0.2.7', address: { text: '192.0.2.7', family: 'ipv4' }, link: 'tls', isProxied: false },
      receivedAt: now,
      began: performance.now(),
      traceId: '0af7651916cd43dd8448eb211c80319c',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      target: '',
      readBody: async () => Buffer.alloc(0),
    },
    steps: [],
    recorded: false,
    connection: principal,
    principal,
    endpoint: findEndpoint(method, path),
    diagnosis: new Diagnosis(),
    resourceId: path.split('/')[2],
    body: read,
  }
}

const group = (displayName: string, members: readonly string[] = []): object => ({
  schemas: [Group.schema.id],
  displayName,
  members: members.map((value) => ({ value })),
})
const renaming = (displayName: string): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path: 'displayName', value: displayName }],
})
const idIn = ({ headers }: Answer): string => headers['Location']?.split('/').at(-1) ?? ''

describe('what was written while members cannot be read', () => {
  const member = newId(Date.now())

  test('is answered 204 after a PUT and a PATCH, and never as a group without members', async () => {
    const made = await create(admitted('POST', '/Groups', group('team', [member])), Group, parts)
    const path = `/Groups/${idIn(made)}`
    const replaced = await replace(admitted('PUT', path, group('crew', [member])), Group, blind)
    expect(replaced).toMatchObject({ status: 204, headers: { ETag: 'W/"3"' }, outcome: { status: 204 } })
    const patched = await patch(admitted('PATCH', `${path}?attributes=members`, renaming('gang')), Group, blind)
    expect(patched).toMatchObject({ status: 204, headers: { ETag: 'W/"4"' } })
    for (const answer of [replaced, patched]) expect(answer).not.toHaveProperty('body')
    expect(failures).toHaveLength(2)
    const stored = await parts.records.find(Group, 'c1', idIn(made))
    expect(JSON.parse(stored?.document ?? '{}')).toMatchObject({ displayName: 'gang' })
  })

  test('is answered after a POST with the members that were sent', async () => {
    const made = await create(admitted('POST', '/Groups', group('band', [member])), Group, blind)
    expect(made.status).toBe(201)
    expect(JSON.parse(String(made.body))).toMatchObject({
      id: idIn(made),
      displayName: 'band',
      members: [{ value: member }],
    })
    expect(failures).toHaveLength(1)
  })

  test('is answered 204 after a PUT of a user, whose groups cannot be read', async () => {
    const body = { schemas: [User.schema.id], userName: 'ada' }
    const made = await create(admitted('POST', '/Users', body), User, blind)
    expect([made.status, failures]).toEqual([201, []])
    expect(await replace(admitted('PUT', `/Users/${idIn(made)}`, body), User, blind)).toMatchObject({ status: 204 })
  })
})

test('a dry run that would show more members than can be held is refused, and says how to ask', async () => {
  const made = await create(admitted('POST', '/Groups', group('all')), Group, parts)
  await database.query(
    `INSERT INTO gateway.membership (connection, group_id, member_id)
     SELECT 'c1', $1, gen_random_uuid() FROM generate_series(1, 50001)`,
    [idIn(made)],
  )
  const { writer } = parts
  const patient: RecordWrites = {
    write: (wanted) => writer.write(wanted),
    writeTogether: (wanted) => writer.writeTogether(wanted),
    rehearse: (work) => rollBack(database, work, 60_000),
  }
  const rehearsed = (query: string): Promise<Answer> => {
    const request: Admitted = {
      ...admitted('PATCH', `/Groups/${idIn(made)}${query}`, renaming('everyone')),
      isRehearsal: true,
    }
    return rehearse(request, { ...parts, writer: patient }, (used) => patch(request, Group, { ...parts, ...used }))
  }
  await expect(rehearsed('?attributes=displayName,members')).rejects.toMatchObject({
    status: 400,
    scimType: 'tooMany',
    message: expect.stringContaining('excludedAttributes=members'),
  })
  expect(JSON.parse(String((await rehearsed('?excludedAttributes=members')).body))).toMatchObject({
    displayName: 'everyone',
  })
})
