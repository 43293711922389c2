import { defaultSettings, makeEvent, newId } from '#libs/events/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database, retryTransient } from '#libs/postgres/index'
import { Diagnosis, parsePatch, readResource, type ResourceType, resourceTypes, ScimError } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import type { Allowance, GuardRules } from '../deprovisioning.ts'
import { migrateGateway } from '../index.ts'
import { noEdit } from '../membership.ts'
import type { Principal } from '../principal.ts'
import type { Command } from '../provisioning.ts'
import type { WriteRequest, Written } from '../record-store.ts'
import { StoredGuards } from './guards.ts'
import { KnownTrust } from './known-trust.ts'
import { Writer } from './writer.ts'

const { User, Group } = resourceTypes
const rules: GuardRules = { most: 10, percent: 10, window: 3_600_000 }

let server: TestDatabase
let databases: Database[]
let log: PostgresEventLog
/** Two gateways. */
let writers: Writer[]

beforeAll(async () => {
  server = await testDatabase()
  databases = [1, 2].map(() => new Database({ url: server.url, applicationName: 'test', connections: 6 }))
  const onFailure = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  await migrateGateway(first())
  writers = databases.map((database) => new Writer({ database, log, onFailure }))
})

afterAll(async () => {
  await log.close()
  await Promise.all(databases.map((database) => database.close()))
  await server.drop()
})

function first(): Database {
  const [database] = databases
  if (database === undefined) throw new Error('there is none')
  return database
}

function gateway(index: number): Writer {
  const writer = writers[index % writers.length]
  if (writer === undefined) throw new Error('there is none')
  return writer
}

async function connect(): Promise<Principal> {
  const connection = `c${crypto.randomUUID()}`
  const scope = { tenant: 'acme', connection, environment: 'live' } as const
  const origin = { source: 'keys', owner: 'acme', subject: connection, version: 1, time: new Date() } as const
  const facts = { ...scope, identityProvider: 'okta', settings: defaultSettings } as const
  const created = makeEvent('connection.created', origin, { ...facts, name: connection, state: 'enabled', schemas: [] })
  await first().transaction((transaction) => new KnownTrust(first(), () => {}).apply(transaction, [created]))
  return { ...facts, enabled: true, types: resourceTypes }
}

function requestOf(principal: Principal, type: ResourceType, command: Command, guard?: GuardRules): WriteRequest {
  const { tenant, connection, environment } = principal
  const time = new Date()
  const origin = { source: 'gateway', owner: connection, subject: newId(time.getTime()), version: 1, time } as const
  const decided = ({ id }: Written) =>
    makeEvent('group.deleted', origin, { tenant, connection, environment, groupId: id })
  const occasion = { time, traceparent: undefined }
  const guarded = guard === undefined ? {} : { guard }
  return { type, command, principal, occasion, ...guarded, decided, inDoubt: () => undefined }
}

/** At both gateways in turn: null for what was written, else the code that refused it. */
async function write(
  principal: Principal,
  commands: readonly Command[],
  guard: GuardRules | undefined = rules,
  type: ResourceType = User,
): Promise<(string | null)[]> {
  const outcomes = await Promise.allSettled(
    commands.map((command, index) => gateway(index).write(requestOf(principal, type, command, guard))),
  )
  return outcomes.map((outcome) => {
    if (outcome.status === 'fulfilled') return null
    if (outcome.reason instanceof ScimError) return outcome.reason.code
    throw outcome.reason
  })
}

async function made(principal: Principal, count: number, type: ResourceType = User): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId(Date.now()))
  const commands = ids.map((id): Command => {
    const names = type.name === 'User' ? { userName: id } : { displayName: id }
    const { resource: document } = readResource(type, { schemas: [type.schema.id], ...names })
    return { kind: 'create', id, document, members: noEdit }
  })
  expect(await write(principal, commands, undefined, type)).toEqual(ids.map(() => null))
  return ids
}

const remove = (id: string): Command => ({ kind: 'delete', id, precondition: undefined })
const replaced = (id: string, active: boolean): Command => {
  const { resource: document } = readResource(User, { schemas: [User.schema.id], userName: id, active })
  return { kind: 'replace', id, document, members: noEdit, precondition: undefined }
}
const patched = (id: string, active: boolean): Command => {
  const diagnosis = new Diagnosis()
  const body = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: active }],
  }
  return {
    kind: 'patch',
    id,
    operations: parsePatch(body, diagnosis),
    membership: [],
    diagnosis,
    precondition: undefined,
  }
}

const count = (codes: readonly (string | null)[], code: string | null): number =>
  codes.filter((each) => each === code).length

async function guardOf({ connection }: Principal) {
  const [row] = await first().query<{ state: string; count: number; tried: number }>(
    'SELECT state, count, tried FROM gateway.guard WHERE connection = $1',
    [connection],
  )
  return row
}

async function standing({ connection }: Principal): Promise<number> {
  const [row] = await first().query<{ left: number }>(
    'SELECT count(*)::int AS left FROM gateway.scim_user WHERE connection = $1 AND active',
    [connection],
  )
  return row?.left ?? 0
}

const guards = (): StoredGuards => new StoredGuards(first())
const decision = (scope: Principal) => ({ scope, rules, occasion: { time: new Date(), traceparent: undefined } })
const allow = (allowance: Allowance, scope: Principal) =>
  retryTransient(() => first().transaction((transaction) => guards().allow(transaction, allowance, decision(scope))))
const deny = (scope: Principal) =>
  retryTransient(() => first().transaction((transaction) => guards().deny(transaction, decision(scope))))

test('of a storm at two gateways exactly what the rules let pass is done, and the rest waits and can be sent again', async () => {
  const principal = await connect()
  const ids = await made(principal, 60)
  const acts = ids.map(
    (id, index) =>
      [remove, (each: string) => replaced(each, false), (each: string) => patched(each, false)][index % 3]?.(id) ??
      remove(id),
  )
  const codes = await write(principal, acts)
  expect([count(codes, null), count(codes, 'deprovisioning-held')]).toEqual([10, 50])
  expect(await standing(principal)).toBe(50)
  expect(await guardOf(principal)).toEqual({ state: 'held', count: 10, tried: 50 })
  const events = await first().query<{ name: string }>(
    `SELECT name FROM event_log.event WHERE subject = $1 AND name LIKE 'guard.%'`,
    [principal.connection],
  )
  expect(events).toEqual([{ name: 'guard.held' }])
  await allow({ count: 1_000 }, principal)
  const again = await write(
    principal,
    acts.filter((_, index) => codes[index] !== null),
  )
  expect(count(again, null)).toBe(50)
  expect(await standing(principal)).toBe(0)
})

test('below the rules nothing waits, however it comes; nor does what takes nothing away', async () => {
  const principal = await connect()
  const ids = await made(principal, 30)
  for (const id of ids.slice(0, 10)) expect(await write(principal, [remove(id)])).toEqual([null])
  // Changes, reactivations, and deactivations of who is inactive, are none.
  const others = ids.slice(10)
  expect(
    new Set(
      await write(
        principal,
        others.map((id) => patched(id, true)),
      ),
    ),
  ).toEqual(new Set([null]))
  expect((await guardOf(principal))?.state).toBe('counting')
  expect(await write(principal, [remove(others[0] ?? '')])).toEqual(['deprovisioning-held'])
  expect(
    new Set(
      await write(
        principal,
        others.map((id) => replaced(id, true)),
      ),
    ),
  ).toEqual(new Set([null]))
})

test('who is inactive already is not deactivated again, and what is refused for itself is not counted', async () => {
  const principal = await connect()
  const [id = ''] = await made(principal, 1)
  expect(await write(principal, [patched(id, false)])).toEqual([null])
  for (let time = 0; time < 20; time++) {
    expect(await write(principal, [replaced(id, false), remove(newId(Date.now()))])).toEqual([null, 'not-found'])
  }
  expect(await guardOf(principal)).toEqual({ state: 'counting', count: 1, tried: 0 })
})

test('of very many users a share passes', async () => {
  const principal = await connect()
  const ids = await made(principal, 300)
  const codes = await write(principal, ids.slice(0, 60).map(remove))
  expect(count(codes, null)).toBeGreaterThan(25)
  expect(count(codes, null)).toBeLessThanOrEqual(30)
})

test('groups count too, and a connection without a guard has no limit', async () => {
  const principal = await connect()
  const ids = await made(principal, 40, Group)
  expect(count(await write(principal, ids.slice(0, 20).map(remove), rules, Group), null)).toBe(10)
  const free = await connect()
  const theirs = await made(free, 40)
  const outcomes = await Promise.all(theirs.map((id) => gateway(0).write(requestOf(free, User, remove(id)))))
  expect(outcomes).toHaveLength(40)
  expect(await guardOf(free)).toBeUndefined()
})

test('a rehearsal counts nothing', async () => {
  const principal = await connect()
  const ids = await made(principal, 30)
  await gateway(0).rehearse(async ({ writer }) => {
    for (const id of ids) await writer.write(requestOf(principal, User, remove(id)))
  })
  expect(await guardOf(principal)).toBeUndefined()
})

test('what is held is listed until a person decides, and is refused while denied', async () => {
  const principal = await connect()
  const ids = await made(principal, 20)
  await write(principal, ids.map(remove))
  const listed = async () => {
    const all = await guards().list(new Date(), { limit: 100, after: undefined, tenants: null })
    return all.find(({ connection }) => connection === principal.connection)
  }
  expect(await listed()).toMatchObject({ state: 'held', tried: 10 })
  expect((await listed())?.examples).toHaveLength(10)
  expect((await deny(principal))?.guard.state).toBe('denied')
  const rest = ids.slice(0, 20).map(remove)
  expect(count(await write(principal, rest), 'deprovisioning-denied')).toBe(10)
  await allow({ until: new Date(Date.now() + 60_000) }, principal)
  expect(count(await write(principal, rest), null)).toBe(10)
  expect(
    await guards().list(new Date(Date.now() + 120_000), { limit: 100, after: undefined, tenants: null }),
  ).not.toContainEqual(expect.objectContaining({ connection: principal.connection }))
  const quiet = await connect()
  expect((await deny(quiet))?.guard).toMatchObject({ state: 'denied', version: 1 })
})

test('what is allowed while its connection is deleted leaves no guard behind, and one that is being allowed keeps the deletion waiting', async () => {
  const [gone, going] = [await connect(), await connect()]
  const trust = new KnownTrust(first(), () => undefined)
  const removed = ({ tenant, connection }: Principal) => {
    const origin = { source: 'keys', owner: tenant, subject: connection, version: 2, time: new Date() } as const
    return first().transaction((transaction) =>
      trust.apply(transaction, [makeEvent('connection.deleted', origin, { tenant, connection })]),
    )
  }
  await removed(gone)
  expect(await allow({ count: 1 }, gone)).toBeUndefined()
  let removing: Promise<void> | undefined
  const allowed = await retryTransient(() =>
    first().transaction(async (transaction) => {
      const decided = await guards().allow(transaction, { count: 1 }, decision(going))
      removing ??= removed(going)
      return decided
    }),
  )
  expect(allowed).toMatchObject({ guard: { state: 'allowed' } })
  await removing
  expect([await guardOf(gone), await guardOf(going)]).toEqual([undefined, undefined])
})
