import { defaultSettings, valueDigest } from '#libs/events/index'
import { Diagnosis, parsePatch, readResource, resourceTypes, type Resource } from '#libs/scim/index'
import { noEdit } from './membership.ts'
import type { Principal } from './principal.ts'
import { adopt, type Command, decide } from './provisioning.ts'
import type { ScimRecord } from './record.ts'

const { User, Group } = resourceTypes
const principal: Principal = {
  tenant: 'acme',
  connection: 'c1',
  environment: 'live',
  identityProvider: 'okta',
  enabled: true,
  settings: defaultSettings,
  types: resourceTypes,
}
const occasion = { time: new Date('2026-01-31T12:00:00Z'), traceparent: undefined }
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const id = '01a20e52-426b-7001-83a3-51975df3f104'

function user(attributes: object): Resource {
  return readResource(User, { schemas: [User.schema.id], userName: 'ada@example.com', ...attributes }).resource
}

function record(document: Resource, version = 3): ScimRecord {
  const past = new Date('2026-01-01T00:00:00Z')
  return { id, version, created: past, lastModified: past, document }
}

function patch(...operations: object[]): Command {
  const parsed = parsePatch({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: operations,
  })
  return { kind: 'patch', id, operations: parsed, membership: [], diagnosis: new Diagnosis(), precondition: undefined }
}

function told(command: Command, before: ScimRecord | undefined) {
  return decide(User, command, before, principal, occasion)
}

test('a new user is active unless told otherwise, and its version counts its events', () => {
  const created = told({ kind: 'create', id, document: user({}), members: noEdit }, undefined)
  expect(created).toMatchObject({ write: 'insert', version: 1, document: { active: true } })
  expect(created.events.map(({ name, version }) => [name, version])).toEqual([['user.provisioned', 1]])
})

test('a PUT without active does not bring a deactivated user back', () => {
  const before = record(user({ active: false, displayName: 'Ada' }))
  const replaced = told(
    { kind: 'replace', id, document: user({ displayName: 'Countess' }), members: noEdit, precondition: undefined },
    before,
  )
  expect(replaced.document['active']).toBe(false)
  expect(replaced.events.map(({ name }) => name)).toEqual(['user.changed'])
})

test('a change of active and of something else is told in two events of consecutive versions', () => {
  const before = record(user({ active: true, displayName: 'Ada' }))
  const changed = told(patch({ op: 'replace', value: { active: false, displayName: 'Countess' } }), before)
  expect(changed.events.map(({ name, version }) => [name, version])).toEqual([
    ['user.changed', 4],
    ['user.deactivated', 5],
  ])
  expect(changed).toMatchObject({ write: 'update', version: 5, changed: ['active', 'displayName'] })
})

test('each event says which attributes changed, with digests of their values before and after', () => {
  const before = record(
    user({ active: true, nickName: 'A', emails: [{ value: 'a@x.y' }], [enterprise]: { division: 'd' } }),
  )
  const { events } = told(
    patch({
      op: 'replace',
      value: {
        active: false,
        title: 'Countess',
        nickName: null,
        [`${enterprise}:division`]: 'e',
        emails: [{ value: 'a@x.y' }],
      },
    }),
    before,
  )
  const digest = (attribute: string, value: unknown): string => valueDigest(id, attribute, value)
  const division = `${enterprise}:division`
  expect(events.map(({ name, payload }) => [name, payload])).toMatchObject([
    [
      'user.changed',
      {
        changed: ['nickName', division, 'title'],
        changes: [
          { attribute: 'nickName', before: digest('nickName', 'A'), after: null },
          { attribute: division, before: digest(division, 'd'), after: digest(division, 'e') },
          { attribute: 'title', before: null, after: digest('title', 'Countess') },
        ],
      },
    ],
    [
      'user.deactivated',
      { changes: [{ attribute: 'active', before: digest('active', true), after: digest('active', false) }] },
    ],
  ])
})

test('a reactivation is told as such', () => {
  const { events } = told(patch({ op: 'Replace', path: 'active', value: 'True' }), record(user({ active: false })))
  expect(events.map(({ name }) => name)).toEqual(['user.reactivated'])
})

test('a PATCH that makes active nothing brings no deactivated user back', () => {
  const inactive = record(user({ active: false }))
  for (const operation of [
    { op: 'replace', path: 'active', value: null },
    { op: 'replace', value: { active: null } },
  ]) {
    expect(told(patch(operation), inactive)).toMatchObject({ write: 'none', events: [] })
  }
  const { events, document } = told(patch({ op: 'replace', value: { active: null, title: 't' } }), inactive)
  expect(events.map(({ name }) => name)).toEqual(['user.changed'])
  expect(document).toMatchObject({ active: false, title: 't' })
})

test('a PATCH that changes nothing writes nothing and tells nothing', () => {
  const unchanged = told(
    patch({ op: 'replace', path: 'userName', value: 'ada@example.com' }),
    record(user({ active: true })),
  )
  expect(unchanged).toMatchObject({ write: 'none', version: 3, events: [], changed: [] })
})

const adopted = (attributes: object, before: ScimRecord) => {
  const diagnosis = new Diagnosis()
  const intent = adopt(
    User,
    { kind: 'create', id: 'another', document: user(attributes), members: noEdit, adoptBy: ['userName'], diagnosis },
    before,
    'userName',
    principal,
    occasion,
  )
  return { ...intent, deviations: diagnosis.deviations }
}

test('who is adopted gets what the create names, and keeps the rest', () => {
  const before = record(
    user({
      active: false,
      title: 'Countess',
      name: { givenName: 'Ada', familyName: 'Byron' },
      emails: [{ value: 'old@x.y' }],
      [enterprise]: { department: 'd', division: 'v' },
    }),
  )
  const intent = adopted(
    { active: true, name: { familyName: 'King' }, emails: [{ value: 'new@x.y' }], [enterprise]: { department: 'e' } },
    before,
  )
  expect(intent).toMatchObject({
    write: 'update',
    id,
    version: 5,
    deviations: [{ code: 'adopted', pointer: '/userName' }],
  })
  expect(intent.document).toEqual({
    ...before.document,
    active: true,
    name: { givenName: 'Ada', familyName: 'King' },
    emails: [{ value: 'new@x.y' }],
    [enterprise]: { department: 'e', division: 'v' },
  })
  expect(intent.events.map(({ name }) => name)).toEqual(['user.changed', 'user.reactivated'])
})

test('a create that says nothing of active leaves who is adopted as active as before', () => {
  expect(adopted({}, record(user({ active: false })))).toMatchObject({ write: 'none', document: { active: false } })
})

test('an adoption that changes nothing writes nothing and tells nothing', () => {
  const unchanged = adopted({ title: 'x' }, record(user({ active: true, title: 'x', nickName: 'y' })))
  expect(unchanged).toMatchObject({ write: 'none', id, version: 3, events: [], changed: [] })
  expect(unchanged.deviations).toMatchObject([{ code: 'adopted' }])
})

test('an unknown id is not found, whatever is asked of it', () => {
  const commands: Command[] = [
    patch({ op: 'replace', path: 'active', value: false }),
    { kind: 'replace', id, document: user({}), members: noEdit, precondition: undefined },
    { kind: 'delete', id, precondition: undefined },
  ]
  for (const command of commands)
    expect(() => told(command, undefined)).toThrow(expect.objectContaining({ status: 404 }))
})

test('a version that If-None-Match names is a failed precondition, and every one is named by "*"', () => {
  const before = record(user({ active: true }))
  for (const ifNoneMatch of ['*', 'W/"3"', '"1", "3"']) {
    const document = user({ title: 'x' })
    expect(() =>
      told({ kind: 'replace', id, document, members: noEdit, precondition: { ifNoneMatch } }, before),
    ).toThrow(expect.objectContaining({ status: 412, detail: expect.stringContaining('If-None-Match') }))
  }
  expect(told({ kind: 'delete', id, precondition: { ifNoneMatch: 'W/"2"' } }, before).events).toHaveLength(1)
})

test('a version that If-Match does not name is a failed precondition', () => {
  const before = record(user({ active: true }))
  expect(() => told({ kind: 'delete', id, precondition: { ifMatch: 'W/"2"' } }, before)).toThrow(
    expect.objectContaining({ status: 412 }),
  )
  expect(
    told({ kind: 'delete', id, precondition: { ifMatch: 'W/"2", W/"3"' } }, before).events.map(({ name }) => name),
  ).toEqual(['user.deprovisioned'])
})

test('a PUT of what is there already writes nothing and tells nothing', () => {
  const document = user({ active: true, emails: [{ value: 'a@x.y' }, { value: 'b@x.y' }] })
  const sent = user({ emails: [{ value: 'b@x.y' }, { value: 'a@x.y' }] })
  expect(
    told({ kind: 'replace', id, document: sent, members: noEdit, precondition: undefined }, record(document)),
  ).toMatchObject({ write: 'none', version: 3, events: [], changed: [] })
})

test('a group is told of by its own events', () => {
  const { resource } = readResource(Group, { schemas: [Group.schema.id], displayName: 'Engineers' })
  const created = decide(
    Group,
    { kind: 'create', id, document: resource, members: noEdit },
    undefined,
    principal,
    occasion,
  )
  expect(created.events.map(({ name, key }) => [name, key])).toEqual([['group.created', `c1/${id}`]])
})
