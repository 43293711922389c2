import fc from 'fast-check'
import { Database } from '#libs/postgres/index'
import { anyBody, anyFilter, everyType, runs, soundText } from '#libs/scim/arbitrary/index'
import {
  fold,
  foldedCharacters,
  isObject,
  type JsonObject,
  matcher,
  parseFilter,
  parseJson,
  printFilter,
  readResource,
  type ResolvedFilter,
  resolveFilter,
  type ResourceType,
  resourceTypes,
  ScimError,
} from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { newId } from '#libs/events/index'
import { migrateGateway } from '../index.ts'
import { groupKeys, userKeys } from '../record.ts'
import type { ListQuery } from '../record-store.ts'
import { represent } from '../representation.ts'
import { listStatements } from './list-sql.ts'
import { Records } from './records.ts'
import { insertGroups, insertUsers } from './statements.ts'

const { User, Group } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const baseUrl = 'http://127.0.0.1:8080/scim/v2/c1'

let server: TestDatabase
let database: Database
let records: Records
const users: string[] = []
const groups: string[] = []

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({
    url: server.url,
    applicationName: 'test',
    connections: 4,
    settings: { enable_seqscan: 'off' },
  })
  records = new Records({ database, listTimeout: 20_000 })
  await migrateGateway(database)
  const bodies = Array.from({ length: 60 }, (_, index) => person(index))
  for (const body of bodies) users.push(await insertUser('c1', body))
  await insertUser('c2', { ...person(1), externalId: 'foreign' })
  for (const displayName of ['Engineers', 'All', 'Straße']) groups.push(await insertGroup('c1', displayName))
  const [engineers = '', all = ''] = groups
  const [first = '', second = ''] = users
  await member(engineers, first, 'User')
  await member(all, engineers, 'Group')
  await member(all, second, 'User')
  await member(all, 'nobody-yet', null)
  await database.query(`
    INSERT INTO gateway.scim_user
    SELECT 'c3', gen_random_uuid(), 'name' || n, 'ext' || n, 'person ' || n, ARRAY['c3 u' || n || '@example.com'], n % 100 > 0, 1,
      now(), '2026-01-01'::timestamptz + n * interval '10 minutes', '{}' FROM generate_series(1, 5000) AS n`)
  await database.query('ANALYZE gateway.scim_user')
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

function person(index: number): JsonObject {
  return {
    userName: ['ADA', 'grace', 'Łukasz', 'weiß', "o'brien", 'per%cent_', 'ｗｉｄｅ'][index % 7] + String(index),
    ...(index % 3 === 0 ? {} : { externalId: index % 2 === 0 ? `ext${index}` : `EXT${index}` }),
    ...(index % 4 === 0 ? {} : { displayName: `Person ${index % 5}` }),
    ...(index % 5 === 0
      ? {}
      : { name: { givenName: `Given${index % 3}`, ...(index % 2 ? { familyName: 'Smith' } : {}) } }),
    ...(index % 11 === 0 ? {} : { active: index % 4 !== 1 }),
    ...(index % 6 === 0
      ? {}
      : {
          emails: [
            { value: `U${index}@Example.com`, type: index % 2 ? 'work' : 'home', primary: true },
            ...(index % 3 === 1 ? [{ value: `other${index}@example.org`, type: 'other' }] : []),
          ],
        }),
    ...(index % 7 === 0 ? { roles: [{ value: 'Admin', primary: true }] } : {}),
    ...(index % 2 === 0
      ? {
          [enterprise]: {
            department: index % 4 ? 'Sales' : 'sales',
            employeeNumber: String(index),
            manager: { value: 'm1' },
          },
        }
      : {}),
    ...(index % 9 === 0 ? { nickName: 'quote " and \\ back' } : {}),
  }
}

async function insertUser(connection: string, body: JsonObject): Promise<string> {
  const id = newId()
  const { resource } = readResource(User, body)
  const keys = userKeys(connection, resource)
  const row = {
    connection,
    id,
    user_name_key: keys.userNameKey,
    external_id: keys.externalId,
    display_name_key: keys.displayNameKey,
    email_keys: keys.emailKeys,
    active: keys.active,
    version: 1,
    now: new Date(Date.UTC(2026, 0, 1 + (users.length % 28), 12)).toISOString(),
    document: resource,
  }
  await database.query(insertUsers, [JSON.stringify([row])])
  return id
}

async function insertGroup(connection: string, displayName: string): Promise<string> {
  const id = newId()
  const { resource } = readResource(Group, { displayName })
  const { displayNameKey, externalId } = groupKeys(resource)
  const row = {
    connection,
    id,
    display_name_key: displayNameKey,
    external_id: externalId,
    version: 1,
    now: new Date().toISOString(),
    document: resource,
  }
  await database.query(insertGroups, [JSON.stringify([row])])
  return id
}

async function member(group: string, id: string, kind: string | null): Promise<void> {
  await database.query('INSERT INTO gateway.membership VALUES ($1, $2, $3, $4)', ['c1', group, id, kind])
}

function find(type: ResourceType, connection: string, filter?: ResolvedFilter, startIndex = 1, count = 1000) {
  const page = { method: 'index', startIndex, count } as const
  return records.list(connection, { of: [{ type, filter, sortedBy: undefined }], descending: false, page, baseUrl })
}

/** Every user as it is answered, so that the filter in memory sees what a client sees. */
async function rendered(): Promise<JsonObject[]> {
  const { records: found } = await find(User, 'c1')
  const inGroups = await records.groups('c1', users)
  return found.map(
    (stored) =>
      JSON.parse(
        represent(User, baseUrl, { ...stored, groups: inGroups.get(stored.id) ?? [] }, stored.document, {
          kind: 'default',
        }),
      ) as JsonObject,
  )
}

const comparisons = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']
const attributes: [string, string[]][] = [
  ['userName', ['"ada0"', '"ADA"', '"łukasz2"', '"WEISS"', '"weiß3"', '"o\'brien4"', '"%"', '"_"', '"wide6"', '"ｗ"']],
  ['externalId', ['"ext2"', '"EXT2"', '"EXT1"', 'ext4', '"foreign"']],
  ['displayName', ['"person 1"', '"PERSON"']],
  ['name.familyName', ['"smith"', '"x"']],
  ['name.givenName', ['"GIVEN1"']],
  ['emails', ['"u1@example.com"']],
  ['emails.value', ['"U1@EXAMPLE.COM"', '"@example.org"']],
  ['emails.type', ['"work"', '"Home"']],
  ['nickName', ['"quote \\" and \\\\ back"', '"\\\\"']],
  ['id', ['"nothing"', '""']],
  ['schemas', [`"${enterprise}"`]],
  [`${enterprise}:department`, ['"SALES"']],
  [`${enterprise}:manager`, ['"m1"', '"M1"']],
  ['meta.lastModified', ['"2026-01-10T12:00:00Z"', '"2026-01-10T13:00:00.000+01:00"', '"2026-01-10T12:00:00.0001Z"']],
  ['meta.resourceType', ['"User"', '"Group"']],
  ['meta.version', ['"W/\\"1\\""']],
  ['meta.location', ['"Users"']],
  ['groups.display', ['"engineers"', '"All"']],
  ['groups.type', ['"direct"', '"indirect"']],
  ['unknown', ['"x"']],
  ['active', ['true', 'false', '"True"']],
  ['roles.primary', ['true', 'false', '"true"']],
]

const others = [
  'emails[type eq "work" and value eq "U1@example.com"]',
  'emails[type eq "home" and value eq "U1@example.com"]',
  'emails[value eq "u1@example.com"]',
  'emails[type eq "work" and (value ew ".com" or value co "other")]',
  'emails[not (type eq "work")]',
  'emails[primary eq true and type ne "work"]',
  'emails[type pr]',
  'roles[primary eq "True"].value eq "Admin"',
  'not (emails pr)',
  'not (displayName eq "Person 1")',
  'not (name.familyName co "s" or active eq false)',
  'not (not (userName sw "a"))',
  'userName sw "a" and active eq true or externalId pr and not (emails.type eq "home")',
  '(userName sw "a" or userName sw "g") and (active eq false or displayName eq "person 2")',
  'name eq null',
  'displayName ne null',
  'emails eq null and active ne false',
  'not (active ne false)',
  'not (active eq true)',
  `${enterprise} pr`,
  `not (${enterprise}:employeeNumber pr)`,
  'groups[type eq "indirect" and display eq "All"]',
  ...[
    'userName',
    'externalId',
    'displayName',
    'name',
    'emails',
    'emails.display',
    'groups',
    'roles.primary',
    'meta',
    'id',
    'unknown',
    'active',
    'password',
    `${enterprise}:manager`,
  ].map((path) => `${path} pr`),
]

function everything(filter: ResolvedFilter | undefined): ListQuery {
  const of = [{ type: everyType, filter, sortedBy: undefined }]
  return { of, descending: false, page: { method: 'index', startIndex: 1, count: 1000 }, baseUrl }
}

test('SQL selects exactly what a filter selects in memory, for every operator and kind of attribute', async () => {
  const documents = await rendered()
  const filters = [
    ...attributes.flatMap(([path, values]) =>
      comparisons.flatMap((operator) => values.map((value) => `${path} ${operator} ${value}`)),
    ),
    ...others,
  ]
  let compared = 0
  for (const text of filters) {
    const filter = resolvedOrRefused(text)
    if (filter === undefined) continue
    const selects = matcher(filter)
    const expected = documents.filter((document) => selects(document)).map((document) => document['id'])
    const { records: found, totalResults } = await find(User, 'c1', filter)
    expect({ text, ids: found.map(({ id }) => id), totalResults }).toEqual({
      text,
      ids: expected,
      totalResults: expected.length,
    })
    compared++
  }
  expect(compared).toBeGreaterThan(300)
})

function resolvedOrRefused(text: string, type: ResourceType = User) {
  try {
    return resolveFilter(type, parseFilter(text))
  } catch (error) {
    if (error instanceof ScimError) return undefined
    throw error
  }
}

/** Resources of every kind of attribute in a connection of their own, as they are answered. */
async function stored(bodies: readonly JsonObject[]): Promise<{ connection: string; documents: JsonObject[] }> {
  const connection = newId()
  const rows = bodies.map((body, index) => {
    const { resource } = readResource(everyType, { ...body, userName: `${String(body['userName'])} ${index}` })
    const keys = userKeys(connection, resource)
    return {
      connection,
      id: newId(),
      user_name_key: keys.userNameKey,
      external_id: keys.externalId,
      display_name_key: keys.displayNameKey,
      email_keys: keys.emailKeys,
      active: keys.active,
      version: 1,
      now: new Date(Date.UTC(2026, 0, 31, 12, 0, 0, index % 3)).toISOString(),
      document: resource,
    }
  })
  await database.query(insertUsers, [JSON.stringify(rows)])
  const { records: found } = await records.list(connection, everything(undefined))
  const documents = found.map((record) =>
    parseJson(represent(everyType, baseUrl, record, record.document, { kind: 'default' })),
  )
  return { connection, documents: documents.filter(isObject) }
}

test('SQL selects exactly what a filter selects in memory, over resources and filters of every kind', async () => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyBody(everyType), { minLength: 5, maxLength: 12 }),
      fc.array(anyFilter(everyType), { minLength: 30, maxLength: 30 }),
      async (bodies, filters) => {
        const { connection, documents } = await stored(bodies)
        expect(documents).toHaveLength(bodies.length)
        for (const filter of filters) {
          const text = printFilter(filter)
          const resolved = resolvedOrRefused(text, everyType)
          if (resolved === undefined) continue
          const expected = documents.filter(matcher(resolved)).map(({ id }) => id)
          const { records: found } = await records.list(connection, everything(resolved))
          expect({ text, ids: found.map(({ id }) => id) }).toEqual({ text, ids: expected })
          compared++
        }
      },
    ),
    runs(10),
  )
  expect(compared).toBeGreaterThan(0)
})

test('Postgres folds every character as filters do in memory, whatever its locale', async () => {
  const characters = [...foldedCharacters().keys()].flatMap((one) => [one, `a${one}\u0301`])
  const generated = fc.sample(soundText, 500)
  const texts = [...characters, ...generated]
  const rows = await database.query<{ folded: string }>(
    'SELECT gateway.fold(given) AS folded FROM unnest($1::text[]) WITH ORDINALITY AS t(given, place) ORDER BY place',
    [texts],
  )
  expect(rows.map(({ folded }) => folded)).toEqual(texts.map(fold))
})

test('numbers, instants and texts come back from Postgres as they were sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyBody(everyType), { minLength: 20, maxLength: 20 }), async (bodies) => {
      const { documents } = await stored(bodies)
      for (const [index, document] of documents.entries()) {
        const { id: _id, meta: _meta, ...kept } = document
        const sent = readResource(everyType, { ...bodies[index], userName: document['userName'] }).resource
        expect(parseJson(JSON.stringify(kept))).toEqual(parseJson(JSON.stringify({ ...sent, active: kept['active'] })))
      }
    }),
    runs(3),
  )
})

test('ids are compared as they are written', async () => {
  const [first = ''] = users
  for (const [text, expected] of [
    [`id eq "${first}"`, [first]],
    [`id eq "${first.toUpperCase()}"`, []],
    [`id sw "${first.slice(0, 20)}" and id ew "${first.slice(-4)}"`, [first]],
  ] as const) {
    const { records: found } = await find(User, 'c1', resolvedOrRefused(text))
    expect(found.map(({ id }) => id)).toEqual(expected)
  }
})

test('groups are found by their members, by name in any case, and never across connections', async () => {
  const [first = ''] = users
  const names = async (connection: string, text: string): Promise<string[]> => {
    const { records: found } = await find(Group, connection, resolveFilter(Group, parseFilter(text)))
    return found.map(({ id }) => groups.indexOf(id)).map(String)
  }
  expect(await names('c1', `members.value eq "${first}"`)).toEqual(['0'])
  expect(await names('c1', `members eq "nobody-yet"`)).toEqual(['1'])
  expect(await names('c1', 'members[type eq "Group"]')).toEqual(['1'])
  expect(await names('c1', 'not (members pr)')).toEqual(['2'])
  expect(await names('c1', 'displayName eq "STRASSE"')).toEqual([])
  expect(await names('c1', 'displayName eq "STRAßE"')).toEqual(['2'])
  expect(await names('c2', 'displayName pr')).toEqual([])
})

test('pages are cut from one stable order and count all matches', async () => {
  const page = async (startIndex: number, count: number) => {
    const { totalResults, records: found } = await find(User, 'c1', undefined, startIndex, count)
    return [totalResults, ...found.map(({ id }) => users.indexOf(id))]
  }
  expect(await page(1, 3)).toEqual([60, 0, 1, 2])
  expect(await page(59, 10)).toEqual([60, 58, 59])
  expect(await page(61, 10)).toEqual([60])
  expect(await page(1, 0)).toEqual([60])
})

test.each([
  ['userName eq "ada0"', 'scim_user_name'],
  ['externalId eq "ext2"', 'scim_user_external_id'],
  ['emails.value eq "u1@example.com"', 'scim_user_email'],
  ['emails[type eq "work" and value eq "u1@example.com"]', 'scim_user_email'],
  ['displayName eq "person 1"', 'scim_user_display_name'],
  ['id eq "01a20e52-426b-7001-83a3-51975df3f104"', 'scim_user_pkey'],
  ['meta.lastModified gt "2026-02-10T12:00:00Z"', 'scim_user_last_modified'],
  ['active eq false', 'scim_user_active'],
])('among 5,000 users, %s is answered by the index %s', async (text, index) => {
  const { parts } = listStatements('c3', {
    of: [{ type: User, filter: resolvedOrRefused(text), sortedBy: undefined }],
    descending: false,
    page: { method: 'index', startIndex: 1, count: 100 },
    baseUrl,
  })
  const page = parts[0]?.(100)
  const statement = typeof page?.statement === 'string' ? page.statement : page?.statement.text
  const plan = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${statement}`, page?.values)
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain(index)
})
