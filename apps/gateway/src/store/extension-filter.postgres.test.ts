import { newId } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import {
  extendResourceTypes,
  type JsonObject,
  matcher,
  parseFilter,
  readResource,
  readSchema,
  type ResolvedFilter,
  resolveFilter,
  ScimError,
  storedResource,
} from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { userKeys } from '../record.ts'
import type { ListQuery } from '../record-store.ts'
import { Records } from './records.ts'
import { insertUsers } from './statements.ts'

const urn = 'urn:acme:params:scim:schemas:extension:everything:2.0:User.v1'
const read = readSchema({
  id: urn,
  attributes: [
    { name: 'text' },
    { name: 'exact', caseExact: true },
    { name: 'flag', type: 'boolean' },
    { name: 'amount', type: 'decimal' },
    { name: 'count', type: 'integer' },
    { name: 'since', type: 'dateTime' },
    { name: 'bytes', type: 'binary' },
    { name: 'link', type: 'reference', referenceTypes: ['external'] },
    { name: 'tags', multiValued: true },
    { name: 'scores', type: 'integer', multiValued: true },
    { name: 'hidden', returned: 'never' },
    // The names of a core attribute and of another extension's, with other types.
    { name: 'title', type: 'integer' },
    { name: 'department', type: 'boolean' },
    {
      name: 'desk',
      type: 'complex',
      subAttributes: [{ name: 'floor', type: 'integer' }, { name: 'value' }, { name: 'keys', multiValued: true }],
    },
    {
      name: 'badges',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { name: 'value', caseExact: true },
        { name: 'type' },
        { name: 'until', type: 'dateTime' },
        { name: 'level', type: 'integer' },
        { name: 'doors', multiValued: true },
      ],
    },
  ],
})
if ('faults' in read) throw new Error(JSON.stringify(read.faults))
const { User } = extendResourceTypes([{ resourceType: 'User', required: false, document: read.schema }])
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

const connections = 4
let server: TestDatabase
let database: Database
let records: Records
const documents = new Map<string, string>()

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'test', connections })
  records = new Records({ database, listTimeout: 20_000 })
  await migrateGateway(database)
  for (let index = 0; index < 48; index++) {
    const document = person(index)
    documents.set(await insert('c1', document), JSON.stringify(document))
  }
  await insert('c2', { schemas: [User.schema.id, urn], userName: 'left', active: true, [urn]: leftovers })
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

const leftovers = {
  flag: 'no',
  amount: 'much',
  since: 'soon',
  tags: 'one',
  scores: ['x'],
  desk: 'here',
  badges: { level: 'a' },
}

function person(index: number): JsonObject {
  const some = <T>(every: number, content: T): T | undefined => (index % every === 0 ? undefined : content)
  const block = {
    text: some(5, ['Red', 'RED', 'straße', 'Łódź', 'per%cent_'][index % 5] ?? ''),
    exact: some(4, ['Red', 'RED', 'red'][index % 3] ?? ''),
    flag: some(3, index % 2 === 0),
    amount: some(7, [0.1, 1, -2.5, 1e3][index % 4] ?? 0),
    count: some(6, index - 10),
    since: some(
      4,
      ['2026-01-31T12:00:00Z', '2026-01-31T13:00:00+01:00', '2026-01-31T12:00:00.0000001Z', '2025-06-01T00:00:00'][
        index % 4
      ] ?? '',
    ),
    bytes: some(5, ['QUJD', 'qUJD'][index % 2] ?? ''),
    link: some(5, ['https://a.example/X', 'https://a.example/x'][index % 2] ?? ''),
    tags: some(3, ['Blue', `t${index % 4}`]),
    scores: some(3, [index % 5, index % 7]),
    hidden: some(2, 'Secret'),
    title: some(3, index % 4),
    department: some(3, index % 4 === 0),
    desk: some(4, {
      ...(index % 3 ? { floor: index % 5 } : {}),
      value: `D${index % 3}`,
      keys: ['K1', `k${index % 3}`],
    }),
    badges: some(3, [
      {
        value: `B${index % 4}`,
        type: 'Main',
        until: '2026-05-01T00:00:00Z',
        level: index % 6,
        doors: ['North', `d${index % 3}`],
      },
      { value: `b${index % 4}`, type: 'spare', level: 9 },
    ]),
  }
  const set = Object.fromEntries(Object.entries(block).filter(([, content]) => content !== undefined))
  const body = {
    userName: `user${index}`,
    title: `Title ${index % 3}`,
    [enterprise]: { department: 'true' },
    [urn]: set,
  }
  return readResource(User, body).resource
}

async function insert(connection: string, document: JsonObject): Promise<string> {
  const id = newId()
  const keys = userKeys(connection, document as ReturnType<typeof storedResource>)
  const row = {
    connection,
    id,
    user_name_key: keys.userNameKey,
    external_id: keys.externalId,
    display_name_key: keys.displayNameKey,
    email_keys: keys.emailKeys,
    active: keys.active,
    version: 1,
    now: new Date().toISOString(),
    document,
  }
  await database.query(insertUsers, [JSON.stringify([row])])
  return id
}

const operators = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']
const values: Record<string, readonly string[]> = {
  text: ['"red"', '"STRASSE"', '"łódź"', '"%"', '"e"'],
  exact: ['"Red"', '"RED"', '"e"'],
  flag: ['true', 'false', '"True"'],
  amount: ['0.1', '1', '"1"', '-3', '1000'],
  count: ['0', '-4', '37'],
  since: ['"2026-01-31T12:00:00Z"', '"2026-01-31T12:00:00.0000001Z"', '"2025-06-01T02:00:00+02:00"'],
  bytes: ['"QUJD"', '"qUJD"', '"QU"'],
  link: ['"https://a.example/X"', '"https://a"'],
  tags: ['"blue"', '"T1"', '"t"'],
  scores: ['0', '6', '3'],
  hidden: ['"secret"', '"x"'],
  title: ['2', '0'],
  department: ['true', 'false'],
  desk: ['"d1"'],
  'desk.floor': ['3', '0'],
  'desk.keys': ['"k1"', '"2"'],
  badges: ['"B1"', '"b1"'],
  'badges.type': ['"main"', '"S"'],
  'badges.until': ['"2026-05-01T02:00:00+02:00"'],
  'badges.level': ['9', '3'],
  'badges.doors': ['"north"', '"d2"'],
}
const elementFilters = [
  'badges[type eq "main" and level gt 3]',
  'badges[value eq "B1" or doors co "2"]',
  'badges[not (level eq 9)]',
  'badges[doors eq "NORTH" and until pr]',
  'badges[doors ne "north"]',
  'badges[level ne 9]',
  'tags[value eq "t1"]',
  'scores[value gt 4]',
  'desk[floor eq 3]',
  'badges[type eq "main"].level eq 3',
]

const filters = [
  ...Object.entries(values).flatMap(([path, literals]) => [
    `${path} pr`,
    `${path} eq null`,
    ...literals.flatMap((literal) => operators.map((operator) => `${path} ${operator} ${literal}`)),
  ]),
  ...elementFilters,
].map((text) => `${urn}:${text}`)

test('SQL selects by an extension what a filter selects in memory, for every type and operator, under not as well', async () => {
  const outcomes: (number | 'refused')[] = []
  const waiting = [...filters, ...filters.map((text) => `not (${text})`)].values()
  const lanes = Array.from({ length: connections }, async () => {
    for (const text of waiting) outcomes.push(await compare(text))
  })
  await Promise.all(lanes)
  const found = outcomes.filter((outcome) => outcome !== 'refused')
  expect(found.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10_000)
  // Order and substrings do not fit every type; nothing else is refused.
  expect(outcomes.length - found.length).toBeGreaterThan(100)
}, 60_000)

test('values of other types, which a replaced schema may have left, fail no filter', async () => {
  for (const filter of filters.map(resolved)) {
    if (filter === undefined) continue
    const { totalResults } = await records.list('c2', queryOf(filter))
    expect(totalResults).toBeLessThanOrEqual(1)
  }
})

function resolved(text: string): ReturnType<typeof resolveFilter> | undefined {
  try {
    return resolveFilter(User, parseFilter(text))
  } catch (error) {
    if (error instanceof ScimError && error.scimType === 'invalidFilter') return undefined
    throw error
  }
}

function queryOf(filter: ResolvedFilter): ListQuery {
  const page = { method: 'index', startIndex: 1, count: 200 } as const
  return { of: [{ type: User, filter, sortedBy: undefined }], descending: false, page, baseUrl: 'http://x' }
}

/** How many both select. */
async function compare(text: string): Promise<number | 'refused'> {
  const filter = resolved(text)
  if (filter === undefined) return 'refused'
  const inMemory = matcher(filter)
  const expected = [...documents].filter(([, document]) => inMemory(storedResource(document))).map(([id]) => id)
  const listing = await records.list('c1', queryOf(filter))
  expect([text, listing.records.map(({ id }) => id)]).toEqual([text, expected.sort()])
  return expected.length
}
