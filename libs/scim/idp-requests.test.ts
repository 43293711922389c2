import { readFileSync } from 'node:fs'
import { Diagnosis } from './diagnosis.ts'
import { matches } from './filter/matches.ts'
import { parseFilter } from './filter/parse.ts'
import { isObject, parseJson } from './json.ts'
import type { JsonObject } from './json.ts'
import { parsePaging } from './list.ts'
import { applyPatch } from './patch/apply.ts'
import { parsePatch } from './patch/operation.ts'
import { splitPatch } from './patch/split.ts'
import { parseProjection, wants } from './render.ts'
import { dialectOf } from './quirks/identity-providers.ts'
import { readResource } from './resource.ts'
import { resourceTypes } from './schema/resource-types.ts'

/** The recorded requests of identity providers, each with the effect its `expect` asks of this library. */
interface Row {
  idp: string
  name: string
  method: string
  path: string
  headers?: Record<string, string>
  body?: JsonObject
}

const file = new URL('../../../test/idp/requests.json', import.meta.url)
const rows: Row[] = JSON.parse(readFileSync(file, 'utf8'))
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const { User, Group } = resourceTypes

const person = {
  userName: 'someone',
  active: true,
  emails: [{ type: 'work', value: 'old@example.com', primary: true }],
}

function typeOf({ path }: Row) {
  return path.startsWith('/Users') ? User : Group
}

function query(row: Row): URLSearchParams {
  return new URL(`https://example.com${row.path}`).searchParams
}

/** As the gateway would read it from a connection of its kind. */
function diagnose(row: Row): Diagnosis {
  const { method, path, headers, body } = row
  const traits = { method, path, query: query(row), userAgent: headers?.['User-Agent'], body }
  return new Diagnosis(dialectOf(row.idp.split('-')[0] ?? '', traits))
}

/** What a POST or PUT stores. */
function stores(row: Row) {
  const { resource, members } = readResource(typeOf(row), parseJson(JSON.stringify(row.body)), diagnose(row))
  return { ...resource, ...(members === undefined ? {} : { members }) }
}

/** What a PATCH changes, on a user with these attributes, or on a group. */
function changes(row: Row, before: object = person) {
  const type = typeOf(row)
  const { resource } = readResource(type, type === User ? before : { displayName: 'Before' })
  const found = diagnose(row)
  const operations = parsePatch(parseJson(JSON.stringify(row.body)), found)
  const split = type === Group ? splitPatch(operations, found) : { document: operations, membership: [] }
  const { document, membership } = split
  const patched = applyPatch(type, resource, document, found)
  const picked: JsonObject = {}
  for (const { attribute: name } of patched.changes) {
    const [key, value] = Object.entries(patched.resource).find(([top]) => name.startsWith(top)) ?? []
    if (key !== undefined && value !== undefined) picked[key] = value
  }
  return { ...picked, ...(membership.length === 0 ? {} : { membership }) }
}

/** Whether the row's filter finds a resource. */
function finds(row: Row, resource: JsonObject): boolean {
  return matches(typeOf(row), parseFilter(query(row).get('filter') ?? '', diagnose(row)), resource)
}

const page = (startIndex: number, count: number) => (row: Row) =>
  expect(parsePaging(Object.fromEntries(query(row)), 200)).toEqual({ method: 'index', startIndex, count })

const nothingToRead = (row: Row) => expect(row.body).toBeUndefined()

const effects: Record<string, (row: Row) => void> = {
  'okta: connector test': page(1, 2),
  'okta: match user': (row) => {
    page(1, 100)(row)
    expect(finds(row, { userName: 'Test.User@okta.local' })).toBe(true)
    expect(finds(row, { userName: 'other' })).toBe(false)
  },
  'okta: create user': (row) =>
    expect(stores(row)).toEqual({
      schemas: [User.schema.id],
      userName: 'test.user@okta.local',
      name: { givenName: 'Test', familyName: 'User' },
      emails: [{ primary: true, value: 'test.user@okta.local', type: 'work' }],
      displayName: 'Test User',
      locale: 'en-US',
      externalId: '00ujl29u0le5T6Aj10h7',
      active: true,
    }),
  'okta-aiw: update user = GET id then PUT merged': (row) => {
    const { id: _id, meta: _meta, groups: _groups, ...kept } = row.body ?? {}
    expect(stores(row)).toEqual(kept)
  },
  'okta-aiw: deactivate = GET id then PUT active:false': (row) => {
    const { id: _id, meta: _meta, ...kept } = row.body ?? {}
    expect(stores(row)).toEqual(kept)
  },
  'okta-oin: deactivate': (row) => expect(changes(row)).toEqual({ active: false }),
  'okta: match group': (row) => expect(finds(row, { displayName: 'test scimv2' })).toBe(true),
  'okta: create group': (row) =>
    expect(stores(row)).toEqual({ schemas: [Group.schema.id], displayName: 'Test SCIMv2', members: [] }),
  'okta-oin: rename group (sent on every membership push)': (row) =>
    expect(changes(row)).toEqual({ displayName: 'Test SCIMv2' }),
  'okta-oin: membership': (row) =>
    expect(changes(row)).toEqual({
      membership: [
        { kind: 'remove', values: ['{uid1}'] },
        { kind: 'add', values: ['{uid2}'] },
      ],
    }),
  'okta-oin: full push': (row) =>
    expect(changes(row)).toEqual({
      membership: [{ kind: 'replace', values: ['{uid1}', '{uid2}'] }],
    }),
  'okta-oin: Push now on empty group': (row) => expect(changes(row)).toEqual({ membership: [{ kind: 'removeAll' }] }),
  'okta-aiw: membership/rename = GET id then PUT': (row) =>
    expect(stores(row)).toEqual({
      schemas: [Group.schema.id],
      displayName: 'Test SCIMv2',
      members: ['{uid1}'],
    }),
  'okta: unlink+delete group': nothingToRead,
  'okta: import page': page(1, 100),
  'entra: Test Connection': (row) => {
    expect(finds(row, { userName: '{RANDOM-GUID}' })).toBe(true)
    expect(finds(row, person)).toBe(false)
  },
  'entra: match by work mail': (row) => {
    expect(finds(row, { emails: [{ type: 'work', value: 'User@contoso.com' }] })).toBe(true)
    expect(
      finds(row, {
        emails: [
          { type: 'home', value: 'user@contoso.com' },
          { type: 'work', value: 'x' },
        ],
      }),
    ).toBe(false)
  },
  'entra: match externalId unquoted': (row) => {
    expect(finds(row, { externalId: 'jyoung' })).toBe(true)
    expect(finds(row, { externalId: 'JYoung' })).toBe(false)
  },
  'entra: reference probe': (row) => {
    expect(finds(row, { id: '{id}', [enterprise]: { manager: { value: '{mid}' } } })).toBe(true)
    expect(finds(row, { id: '{id}', [enterprise]: { manager: { value: 'other' } } })).toBe(false)
    expect(wants(parseProjection(User, Object.fromEntries(query(row))), 'emails')).toBe(false)
  },
  'entra: create user': (row) =>
    expect(stores(row)).toEqual({
      schemas: [User.schema.id],
      externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
      userName: 'Test_User_x',
      active: true,
      emails: [{ primary: true, type: 'work', value: 't@testuser.com' }],
      name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'givenName' },
    }),
  'entra: create user with nulls and root-level ext attrs': (row) =>
    expect(stores(row)).toEqual({
      schemas: [User.schema.id],
      externalId: 'jyoung',
      userName: 'jyoung@testuser.com',
      active: true,
      displayName: 'Joy Young',
      emails: [{ type: 'work', value: 'jyoung@Contoso.com', primary: true }],
      name: { familyName: 'Young', givenName: 'Joy' },
    }),
  'entra: update multi': (row) =>
    expect(changes(row)).toEqual({
      displayName: 'Pvlo',
      emails: [{ type: 'work', value: 'TestBcwqnm@test.microsoft.com', primary: true }],
      name: { givenName: 'Gtfd' },
      externalId: 'Eqpj',
      [enterprise]: { employeeNumber: 'Eqpj' },
    }),
  'entra-flag: update multi (aadOptscim062020)': (row) =>
    expect(changes(row)).toEqual({
      emails: [{ type: 'work', value: 'TestMhvaes@test.microsoft.com', primary: true }],
      displayName: 'Bjfe',
      name: { givenName: 'Kkom', familyName: 'Unua' },
      [enterprise]: { employeeNumber: 'Aklq' },
    }),
  'entra: disable (default)': (row) => expect(changes(row)).toEqual({ active: false }),
  'entra-flag: disable': (row) => expect(changes(row)).toEqual({ active: false }),
  'entra: restore': (row) => expect(changes(row, { ...person, active: false })).toEqual({ active: true }),
  'entra: add filtered value on empty array': (row) =>
    expect(changes(row, { userName: 'someone' })).toEqual({
      emails: [{ type: 'work', value: 'something@outlook.com' }],
    }),
  'entra: manager as array with $ref': (row) =>
    expect(changes(row)).toEqual({
      [enterprise]: { manager: { $ref: 'http://x/scim/Users/{mid}', value: '{mid}' } },
    }),
  'entra: manager as string': (row) => expect(changes(row)).toEqual({ [enterprise]: { manager: { value: '{mid}' } } }),
  'entra: roles PATCH as JSON string': (row) =>
    expect(changes(row)).toEqual({ roles: [{ value: 'Admin', display: 'Admin' }] }),
  'entra: roles POST with displayName sub-attribute': (row) =>
    expect(stores(row)).toMatchObject({
      roles: [{ primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'Admin', value: 'Admin' }],
    }),
  'entra: single app role': (row) => expect(changes(row)).toEqual({ roles: [{ primary: true, value: 'Admin' }] }),
  'entra: hard delete': nothingToRead,
  'entra: remove member (default)': (row) =>
    expect(changes(row)).toEqual({ membership: [{ kind: 'remove', values: ['{uid1}'] }] }),
  'entra: set custom boolean attribute (default)': (row) => expect(changes(row)).toEqual({}),
  'entra: set custom integer attribute (default)': (row) => expect(changes(row)).toEqual({}),
  'entra: no operations': (row) => expect(changes(row)).toEqual({}),
  'entra: add single-valued attribute (default)': (row) => expect(changes(row)).toEqual({ nickName: 'Babs' }),
  'entra: replace roles': (row) =>
    expect(changes(row)).toEqual({
      roles: [
        { primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'User', value: 'User' },
        { primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'Test', value: 'Test' },
      ],
    }),
  'entra: create user with two primary e-mails': (row) =>
    expect(stores(row)).toMatchObject({
      emails: [
        { primary: false, type: 'work', value: 'babs@contoso.com' },
        { primary: true, type: 'other', value: 'babs@home.example' },
      ],
    }),
  'entra: create group': (row) =>
    expect(stores(row)).toEqual({
      schemas: [Group.schema.id],
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
      displayName: 'displayName',
    }),
  'entra: get group': (row) =>
    expect(wants(parseProjection(Group, Object.fromEntries(query(row))), 'members')).toBe(false),
  'entra-flag: remove member': (row) =>
    expect(changes(row)).toEqual({ membership: [{ kind: 'remove', values: ['{uid1}'] }] }),
  'jumpcloud: create user': nothingToRead,
  'jumpcloud: update user PUT, emails null': (row) => {
    const { id: _id, emails: _emails, ...kept } = row.body ?? {}
    expect(stores(row)).toEqual(kept)
  },
  'jumpcloud: patch user': (row) =>
    expect(changes(row)).toEqual({ name: { givenName: 'John', familyName: 'Doe' }, active: false }),
  'jumpcloud: add member': (row) => expect(changes(row)).toEqual({ membership: [{ kind: 'add', values: ['{uid1}'] }] }),
  'jumpcloud: remove member': (row) =>
    expect(changes(row)).toEqual({ membership: [{ kind: 'remove', values: ['{uid1}'] }] }),
  'jumpcloud: delete test user': nothingToRead,
  'jumpcloud: delete test group': nothingToRead,
  'onelogin: connection probe': (row) => expect(finds(row, person)).toBe(false),
  'onelogin: create with template artefacts': (row) =>
    expect(stores(row)).toEqual({
      schemas: [User.schema.id, enterprise],
      [enterprise]: { department: 'Eng', manager: { value: '{mid}' } },
      active: true,
      emails: [{ value: 'a@b.c', type: 'work', primary: true }],
      name: { familyName: 'B', givenName: 'A', formatted: 'A B' },
      userName: 'a@b.c',
    }),
  'onelogin: emails as object': (row) => expect(changes(row)).toEqual({ emails: [{ value: 'a@b.c', type: 'work' }] }),
  'google: content type': (row) => expect(stores(row)).toEqual(row.body),
  'pingfederate: match user': (row) => {
    expect(finds(row, { userName: 'JSmith@example.com' })).toBe(true)
    expect(finds(row, { userName: 'jsmith' })).toBe(false)
  },
  'pingfederate: match user by work mail': (row) => {
    expect(finds(row, { emails: [{ value: 'x' }, { value: 'jsmith@example.com' }] })).toBe(true)
    expect(finds(row, { emails: [{ display: 'jsmith@example.com' }] })).toBe(false)
  },
  'pingfederate: create user': (row) => expect(stores(row)).toEqual(row.body),
  'pingfederate: update user': (row) => expect(stores(row)).toEqual(row.body),
  'pingfederate: disable user': (row) => expect(stores(row)).toEqual(row.body),
  'pingfederate: find group': page(1, 200),
  'pingfederate: create group': (row) => expect(stores(row)).toEqual(row.body),
  'pingfederate: update group': (row) =>
    expect(stores(row)).toEqual({ schemas: [Group.schema.id], displayName: 'Engineering', members: ['{uid1}'] }),
  'pingfederate: update group by PATCH': (row) =>
    expect(changes(row)).toEqual({ membership: [{ kind: 'remove', values: ['{uid1}'] }] }),
  'pingone: match user by username': (row) => expect(finds(row, { userName: 'jsmith@example.com' })).toBe(true),
  'pingone: match user by email': (row) =>
    expect(finds(row, { userName: 'jsmith@example.com', emails: [{ value: 'jsmith@example.com' }] })).toBe(false),
  'pingone: create user': (row) => expect(stores(row)).toEqual(row.body),
  'sailpoint: create account': (row) => expect(stores(row)).toEqual(row.body),
  'sailpoint: disable account': (row) => expect(changes(row)).toEqual({ active: false }),
  'sailpoint: discover schema': nothingToRead,
  'rippling: test connection': nothingToRead,
  'rippling: create user': (row) => expect(stores(row)).toEqual(row.body),
  'rippling: add member': (row) => expect(changes(row)).toEqual({ membership: [{ kind: 'add', values: ['{uid1}'] }] }),
}

test.each(rows.map((row) => [`${row.idp}: ${row.name}`, row] as const))('%s', (label, row) => {
  const effect = effects[label]
  if (effect === undefined) throw new Error('this row has no effect named here')
  effect(row)
})

test('every effect named here belongs to a recorded request', () => {
  expect(Object.keys(effects).sort()).toEqual(rows.map(({ idp, name }) => `${idp}: ${name}`).sort())
  expect(rows.every(({ body }) => body === undefined || isObject(body))).toBe(true)
})
