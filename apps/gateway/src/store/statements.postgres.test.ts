import { Client } from 'pg'
import { newId } from '#libs/events/index'
import { Database, type Statement } from '#libs/postgres/index'
import type { Resource } from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { recordRow } from './record-row.ts'
import * as deletions from './delete-statements.ts'
import { readGroups } from './records.ts'
import * as statements from './statements.ts'

const now = new Date()
const records = Array.from({ length: 200 }, (_, number) => ({ id: newId(), number }))
const user = (number: number, title?: string): Resource => ({
  schemas: [],
  userName: `user ${number}`,
  externalId: `x${number}`,
  displayName: `User ${number}`,
  emails: [{ value: `user${number}@example.com` }],
  ...(title === undefined ? {} : { title }),
})
const group = (number: number): Resource => ({ schemas: [], displayName: `Group ${number}` })
const rows = (
  kind: 'User' | 'Group',
  version: number,
  document: (number: number) => Resource,
  of = records,
): [string] => [
  JSON.stringify(of.map(({ id, number }) => recordRow(kind, 'c1', { id, version, document: document(number) }, now))),
]

let server: TestDatabase
let client: Client

beforeAll(async () => {
  server = await testDatabase()
  const database = new Database({ url: server.url, applicationName: 'test', connections: 1 })
  await migrateGateway(database)
  await database.query(statements.insertUsers, rows('User', 1, user))
  await database.query(statements.insertGroups, rows('Group', 1, group))
  const members = records.flatMap(({ id }) => records.slice(0, 10).map((member) => [id, member.id] as const))
  await database.query(statements.insertMembers, [
    members.map(() => 'c1'),
    members.map(([group]) => group),
    members.map(([, member]) => member),
    members.map(([, member]) => member),
  ])
  await database.query('ANALYZE')
  await database.close()
  client = new Client({ connectionString: server.url })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await server.drop()
})

test.each<[string, Statement]>([
  ['lock users', statements.lockUsers],
  ['lock groups', statements.lockGroups],
  ['update users', statements.updateUsers],
  ['update groups', statements.updateGroups],
  ['bump groups', statements.bumpGroups],
  ['groups left', statements.groupsLeft],
  ['delete members', statements.deleteMembers],
  ['delete users', deletions.deleteUsers],
  ['delete groups', deletions.deleteGroups],
  ['delete members of groups', deletions.deleteMembersOfGroups],
  ['leave groups', deletions.leaveGroups],
  ['read groups of users', readGroups],
])('%s: a row is looked up by its key, and the others are not read, however few they are', async (_, { text }) => {
  await client.query(`SET enable_seqscan = off`)
  const explained = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${text}`)
  const plan = explained.rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toMatch(/Index Cond: \(\(connection = .*\) AND \((id|group_id|member_id) = .*\)\)/)
  expect(plan).not.toMatch(/Hash Join|Merge Join|Seq Scan/)
})

const [first = { id: '', number: 0 }] = records
test.each<[string, string, Statement, [string]]>([
  ['user', 'scim_user', statements.updateUsers, rows('User', 2, (number) => user(number, 'Engineer'), [first])],
  ['group', 'scim_group', statements.updateGroups, rows('Group', 2, group, [first])],
])('a %s that is changed in what no index holds is rewritten within its page', async (_, table, { text }, values) => {
  await client.query('BEGIN')
  await client.query(text, values)
  const counted = await client.query(
    `SELECT pg_stat_get_xact_tuples_updated(c)::int AS updated, pg_stat_get_xact_tuples_hot_updated(c)::int AS within
     FROM (SELECT 'gateway.${table}'::regclass AS c) AS t`,
  )
  await client.query('ROLLBACK')
  expect(counted.rows).toEqual([{ updated: 1, within: 1 }])
})
