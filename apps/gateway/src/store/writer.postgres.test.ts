import { defaultSettings, makeEvent } from '#libs/events/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database, type Transaction, type Waiting } from '#libs/postgres/index'
import { readResource, type Resource, resourceTypes } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { noEdit } from '../membership.ts'
import type { Principal } from '../principal.ts'
import type { Command } from '../provisioning.ts'
import type { WriteRequest, Written } from '../record-store.ts'
import { KnownTrust } from './known-trust.ts'
import { rehearse } from './rehearsal.ts'
import { Writer } from './writer.ts'

const { User, Group } = resourceTypes
const scope = { tenant: 'acme', connection: 'c1', environment: 'live' } as const
const principal: Principal = {
  ...scope,
  identityProvider: 'okta',
  enabled: true,
  settings: defaultSettings,
  types: resourceTypes,
}

/** Tells of transactions that the database refused. */
class Watched extends Database {
  failures = 0

  override async transaction<T>(work: (transaction: Transaction) => Promise<T>, waiting?: Waiting): Promise<T> {
    try {
      return await super.transaction(work, waiting)
    } catch (error) {
      this.failures++
      throw error
    }
  }
}

let server: TestDatabase
let database: Watched
let watcher: Database
let log: PostgresEventLog
let writer: Writer

beforeAll(async () => {
  server = await testDatabase()
  database = new Watched({ url: server.url, applicationName: 'test', connections: 4 })
  watcher = new Database({ url: server.url, applicationName: 'others', connections: 3 })
  const onFailure = (error: unknown): void => {
    throw error
  }
  log = await openPostgresEventLog({ url: server.url, retention: 86_400_000, clock: () => new Date(), onFailure })
  await migrateGateway(database)
  const origin = { source: 'keys', owner: 'acme', subject: 'c1', version: 1, time: new Date() } as const
  const created = makeEvent('connection.created', origin, {
    ...scope,
    name: 'c1',
    identityProvider: 'okta',
    state: 'enabled',
    settings: defaultSettings,
    schemas: [],
  })
  await database.transaction((transaction) => new KnownTrust(database, () => {}).apply(transaction, [created]))
  writer = new Writer({ database, log, onFailure })
})

afterAll(async () => {
  await log.close()
  await database.close()
  await watcher.close()
  await server.drop()
})

const named = (userName: string): Resource =>
  readResource(User, { schemas: [User.schema.id], userName, title: 'Countess' }).resource
const idOf = (number: number): string => `01a20e52-426b-7001-83a3-51975df3f10${number}`
const rename = (number: number, userName: string): Command => ({
  kind: 'replace',
  id: idOf(number),
  document: named(userName),
  members: noEdit,
  precondition: undefined,
})

function requestOf(command: Command, type = User): WriteRequest {
  const occasion = { time: new Date(), traceparent: undefined }
  const origin = { source: 'gateway', owner: 'c1', subject: idOf(0), version: 1, time: occasion.time } as const
  const decided = ({ id }: Written) => makeEvent('group.deleted', origin, { ...scope, groupId: id })
  return { type, command, principal, occasion, decided, inDoubt: () => undefined }
}

/** Writes all in one batch: the name under which each is kept then, or the status that refused it. */
async function write(...commands: Command[]): Promise<unknown[]> {
  const outcomes = await Promise.allSettled(commands.map((command) => writer.write(requestOf(command))))
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value.document['userName'] : outcome.reason.status,
  )
}

const lock = (table: 'scim_user' | 'scim_group', number: number): [string, string[]] => [
  `SELECT 1 FROM gateway.${table} WHERE connection = 'c1' AND id = $1 FOR UPDATE`,
  [idOf(number)],
]

/** Once so many statements wait for a lock of another transaction. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const [row] = await watcher.query<{ count: number }>(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    if (row !== undefined && row.count >= count) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Another's transaction, which is never the one that a deadlock ends. */
function another<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return watcher.transaction(async (transaction) => {
    transaction.send("SET LOCAL deadlock_timeout = '20s'")
    return work(transaction)
  })
}

test('a rename onto a taken name is refused in the batch of others, without a transaction that fails', async () => {
  const create = (number: number, userName: string): Command => ({
    kind: 'create',
    id: idOf(number),
    document: named(userName),
    members: noEdit,
  })
  expect(await write(create(1, 'ada'), create(2, 'bob'), create(3, 'cy'))).toEqual(['ada', 'bob', 'cy'])
  expect(await write(rename(1, 'Ada'), rename(2, 'ADA'), rename(3, 'dee'), create(4, 'bob'))).toEqual([
    'Ada',
    409,
    'dee',
    409,
  ])
  expect(await write(rename(2, 'new'), create(4, 'NEW'))).toEqual([409, 'NEW'])
  expect(await write(rename(2, 'cy'))).toEqual(['cy'])
  expect(database.failures).toBe(0)
  expect(await database.query('SELECT user_name_key AS name, version FROM gateway.scim_user ORDER BY id')).toEqual([
    { name: 'ada', version: 2 },
    { name: 'cy', version: 2 },
    { name: 'dee', version: 2 },
    { name: 'new', version: 1 },
  ])
})

describe('rehearsals', () => {
  const create = (number: number, userName: string): Command => ({
    kind: 'create',
    id: idOf(number),
    document: named(userName),
    members: noEdit,
  })
  const [one, two] = [5, 6]

  beforeAll(async () => {
    await write(create(one, 'eve'), create(two, 'fay'))
  })

  test('leave connections to others, however many there are', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const all = Array.from({ length: 8 }, (_, index) =>
      writer.rehearse(async (stage) => {
        await stage.writer.write(requestOf(create(7, `rehearsed ${index}`)))
        await gate
      }),
    )
    expect(await write(rename(one, 'eva'))).toEqual(['eva'])
    open()
    await Promise.all(all)
    expect(await database.query("SELECT 1 FROM gateway.scim_user WHERE user_name_key LIKE 'rehearsed%'")).toEqual([])
  })

  test('hold up a write for as long as they may last, and then it is done', async () => {
    const { promise: held, resolve: hold } = Promise.withResolvers<void>()
    const rehearsed = rehearse(
      database,
      async (stage) => {
        await stage.writer.write(requestOf(rename(one, 'evi')))
        hold()
        await waiting(1)
        for (;;) await stage.records.find(User, 'c1', idOf(one))
      },
      300,
    )
    await held
    const written = write(rename(one, 'eve'))
    await expect(rehearsed).rejects.toMatchObject({ status: 503, code: 'dry-run-too-long' })
    expect(await written).toEqual(['eve'])
  })

  test('that wait for a lock until their time is over are ended then', async () => {
    await another(async (transaction) => {
      await transaction.query(...lock('scim_user', one))
      const rehearsed = rehearse(database, (stage) => stage.writer.write(requestOf(rename(one, 'evi'))), 100)
      await expect(rehearsed).rejects.toMatchObject({ status: 503, code: 'dry-run-too-long' })
    })
  })

  test('that a deadlock ended are refused as a whole, and let go of what they hold, though each write is answered', async () => {
    const { promise: held, resolve: hold } = Promise.withResolvers<void>()
    const answers: unknown[] = []
    const rehearsed = writer.rehearse(async (stage) => {
      await stage.writer.write(requestOf(rename(one, 'evi')))
      hold()
      await waiting(1)
      for (const number of [two, one]) {
        answers.push(await stage.writer.write(requestOf(rename(number, 'any'))).catch(({ status }) => status))
      }
    })
    const others = another(async (transaction) => {
      await transaction.query(...lock('scim_user', two))
      await held
      await transaction.query(...lock('scim_user', one))
    })
    await expect(rehearsed).rejects.toMatchObject({ status: 503, code: 'dry-run-in-the-way' })
    await others
    expect(answers).toEqual([503, 503])
  })

  test('are carried on where a deadlock ended their first write alone', async () => {
    const team: Command = {
      kind: 'create',
      id: idOf(8),
      document: readResource(Group, { schemas: [Group.schema.id], displayName: 'team' }).resource,
      members: { clear: false, add: new Set([idOf(two)]), remove: new Set() },
    }
    await writer.write(requestOf(team, Group))
    const written = await another(async (transaction) => {
      await transaction.query(...lock('scim_group', 8))
      const rehearsed = writer.rehearse((stage) =>
        stage.writer.write(requestOf({ kind: 'delete', id: idOf(two), precondition: undefined })),
      )
      await waiting(1)
      await transaction.query(...lock('scim_user', two))
      return () => rehearsed
    })
    expect((await written()).events.map(({ name }) => name)).toEqual(['user.deprovisioned', 'group.members-changed'])
  })
})
