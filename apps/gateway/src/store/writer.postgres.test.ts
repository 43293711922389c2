import { defaultSettings, makeEvent } from '#libs/events/index'
import { openPostgresEventLog, type PostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database, type Transaction, type Waiting } from '#libs/postgres/index'
import { readResource, type Resource, resourceTypes } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { noEdit } from '../membership.ts'
import type { Principal } from '../principal.ts'
import type { Command } from '../provisioning.ts'
import type { Written } from '../record-store.ts'
import { KnownTrust } from './known-trust.ts'
import { Writer } from './writer.ts'

const { User } = resourceTypes
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
let log: PostgresEventLog
let writer: Writer

beforeAll(async () => {
  server = await testDatabase()
  database = new Watched({ url: server.url, applicationName: 'test', connections: 4 })
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

/** Writes all in one batch: the name under which each is kept then, or the status that refused it. */
async function write(...commands: Command[]): Promise<unknown[]> {
  const occasion = { time: new Date(), traceparent: undefined }
  const origin = { source: 'gateway', owner: 'c1', subject: idOf(0), version: 1, time: occasion.time } as const
  const decided = ({ id }: Written) => makeEvent('group.deleted', origin, { ...scope, groupId: id })
  const inDoubt = (): void => undefined
  const outcomes = await Promise.allSettled(
    commands.map((command) => writer.write({ type: User, command, principal, occasion, decided, inDoubt })),
  )
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value.document['userName'] : outcome.reason.status,
  )
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
