import { ScimError } from './error.ts'
import type { JsonObject } from './json.ts'
import { parsePatch } from './patch/operation.ts'
import { parseProjection, project, wants, withSent } from './render.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { resourceTypes } from './schema/resource-types.ts'
import { namesPatched, namesSent } from './sent.ts'

const { User, Group } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const ada: JsonObject = {
  schemas: [User.schema.id, enterprise],
  id: '1',
  userName: 'ada',
  name: { givenName: 'Ada', familyName: 'L' },
  emails: [{ value: 'a', type: 'work' }, { type: 'home' }],
  [enterprise]: { department: 'd', manager: { value: 'm', displayName: 'M' } },
  meta: { location: 'l', version: 'v' },
}
const { schemas, id } = ada

const shown = (query: { attributes?: unknown; excludedAttributes?: unknown }) =>
  project(User, ada, parseProjection(User, query))

test('point 39: attributes and excludedAttributes exclude each other', () => {
  expect(() => parseProjection(User, { attributes: 'id', excludedAttributes: 'name' })).toThrow(
    expect.objectContaining({ scimType: 'invalidValue' }),
  )
  expect(() => parseProjection(User, { attributes: [7] })).toThrow(ScimError)
})

test('without either, or with empty ones, a document is the answer as it is', () => {
  for (const query of [{}, { attributes: '' }, { excludedAttributes: ' , ' }, { attributes: [] }]) {
    expect(parseProjection(User, query)).toEqual({ kind: 'default' })
    expect(shown(query)).toBe(ada)
  }
})

test('point 39: attributes shows what was named and what is always returned', () => {
  expect(shown({ attributes: 'userName' })).toEqual({ schemas, id, userName: 'ada' })
  expect(shown({ attributes: 'NAME.givenname, emails.value' })).toEqual({
    schemas,
    id,
    name: { givenName: 'Ada' },
    emails: [{ value: 'a' }],
  })
  expect(shown({ attributes: ['emails', 'emails.value', 'meta.location'] })).toEqual({
    schemas,
    id,
    emails: ada['emails'],
    meta: { location: 'l' },
  })
  expect(shown({ attributes: 'nonsense' })).toEqual({ schemas, id })
})

test('point 39: an extension is chosen by its URN, its attributes with or without it', () => {
  expect(shown({ attributes: enterprise })).toEqual({ schemas, id, [enterprise]: ada[enterprise] })
  expect(shown({ attributes: `${enterprise}:department` })).toEqual({ schemas, id, [enterprise]: { department: 'd' } })
  expect(shown({ attributes: 'manager.value' })).toEqual({ schemas, id, [enterprise]: { manager: { value: 'm' } } })
  expect(shown({ excludedAttributes: enterprise })).not.toHaveProperty([enterprise])
  expect(shown({ excludedAttributes: 'manager,userName' })).toMatchObject({ [enterprise]: { department: 'd' } })
})

test('point 39: excludedAttributes leaves out what was named, except what is always returned', () => {
  const { userName: _userName, meta: _meta, ...rest } = ada
  expect(shown({ excludedAttributes: 'id,schemas,userName,meta' })).toEqual(rest)
  expect(shown({ excludedAttributes: 'name.familyName,emails.type' })).toEqual({
    ...ada,
    name: { givenName: 'Ada' },
    emails: [{ value: 'a' }],
  })
})

test('point 39: what is never returned is not, and what is returned on request only when named', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [
      attribute('pin', 'string', 'p', { returned: 'never' }),
      attribute('badge', 'string', 'b', { returned: 'request' }),
    ],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const document = { id: '1', userName: 'ada', password: 'x', [schema.id]: { pin: '1', badge: '2' } }
  const part = (query: { attributes?: string; excludedAttributes?: string }) =>
    project(wide, document, parseProjection(wide, query))
  expect(part({})).toEqual({ id: '1', userName: 'ada' })
  expect(part({ attributes: 'badge,pin,password' })).toEqual({ id: '1', [schema.id]: { badge: '2' } })
  expect(part({ excludedAttributes: 'userName' })).toEqual({ id: '1' })
  const silent = defineResourceType({
    ...User,
    extensions: [{ schema: { ...schema, attributes: schema.attributes.slice(0, 1) }, required: false }],
  })
  expect(project(silent, document, parseProjection(silent, {}))).toEqual({ id: '1', userName: 'ada' })
})

describe('what is returned on request only, in the answer to a write that sent it', () => {
  const schema = {
    id: 'urn:example:2.0:Badge',
    name: 'Badge',
    description: 'Badge',
    attributes: [
      attribute('badge', 'string', 'b', { returned: 'request' }),
      attribute('seal', 'string', 's', { returned: 'request' }),
      attribute('desk', 'complex', 'd', {
        subAttributes: [attribute('floor', 'string', 'f'), attribute('key', 'string', 'k', { returned: 'request' })],
      }),
    ],
  }
  const wide = defineResourceType({ ...User, extensions: [{ schema, required: false }] })
  const document = { id: '1', [schema.id]: { badge: 'b', seal: 's', desk: { floor: 'f', key: 'k' } } }
  const answer = (names: readonly string[], query = {}): JsonObject =>
    project(
      wide,
      document,
      withSent(wide, parseProjection(wide, query), () => names),
    )
  const patched = (...operations: object[]): JsonObject => {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']
    return answer(namesPatched(wide, parsePatch({ schemas, Operations: operations })))
  }
  const desk = { floor: 'f' }

  test('is shown of what a body sent, in whatever case', () => {
    expect(answer(namesSent(wide, { id: '1' }))).toEqual({ id: '1', [schema.id]: { desk } })
    expect(answer(namesSent(wide, { [schema.id.toUpperCase()]: { BADGE: 'b' } }))).toEqual({
      id: '1',
      [schema.id]: { badge: 'b', desk },
    })
    expect(answer(namesSent(wide, { [schema.id]: { desk: {} } }))).toEqual({
      id: '1',
      [schema.id]: { desk: { floor: 'f', key: 'k' } },
    })
  })

  test('is shown of what a PATCH gave a value, by path or without', () => {
    const all = { id: '1', [schema.id]: { badge: 'b', desk } }
    expect(patched({ op: 'add', path: `${schema.id}:badge`, value: 'b' })).toEqual(all)
    expect(patched({ op: 'replace', path: schema.id, value: { badge: 'b' } })).toEqual(all)
    expect(patched({ op: 'add', value: { [`${schema.id}:badge`]: 'b' } })).toEqual(all)
    expect(patched({ op: 'add', value: { [schema.id]: { badge: 'b' } } })).toEqual(all)
    expect(patched({ op: 'remove', path: `${schema.id}:badge` })).toEqual({ id: '1', [schema.id]: { desk } })
    expect(patched({ op: 'add', path: `${schema.id}:desk.key`, value: 'k' })).toEqual({
      id: '1',
      [schema.id]: { desk: { floor: 'f', key: 'k' } },
    })
  })

  test('is not shown where the client named what it wants, or does not want', () => {
    expect(answer([`${schema.id}:badge`], { attributes: 'id' })).toEqual({ id: '1' })
    expect(answer([`${schema.id}:badge`], { excludedAttributes: `${schema.id}:badge` })).toEqual({
      id: '1',
      [schema.id]: { desk },
    })
  })
})

test('a projection tells whether the members are worth fetching', () => {
  const asks = (query: { attributes?: string; excludedAttributes?: string }) =>
    wants(parseProjection(Group, query), 'members')
  expect(asks({})).toBe(true)
  expect(asks({ excludedAttributes: 'members' })).toBe(false)
  expect(asks({ excludedAttributes: 'members.display' })).toBe(true)
  expect(asks({ excludedAttributes: 'displayName' })).toBe(true)
  expect(asks({ attributes: 'displayName' })).toBe(false)
  expect(asks({ attributes: 'members.value' })).toBe(true)
})
