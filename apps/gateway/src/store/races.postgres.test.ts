import { defaultSettings, makeEvent } from '#libs/events/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database, retryTransient, type Transaction } from '#libs/postgres/index'
import {
  Diagnosis,
  ExactNumber,
  parsePatch,
  readResource,
  resourceTypes,
  ScimError,
  splitPatch,
} from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import type { AdoptBy } from '../adoption.ts'
import type { Restoration } from '../deleted.ts'
import { migrateGateway } from '../index.ts'
import { noEdit, replacement } from '../membership.ts'
import type { Principal } from '../principal.ts'
import type { Command } from '../provisioning.ts'
import type { Written } from '../record-store.ts'
import { StoredDeletedRecords } from './deleted-records.ts'
import { KnownTrust } from './known-trust.ts'
import { RecordLookups } from './records.ts'
import { Writer } from './writer.ts'

/** Two gateways over one Postgres: nothing but the database keeps their requests apart. */

const scope = { tenant: 'acme', connection: 'c1', environment: 'live' } as const
const known = { identityProvider: 'okta', settings: defaultSettings } as const
const principal: Principal = { ...scope, ...known, enabled: true, types: resourceTypes }

let server: TestDatabase
let log: PostgresEventLog
let gateways: Gateway[]
/** Neither of the two. */
let watcher: Database

beforeAll(async () => {
  server = await testDatabase()
  const onFailure = (error: unknown): void => {
    throw error
  }
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  gateways = [1, 2].map((number) => {
    const database = new Database({ url: server.url, applicationName: `gateway ${number}`, connections: 6 })
    const writer = new Writer({ database, log, onFailure })
    return { database, writer, deleted: new StoredDeletedRecords(database) }
  })
  watcher = new Database({ url: server.url, applicationName: 'watcher', connections: 3 })
  const database = watcher
  await migrateGateway(database)
  const origin = { source: 'keys', owner: 'acme', subject: 'c1', version: 1, time: new Date() } as const
  const facts = { ...scope, ...known, name: 'c1', state: 'enabled' as const, schemas: [] }
  const created = makeEvent('connection.created', origin, facts)
  await database.transaction((transaction) => new KnownTrust(database, () => {}).apply(transaction, [created]))
})

afterAll(async () => {
  await log.close()
  await Promise.all([watcher.close(), ...gateways.map(({ database }) => database.close())])
  await server.drop()
})

interface Gateway {
  readonly database: Database
  readonly writer: Writer
  readonly deleted: StoredDeletedRecords
}

let turn = 0
/** The two in turn. */
function one(): Gateway {
  const gateway = gateways[turn++ % 2]
  if (gateway === undefined) throw new Error('there are no gateways')
  return gateway
}
const occasion = () => ({ time: new Date(), traceparent: undefined })
const marker = (id: string) =>
  makeEvent(
    'group.deleted',
    { source: 'gateway', owner: 'marker', subject: id, version: 1, time: new Date() },
    { ...scope, groupId: id },
  )

/** What was written, or the status of the refusal. */
async function write(kind: 'User' | 'Group', command: Command): Promise<Written | number> {
  try {
    return await one().writer.write({
      type: resourceTypes[kind],
      command,
      principal,
      occasion: occasion(),
      decided: ({ id }) => marker(id),
      inDoubt: () => undefined,
    })
  } catch (error) {
    if (error instanceof ScimError) return error.status
    throw error
  }
}

async function create(kind: 'User' | 'Group', body: object, members: readonly string[] = []): Promise<string> {
  const id = crypto.randomUUID()
  const { resource } = readResource(resourceTypes[kind], { schemas: [resourceTypes[kind].schema.id], ...body })
  const edit = members.length === 0 ? noEdit : replacement(members)
  expect(await write(kind, { kind: 'create', id, document: resource, members: edit })).toMatchObject({ id })
  return id
}

function patch(kind: 'User' | 'Group', id: string, ...operations: object[]): Promise<Written | number> {
  const parsed = parsePatch({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: operations,
  })
  const split = kind === 'Group' ? splitPatch(parsed) : { document: parsed, membership: [] }
  return write(kind, {
    kind: 'patch',
    id,
    operations: split.document,
    membership: split.membership,
    diagnosis: new Diagnosis(),
    precondition: undefined,
  })
}
const add = (group: string, member: string) =>
  patch('Group', group, { op: 'add', path: 'members', value: [{ value: member }] })
const remove = (kind: 'User' | 'Group', id: string) => write(kind, { kind: 'delete', id, precondition: undefined })
function restore(id: string): Promise<Restoration> {
  const { database, deleted } = one()
  return retryTransient(() => database.transaction((transaction) => restoreWithin(transaction, deleted, id)))
}

async function restoreWithin(
  transaction: Transaction,
  deleted: StoredDeletedRecords,
  id: string,
): Promise<Restoration> {
  const restoration = await deleted.restore(transaction, { scope, id, occasion: occasion() })
  if (restoration.outcome === 'restored') log.append(transaction, restoration.restored.events)
  return restoration
}

const find = (kind: 'User' | 'Group', id: string) =>
  new RecordLookups(one().database).find(resourceTypes[kind], 'c1', id)
const documentOf = async (kind: 'User' | 'Group', id: string) => JSON.parse((await find(kind, id))?.document ?? 'null')
const membersOf = async (group: string): Promise<string[]> =>
  ((await new RecordLookups(one().database).members('c1', [group], Infinity))?.get(group) ?? [])
    .filter(({ kind }) => kind !== null)
    .map(({ value }) => value)
    .sort()

/** The names of a subject's events, whose versions must count from 1 without a gap, up to its own while it stands. */
async function toldOf(kind: 'User' | 'Group', id: string): Promise<string[]> {
  const events = await one().database.query<{ name: string; version: number }>(
    `SELECT name, version FROM event_log.event WHERE key = $1 ORDER BY version`,
    [`c1/${id}`],
  )
  expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1))
  const standing = await find(kind, id)
  if (standing !== undefined) expect(standing.version).toBe(events.length)
  return events.map(({ name }) => name)
}

let named = 0
const name = (): string => `user.${++named}`
const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

test('100 adds of distinct members at both gateways leave 100 members', async () => {
  const users = await times(100, () => create('User', { userName: name() }))
  const group = await create('Group', { displayName: 'all' })
  await Promise.all(users.map((user) => add(group, user)))
  expect(await membersOf(group)).toEqual(users.toSorted())
  expect(await toldOf('Group', group)).toHaveLength(101)
})

test('20 patches of distinct attributes at both gateways leave all 20', async () => {
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
  const attributes = `displayName nickName title userType locale timezone externalId profileUrl
    name.givenName name.familyName name.middleName name.formatted name.honorificPrefix name.honorificSuffix
    ${enterprise}:employeeNumber ${enterprise}:costCenter ${enterprise}:organization ${enterprise}:division
    ${enterprise}:department ${enterprise}:manager.value`.split(/\s+/)
  expect(attributes).toHaveLength(20)
  const id = await create('User', { userName: name() })
  await Promise.all(attributes.map((path) => patch('User', id, { op: 'replace', path, value: path })))
  const text = JSON.stringify(await documentOf('User', id))
  for (const path of attributes) expect(text).toContain(`"${path}"`)
  expect(await toldOf('User', id)).toHaveLength(21)
})

/** Waits until so many transactions wait for a lock. */
async function waiting(count: number): Promise<void> {
  const those = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
  while ((await watcher.query(those)).length < count) await new Promise(setImmediate)
}

/** Starts one after the other while the user is held, so that they come in that order, and lets it go. */
async function inOrder<T>(id: string, work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const begun: Promise<T>[] = []
  await watcher.transaction(async (holder) => {
    await holder.query('SELECT FROM gateway.scim_user WHERE id = $1 FOR UPDATE', [id])
    for (const each of work) {
      begun.push(each())
      await waiting(begun.length)
    }
  })
  return Promise.all(begun)
}

test.each(['PATCH', 'DELETE'])(
  'a DELETE against a PATCH of one user, the %s first: what was deleted is what it left',
  async (first) => {
    const id = await create('User', { userName: name() })
    const group = await create('Group', { displayName: 'group' }, [id])
    const renamed = name()
    const both = [
      () => patch('User', id, { op: 'replace', value: { userName: renamed, title: 'Countess', active: false } }),
      () => remove('User', id),
    ]
    const outcomes = await inOrder(id, first === 'PATCH' ? both : both.toReversed())
    const came = first === 'PATCH'
    expect(outcomes).toMatchObject(came ? [{ write: 'update' }, { write: 'delete' }] : [{ write: 'delete' }, 404])
    expect(await find('User', id)).toBeUndefined()
    expect(await membersOf(group)).toEqual([])
    expect(await toldOf('User', id)).toEqual([
      'user.provisioned',
      ...(came ? ['user.changed', 'user.deactivated'] : []),
      'user.deprovisioned',
    ])
    expect(await restore(id)).toMatchObject({ outcome: 'restored' })
    expect(await documentOf('User', id)).toMatchObject(came ? { userName: renamed, active: false } : { active: true })
    expect(await membersOf(group)).toEqual([id])
    await toldOf('Group', group)
  },
)

test('a DELETE of a group against adds to it: who was added before is its member again when it is restored', async () => {
  const users = await times(10, () => create('User', { userName: name() }))
  for (let round = 0; round < 5; round++) {
    const group = await create('Group', { displayName: 'group' })
    const [removed, ...added] = await Promise.all([remove('Group', group), ...users.map((user) => add(group, user))])
    expect(removed).toMatchObject({ write: 'delete' })
    const members = users.filter((_, index) => added[index] !== 404)
    expect(await restore(group)).toMatchObject({ outcome: 'restored' })
    expect(await membersOf(group)).toEqual(members.toSorted())
    await toldOf('Group', group)
  }
})

function createNamed(userName: string, adoptBy: AdoptBy = [], attributes: object = {}): Promise<Written | number> {
  const { resource } = readResource(resourceTypes.User, { schemas: [], userName, ...attributes })
  return write('User', { kind: 'create', id: crypto.randomUUID(), document: resource, members: noEdit, adoptBy })
}
const holdersOf = (userName: string) =>
  one().database.query<{ id: string }>('SELECT id FROM gateway.scim_user WHERE user_name_key = $1', [userName])

test('a create of the name of a user that is being restored waits, and is refused', async () => {
  const userName = name()
  const id = await create('User', { userName })
  await remove('User', id)
  const created = await watcher.transaction(async (transaction) => {
    expect(await restoreWithin(transaction, one().deleted, id)).toMatchObject({ outcome: 'restored' })
    const begun = createNamed(userName.toUpperCase())
    await waiting(1)
    return { begun }
  })
  expect(await created.begun).toBe(409)
  expect(await holdersOf(userName)).toEqual([{ id }])
  expect(await toldOf('User', id)).toEqual(['user.provisioned', 'user.deprovisioned', 'user.restored'])
})

test('a user added to a group while it is being restored is a member of it like any other', async () => {
  const id = await create('User', { userName: name() })
  const group = await create('Group', { displayName: 'group' })
  await remove('User', id)
  await watcher.transaction(async (transaction) => {
    await restoreWithin(transaction, one().deleted, id)
    expect(await add(group, id)).toMatchObject({ changed: ['members'] })
  })
  expect(await membersOf(group)).toEqual([id])
  await toldOf('Group', group)
})

test('of a restore and creates of the same name at the same time one has it', async () => {
  for (let round = 0; round < 20; round++) {
    const userName = name()
    const id = await create('User', { userName })
    await remove('User', id)
    const [first, restoration, second] = await Promise.all([
      createNamed(userName),
      restore(id),
      createNamed(userName.toUpperCase()),
    ])
    const made = [first, second].filter((outcome) => outcome !== 409)
    const restored = restoration.outcome === 'restored'
    expect([restoration.outcome, made.length]).toEqual(restored ? ['restored', 0] : ['name taken', 1])
    expect(await holdersOf(userName)).toHaveLength(1)
    expect(await toldOf('User', id)).toHaveLength(restored ? 3 : 2)
  }
})

test('a number of a restored user has all its digits', async () => {
  const id = crypto.randomUUID()
  const level = { level: new ExactNumber('9007199254740993.5') }
  const document = { schemas: [], userName: name(), 'urn:example:levels': level }
  await write('User', { kind: 'create', id, document, members: noEdit })
  await remove('User', id)
  expect(await restore(id)).toMatchObject({ outcome: 'restored' })
  expect((await find('User', id))?.document).toContain('9007199254740993.5')
})

test('a user restored at both gateways at once is restored once', async () => {
  const id = await create('User', { userName: name() })
  await remove('User', id)
  const outcomes = await times(6, () => restore(id))
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual([
    'restored',
    ...Array.from({ length: 5 }, () => 'standing'),
  ])
  expect(await toldOf('User', id)).toEqual(['user.provisioned', 'user.deprovisioned', 'user.restored'])
})

test('users deleted while they are added to groups are members of none; restored, they are members of all', async () => {
  const users = await times(20, () => create('User', { userName: name() }))
  const groups = await times(4, () => create('Group', { displayName: 'racing' }))
  await Promise.all(
    users.flatMap((user, index) => {
      const adds = groups.map((group) => () => add(group, user))
      return adds.toSpliced(index % 5, 0, () => remove('User', user)).map((each) => each())
    }),
  )
  for (const group of groups) {
    expect(await membersOf(group)).toEqual([])
    await toldOf('Group', group)
  }
  await Promise.all(users.map((user) => restore(user)))
  for (const group of groups) {
    expect(await membersOf(group)).toEqual(users.toSorted())
    await toldOf('Group', group)
  }
})

test('groups and their members deleted and restored at the same time, in whatever order, are together again', async () => {
  const users = await times(6, () => create('User', { userName: name() }))
  const inner = await times(3, () => create('Group', { displayName: 'inner' }, users))
  const outer = await times(2, () => create('Group', { displayName: 'outer' }, inner))
  const all = [...users.map((id) => ['User', id] as const), ...[...inner, ...outer].map((id) => ['Group', id] as const)]
  for (let round = 0; round < 4; round++) {
    const deleted = all.filter((_, index) => (index + round) % 4 !== 0)
    await Promise.all(deleted.map(([kind, id]) => remove(kind, id)))
    await Promise.all(deleted.toReversed().map(([, id]) => restore(id)))
    for (const id of inner) expect(await membersOf(id)).toEqual(users.toSorted())
    for (const id of outer) expect(await membersOf(id)).toEqual(inner.toSorted())
    for (const [kind, id] of all) await toldOf(kind, id)
  }
})

test.each<[string, AdoptBy]>([
  ['userName', ['userName']],
  ['emails', ['emails', 'userName']],
])(
  'of many POSTs of one new user at both gateways one makes the user and the others adopt it, by %s',
  async (_, adoptBy) => {
    const userName = name()
    const same = { emails: [{ value: `${userName}@x.y` }] }
    const outcomes = await times(12, (index) => createNamed(userName, adoptBy, { ...same, title: `title ${index}` }))
    const ids = new Set(outcomes.map((outcome) => (typeof outcome === 'number' ? outcome : outcome.id)))
    expect(ids.size).toBe(1)
    const [id = ''] = await holdersOf(userName).then((rows) => rows.map((row) => row.id))
    expect([...ids]).toEqual([id])
    const told = await toldOf('User', id)
    expect(told).toEqual(['user.provisioned', ...Array.from({ length: 11 }, () => 'user.changed')])
  },
)

test('POSTs under several names that adopt one user leave it with one of them, and none is lost', async () => {
  const id = await create('User', { userName: name(), externalId: 'shared' })
  const names = Array.from({ length: 10 }, name)
  const outcomes = await Promise.all(
    names.map((userName, index) =>
      createNamed(userName, ['externalId'], {
        externalId: 'shared',
        [index % 2 === 0 ? 'title' : 'nickName']: userName,
      }),
    ),
  )
  for (const outcome of outcomes) expect(outcome).toMatchObject({ id, write: 'update' })
  const document = await documentOf('User', id)
  expect(names).toContain(document.userName)
  expect(names).toContain(document.title)
  expect(names).toContain(document.nickName)
  expect(await toldOf('User', id)).toHaveLength(11)
  await patch('User', id, { op: 'remove', path: 'externalId' })
})

test.each(['POST', 'DELETE'])(
  'a POST that adopts against a DELETE, the %s first: adopted and deleted, or deleted and made anew',
  async (first) => {
    const userName = name()
    const id = await create('User', { userName })
    const both = [() => createNamed(userName, ['userName'], { title: 'Countess' }), () => remove('User', id)]
    const outcomes = await inOrder(id, first === 'POST' ? both : both.toReversed())
    const [posted, removed] = first === 'POST' ? outcomes : outcomes.toReversed()
    expect(removed).toMatchObject({ id, write: 'delete' })
    expect(posted).toMatchObject(first === 'POST' ? { id, write: 'update' } : { write: 'insert' })
    const holders = await holdersOf(userName)
    expect(holders.map((row) => row.id)).toEqual(first === 'POST' ? [] : [typeof posted === 'number' ? '' : posted?.id])
    expect(await toldOf('User', id)).toEqual([
      'user.provisioned',
      ...(first === 'POST' ? ['user.changed'] : []),
      'user.deprovisioned',
    ])
  },
)

test('a POST that adopts while the user is renamed makes a user of its own', async () => {
  const [userName, renamed] = [name(), name()]
  const id = await create('User', { userName })
  const outcomes = await inOrder(id, [
    () => patch('User', id, { op: 'replace', path: 'userName', value: renamed }),
    () => createNamed(userName, ['emails', 'userName']),
  ])
  expect(outcomes).toMatchObject([{ id, write: 'update' }, { write: 'insert' }])
  expect(await holdersOf(renamed)).toEqual([{ id }])
})

test('whatever else its batch writes, an adoption goes on from what that left', async () => {
  for (let round = 0; round < 5; round++) {
    const userName = name()
    const id = await create('User', { userName, emails: [{ value: `${userName}@x.y` }] })
    const named = [name(), name()]
    const outcomes = await Promise.all([
      patch('User', id, { op: 'replace', path: 'title', value: 'Countess' }),
      patch('User', id, { op: 'replace', path: 'nickName', value: 'A' }),
      ...named.map((other) => createNamed(other, ['emails'], { emails: [{ value: `${userName}@x.y` }] })),
      createNamed(name(), ['emails'], { emails: [{ value: `apart.${userName}` }] }),
    ])
    expect(outcomes.slice(0, 4)).toMatchObject(Array.from({ length: 4 }, () => ({ id, write: 'update' })))
    expect(outcomes[4]).toMatchObject({ write: 'insert' })
    const document = await documentOf('User', id)
    expect(document).toMatchObject({ title: 'Countess', nickName: 'A' })
    expect(named).toContain(document.userName)
    expect(await toldOf('User', id)).toHaveLength(5)
  }
})
