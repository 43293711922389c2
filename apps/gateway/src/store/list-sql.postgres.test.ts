import fc from 'fast-check'
import { newId } from '#libs/events/index'
import { Database } from '#libs/postgres/index'
import {
  attribute,
  compareSorted,
  defineResourceType,
  type JsonObject,
  type JsonValue,
  matcher,
  parseFilter,
  parseProjection,
  parseSort,
  readResource,
  resolveFilter,
  resolveSort,
  type ResourceType,
  resourceTypes,
  ScimError,
  sortKeyOf,
} from '#libs/scim/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { migrateGateway } from '../index.ts'
import { groupKeys, userKeys } from '../record.ts'
import { digestOf } from '../cursor.ts'
import type { DigestedPlace, ListedRecord, ListQuery, Place } from '../record-store.ts'
import { represent } from '../representation.ts'
import { Records } from './records.ts'
import { insertGroups, insertUsers } from './statements.ts'

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const own = 'urn:example:params:own:2.0:Own.v1'
const baseUrl = 'http://127.0.0.1:8080/scim/v2/c1'
const { Group } = resourceTypes
const User = defineResourceType({
  ...resourceTypes.User,
  extensions: [
    ...resourceTypes.User.extensions,
    {
      required: false,
      schema: {
        id: own,
        name: 'Own',
        description: 'Own',
        attributes: [
          attribute('level', 'integer', 'A number.'),
          attribute('share', 'decimal', 'A number.'),
          attribute('since', 'dateTime', 'An instant.'),
          attribute('trusted', 'boolean', 'A boolean.'),
          attribute('code', 'string', 'A text.', { caseExact: true }),
          attribute('tags', 'string', 'Texts.', { multiValued: true }),
          attribute('site', 'complex', 'A place.', {
            subAttributes: [
              attribute('rooms', 'string', 'Its rooms.', { multiValued: true }),
              attribute('name', 'string', 'Its name.'),
            ],
          }),
        ],
      },
    },
  ],
})

const words = [
  'ada',
  'Ada',
  'ADA LOVELACE',
  'İstanbul',
  'ISTANBUL',
  'ıi',
  'weiß',
  'WEISS',
  'Ärger',
  'a\u0308rger',
  'ＷＩＤＥ',
  '\uffee',
  '\u{1f600}',
  'ΟΔΟΣ',
  "o'brien",
  '%_\\',
  '"',
  'a\nb',
  '-',
  'z',
  '10',
  '9',
]
const names = ['ada', 'Ada', 'İstanbul', 'ıi', 'weiß', 'Ärger', 'ＷＩＤＥ', "o'brien", '日本', 'z', '10', '9']
const instants = [
  '2026-01-31T12:00:00Z',
  '2026-01-31T12:00:00.0000001Z',
  '2026-01-31T13:00:00.5+01:00',
  '2026-01-31T12:00:00',
  '0999-12-31T23:59:59-14:00',
]
const word = fc.constantFrom(...words)
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const some = (element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  optional(fc.array(element, { minLength: 1, maxLength: 3 }))
const person = fc.record({
  externalId: optional(word),
  displayName: optional(fc.oneof(word, fc.constant(''))),
  title: optional(word),
  active: fc.boolean(),
  name: optional(fc.record({ familyName: optional(word), givenName: optional(word) })),
  emails: some(fc.record({ value: word, type: optional(fc.constantFrom('work', 'Home')) })),
  roles: optional(
    fc.array(fc.record({ value: word }), { minLength: 1, maxLength: 3 }).map((roles) =>
      // The last is primary in every other.
      roles.length % 2 === 0 ? [...roles.slice(0, -1), { ...roles.at(-1), primary: true }] : roles,
    ),
  ),
  [enterprise]: optional(fc.record({ department: optional(word), manager: optional(fc.record({ value: word })) })),
  [own]: optional(
    fc.record({
      level: optional(fc.constantFrom(-1, 0, 9, 10, 2 ** 53 - 1)),
      share: optional(fc.constantFrom(0.1, 1.5, 1e21, -1e-7)),
      since: optional(fc.constantFrom(...instants)),
      trusted: optional(fc.boolean()),
      code: optional(word),
      tags: some(word),
      site: optional(fc.record({ rooms: some(word), name: optional(word) })),
    }),
  ),
})

let server: TestDatabase
let database: Database
let records: Records
const documents: Record<'User' | 'Group', JsonObject[]> = { User: [], Group: [] }

beforeAll(async () => {
  // In Turkish, of all languages: I is not the capital of i, and ä comes before z.
  server = await testDatabase('tr')
  database = new Database({
    url: server.url,
    applicationName: 'test',
    connections: 4,
    settings: { enable_seqscan: 'off', TimeZone: 'Asia/Kathmandu', DateStyle: 'ISO,DMY' },
  })
  records = new Records({ database, listTimeout: 20_000 })
  await migrateGateway(database)
  for (const [index, generated] of fc.sample(person, { numRuns: 120, seed: 7 }).entries()) {
    const body: JsonObject = JSON.parse(
      JSON.stringify({ ...generated, userName: `${names[index % names.length]}${index}` }),
    )
    await insert(User, body, index)
  }
  for (const [index, displayName] of [...words, 'z'].entries()) await insert(Group, { displayName }, index)
  const [first, second, third] = documents.Group
  const idOf = (document: JsonObject | undefined): unknown => document?.['id']
  const [one, two] = documents.User
  for (const [group, member, kind] of [
    [idOf(first), idOf(one), 'User'],
    [idOf(second), idOf(first), 'Group'],
    [idOf(second), idOf(two), 'User'],
    [idOf(third), 'Nobody-Yet', null],
    [idOf(third), idOf(two), 'User'],
  ]) {
    await database.query('INSERT INTO gateway.membership VALUES ($1, $2, $3, $4)', ['c1', group, member, kind])
  }
  await database.query('ANALYZE')
  for (const type of [User, Group]) documents[nameOf(type)] = await rendered(type)
})

afterAll(async () => {
  await database.close()
  await server.drop()
})

function nameOf(type: ResourceType): 'User' | 'Group' {
  return type.name === 'User' ? 'User' : 'Group'
}

/** Kept in `documents` for its id, until all are there. */
async function insert(type: ResourceType, body: JsonObject, index: number): Promise<void> {
  const { resource } = readResource(type, body)
  const id = newId()
  const row = {
    connection: 'c1',
    id,
    version: 1 + (index % 12),
    now: new Date(Date.UTC(2026, 0, 1 + (index % 28), 12, 0, 0, index % 3)),
    document: resource,
  }
  if (type.name === 'User') {
    const { userNameKey, externalId, displayNameKey, emailKeys, active } = userKeys('c1', resource)
    const keys = { user_name_key: userNameKey, external_id: externalId, display_name_key: displayNameKey }
    await database.query(insertUsers, [JSON.stringify([{ ...row, ...keys, email_keys: emailKeys, active }])])
  } else {
    const { displayNameKey, externalId } = groupKeys(resource)
    const keys = { display_name_key: displayNameKey, external_id: externalId }
    await database.query(insertGroups, [JSON.stringify([{ ...row, ...keys }])])
  }
  documents[nameOf(type)].push({ id })
}

/** Every resource as it is answered to whoever wants to see all of it, so that what is compared in memory is what a client sees. */
async function rendered(type: ResourceType): Promise<JsonObject[]> {
  const onRequest = parseProjection(type, { attributes: 'members.value,members.$ref,members.type,members.display' })
  const { records: found } = await records.list('c1', query([type], {}))
  const ids = found.map(({ id }) => id)
  const members = (await records.members('c1', ids, 1_000)) ?? new Map<string, never>()
  const groups = await records.groups('c1', ids)
  return found.map((stored) => {
    const standing = { ...stored, groups: groups.get(stored.id) ?? [], members: members.get(stored.id) ?? [] }
    const [whole, asked] = [{ kind: 'default' } as const, onRequest].map(
      (projection) => JSON.parse(represent(type, baseUrl, standing, stored.document, projection)) as JsonObject,
    )
    return { ...whole, ...asked }
  })
}

interface Asked {
  readonly filter?: string
  readonly sortBy?: string
  readonly sortOrder?: string
  readonly page?: ListQuery['page']
}

function query(types: readonly ResourceType[], { filter, sortBy, sortOrder, page }: Asked): ListQuery {
  const sort = parseSort({ sortBy, sortOrder })
  const sortedBy = sort === undefined ? [] : resolveSort(types, sort)
  const of = types.map((type, index) => ({
    type,
    filter: filter === undefined ? undefined : resolveFilter(type, parseFilter(filter)),
    sortedBy: sortedBy[index],
  }))
  return {
    of,
    descending: sort?.descending ?? false,
    page: page ?? { method: 'index', startIndex: 1, count: 1_000 },
    baseUrl,
  }
}

/** The ids in the order in which they are sorted in memory. */
function expectedOrder(types: readonly ResourceType[], sortBy: string, sortOrder: string): unknown[] {
  const sort = parseSort({ sortBy, sortOrder })
  if (sort === undefined) throw new Error('not sorted')
  const targets = resolveSort(types, sort)
  const placed = types.flatMap((type, index) => {
    const target = targets[index]
    const keyOf = target === undefined ? () => undefined : sortKeyOf(target)
    return documents[nameOf(type)].map((document) => ({ key: keyOf(document), id: String(document['id']) }))
  })
  return placed.sort((one, other) => compareSorted(one, other, sort)).map(({ id }) => id)
}

/** As a cursor carries a place whose key is long. */
const digested = ({ id, key }: Place): Place | DigestedPlace =>
  key === undefined ? { id, key } : { id, digest: digestOf(key) }

async function walk(
  types: readonly ResourceType[],
  asked: Asked,
  count: number,
  carried: (place: Place) => Place | DigestedPlace = (place) => place,
): Promise<ListedRecord[]> {
  const found: ListedRecord[] = []
  let after: Place | DigestedPlace | undefined
  do {
    const page: ListQuery['page'] = { method: 'cursor', count, after }
    const listing = await records.list('c1', query(types, { ...asked, page }))
    found.push(...listing.records)
    after = listing.next && carried(listing.next)
  } while (after !== undefined)
  return found
}

const ids = (found: readonly ListedRecord[]): string[] => found.map(({ id }) => id)

const sortedPaths = [
  'id',
  'userName',
  'externalId',
  'displayName',
  'active',
  'title',
  'name.familyName',
  'emails',
  'emails.type',
  'roles.value',
  'groups.display',
  'schemas',
  'meta.created',
  'meta.lastModified',
  'meta.version',
  'meta.location',
  'meta.resourceType',
  `${enterprise}:department`,
  `${enterprise}:manager`,
  `${own}:level`,
  `${own}:share`,
  `${own}:since`,
  `${own}:trusted`,
  `${own}:code`,
  `${own}:tags`,
  `${own}:site.rooms`,
  'password',
  'unheardOf',
]

test.each(sortedPaths)('users sorted by %s are in the order of memory, by index and by cursor', async (sortBy) => {
  for (const sortOrder of ['ascending', 'descending']) {
    const expected = expectedOrder([User], sortBy, sortOrder)
    const { records: found } = await records.list('c1', query([User], { sortBy, sortOrder }))
    expect(ids(found)).toEqual(expected)
    expect(ids(await walk([User], { sortBy, sortOrder }, 7))).toEqual(expected)
    expect(ids(await walk([User], { sortBy, sortOrder }, 7, digested))).toEqual(expected)
  }
})

test.each(['displayName', 'members', 'members.display', 'members.type', 'meta.lastModified'])(
  'groups sorted by %s are in the order of memory',
  async (sortBy) => {
    for (const sortOrder of ['ascending', 'descending']) {
      const expected = expectedOrder([Group], sortBy, sortOrder)
      expect(ids((await records.list('c1', query([Group], { sortBy, sortOrder }))).records)).toEqual(expected)
      expect(ids(await walk([Group], { sortBy, sortOrder }, 4))).toEqual(expected)
    }
  },
)

test.each([
  'id',
  'userName',
  'displayName',
  'meta.created',
  'meta.resourceType',
  'members',
  `${own}:level`,
  'unheardOf',
])('users and groups together sorted by %s are in the order of memory', async (sortBy) => {
  for (const sortOrder of ['ascending', 'descending']) {
    const expected = expectedOrder([User, Group], sortBy, sortOrder)
    const all = await records.list('c1', query([User, Group], { sortBy, sortOrder }))
    expect([all.totalResults, ...ids(all.records)]).toEqual([expected.length, ...expected])
    expect(ids(await walk([User, Group], { sortBy, sortOrder }, 11))).toEqual(expected)
    const page = { method: 'index', startIndex: 100, count: 20 } as const
    const part = await records.list('c1', query([User, Group], { sortBy, sortOrder, page }))
    expect(ids(part.records)).toEqual(expected.slice(99, 119))
  }
})

const literal = (value: JsonValue): string => JSON.stringify(value)
const texts = [...words, ...words.map((text) => text.toUpperCase()), 'x']
const operators = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']
const compared: readonly (readonly [path: string, values: readonly JsonValue[]])[] = [
  ...['userName', 'externalId', 'displayName', 'title', 'name.familyName', 'emails', 'emails.value', 'roles'].map(
    (path) => [path, texts] as const,
  ),
  ...['department', 'manager', 'manager.value'].map((name) => [`${enterprise}:${name}`, texts] as const),
  ...['code', 'tags', 'site.name', 'site.rooms'].map((name) => [`${own}:${name}`, texts] as const),
  ['groups.display', texts],
  ['members.display', texts],
  ['members', ['Nobody-Yet', 'NOBODY-YET']],
  ['members.type', ['user', 'Group']],
  [`${own}:level`, [0, 9.5, 10, 2 ** 53 - 1]],
  [`${own}:share`, [0.1, 1e21, -1e-7]],
  [`${own}:since`, [...instants, '2026-01-31T12:00:00.00000009Z']],
  ['meta.created', ['2026-01-03T12:00:00.001Z', '2026-01-03T12:00:00.0010001Z', '2026-01-03T12:00:00.0009999999Z']],
  ['active', [true, false]],
  [`${own}:trusted`, [true, 'False']],
  ['emails.type', ['work', 'HOME']],
  ['meta.version', ['W/"2"', 'W/"10"']],
  ['meta.resourceType', ['User', 'group']],
  ['schemas', [own.toUpperCase(), enterprise]],
  ['groups.$ref', [`${baseUrl}/GROUPS/`]],
  ['unheardOf', ['x']],
]
const comparison = fc
  .constantFrom(...compared)
  .chain(([path, values]) =>
    fc.tuple(fc.constant(path), fc.constantFrom(...operators), fc.constantFrom(...values).map(literal)),
  )
  .map((parts) => parts.join(' '))
const presence = fc.constantFrom(...compared, ['name', []], ['meta', []], [own, []]).map(([path]) => `${path} pr`)
const inElement = fc
  .tuple(
    fc.constantFrom('type', 'value', 'display', 'primary', '$ref'),
    fc.constantFrom(...operators),
    fc.constantFrom(...texts, 'work', 'User', 'direct', 'true').map(literal),
  )
  .map((parts) => parts.join(' '))
const valuePath = fc
  .tuple(
    fc.constantFrom('emails', 'roles', 'groups', 'members', 'name', `${own}:tags`),
    fc.array(inElement, { minLength: 1, maxLength: 2 }),
    fc.constantFrom('and', 'or'),
    fc.boolean(),
  )
  .map(([path, terms, joint, negated]) => {
    const inner = terms.join(` ${joint} `)
    return `${path}[${negated ? `not (${inner})` : inner}]`
  })
const { filter } = fc.letrec<{ filter: string; term: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    tie('term'),
    fc
      .tuple(tie('filter'), fc.constantFrom('and', 'or'), tie('filter'))
      .map(([a, joint, b]) => `(${a}) ${joint} (${b})`),
    tie('filter').map((inner) => `not (${inner})`),
  ),
  term: fc.oneof(comparison, comparison, presence, valuePath),
}))

test('SQL selects exactly what a filter selects in memory, whatever the locale and time zone of the database', async () => {
  let selected = 0
  await fc.assert(
    fc.asyncProperty(filter, fc.constantFrom(User, Group), async (text, type) => {
      const matching = matchingIn(type, text)
      fc.pre(matching !== undefined)
      const { records: found, totalResults } = await records.list('c1', query([type], { filter: text }))
      expect({ text, ids: ids(found), totalResults }).toEqual({
        text,
        ids: matching,
        totalResults: matching?.length,
      })
      if ((matching?.length ?? 0) > 0) selected++
    }),
    { numRuns: 1_000 },
  )
  expect(selected).toBeGreaterThan(300)
})

/** Undefined when an operator of the filter does not fit. */
function matchingIn(type: ResourceType, text: string): unknown[] | undefined {
  try {
    const selects = matcher(resolveFilter(type, parseFilter(text)))
    return documents[nameOf(type)].filter((document) => selects(document)).map((document) => document['id'])
  } catch (error) {
    if (error instanceof ScimError) return undefined
    throw error
  }
}

test('a filter over users and groups finds those of both that fit, and counts them', async () => {
  const text = 'displayName sw "a" or userName eq "ada0"'
  const expected = [User, Group].flatMap((type) => matchingIn(type, text) ?? []).sort()
  const { records: found, totalResults } = await records.list('c1', query([User, Group], { filter: text }))
  expect(expected.length).toBeGreaterThan(5)
  expect([totalResults, ...ids(found).sort()]).toEqual([expected.length, ...expected])
  for (const type of ['User', 'Group']) {
    const only = await records.list('c1', query([User, Group], { filter: `meta.resourceType eq "${type}"` }))
    expect(new Set(only.records.map((record) => record.type))).toEqual(new Set([type]))
  }
})

test('deep pages are cut from the same order, and count all matches', async () => {
  await database.query(`
    INSERT INTO gateway.scim_user
    SELECT 'c9', gen_random_uuid(), 'name' || n, NULL, CASE WHEN n % 3 > 0 THEN 'person ' || n % 7 END, '{}', true, 1, now(), now(), '{}'
    FROM generate_series(1, 3000) AS n`)
  for (const sortBy of [undefined, 'userName', 'displayName']) {
    const asked = sortBy === undefined ? {} : { sortBy }
    const all = await records.list(
      'c9',
      query([User], { ...asked, page: { method: 'index', startIndex: 1, count: 3_000 } }),
    )
    const deep = await records.list(
      'c9',
      query([User], { ...asked, page: { method: 'index', startIndex: 2_501, count: 50 } }),
    )
    expect(deep.totalResults).toBe(3_000)
    expect(ids(deep.records)).toEqual(ids(all.records).slice(2_500, 2_550))
  }
})
