import { Diagnosis } from '../diagnosis.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { applyPatch } from './apply.ts'
import { parsePatch, patchSchema } from './operation.ts'
import { splitPatch } from './split.ts'

const { Group } = resourceTypes
const group = { schemas: [Group.schema.id], displayName: 'g' }

const split = (...operations: object[]) => splitPatch(parsePatch({ schemas: [patchSchema], Operations: operations }))
const membership = (...operations: object[]) => split(...operations).membership

test('adding, replacing and removing members become changes of membership', () => {
  const value = [{ value: '1', display: 'A' }, '2', { value: '1', type: 'User' }]
  const values = ['1', '2']
  expect(membership({ op: 'Add', path: 'members', value })).toEqual([{ kind: 'add', values }])
  expect(membership({ op: 'replace', path: 'Members', value })).toEqual([{ kind: 'replace', values }])
  expect(membership({ op: 'add', path: `${Group.schema.id}:members`, value: '1' })).toEqual([
    { kind: 'add', values: ['1'] },
  ])
  expect(membership({ op: 'remove', path: 'members' })).toEqual([{ kind: 'removeAll' }])
})

test('replacing by nothing removes all, adding nothing does nothing', () => {
  for (const value of [[], null]) {
    expect(membership({ op: 'replace', path: 'members', value })).toEqual([{ kind: 'removeAll' }])
    expect(membership({ op: 'add', path: 'members', value })).toEqual([])
  }
})

test('a filter that lists ids removes those, any other filter what it matches', () => {
  expect(membership({ op: 'remove', path: 'members[value eq "1"]' })).toEqual([{ kind: 'remove', values: ['1'] }])
  expect(membership({ op: 'remove', path: 'members[value eq "1" or (value eq 2 or VALUE EQ "3")]' })).toEqual([
    { kind: 'remove', values: ['1', '2', '3'] },
  ])
  expect(membership({ op: 'remove', path: 'members[type eq "User"]' })).toMatchObject([
    { kind: 'removeMatching', filter: { kind: 'compare' } },
  ])
  expect(membership({ op: 'remove', path: 'members[value eq "1" and type eq "User"]' })).toMatchObject([
    { kind: 'removeMatching' },
  ])
})

test("decision 6: Entra's Remove with a value array removes only those listed, and an empty list removes nobody", () => {
  expect(membership({ op: 'Remove', path: 'members', value: [{ value: '1' }, { value: '2' }] })).toEqual([
    { kind: 'remove', values: ['1', '2'] },
  ])
  expect(membership({ op: 'Remove', path: 'members', value: [] })).toEqual([])
})

test('without a path, members part from the other attributes', () => {
  const { document, membership: changes } = split({
    op: 'replace',
    value: { id: '1', displayName: 'h', members: [{ value: '1' }] },
  })
  expect(changes).toEqual([{ kind: 'replace', values: ['1'] }])
  const found = new Diagnosis()
  expect(applyPatch(Group, group, document, found)).toMatchObject({
    resource: { schemas: [Group.schema.id], displayName: 'h' },
    changes: [{ attribute: 'displayName', before: 'g', after: 'h' }],
  })
  expect(found.deviations).toMatchObject([{ code: 'read-only-attribute' }])
  expect(split({ op: 'add', value: { members: ['1'] } }).document).toEqual([])
  expect(membership({ op: 'add', path: Group.schema.id, value: { members: ['1'] } })).toEqual([
    { kind: 'add', values: ['1'] },
  ])
})

test("point 15: edits of a member's display do nothing and are told; what it is the id of cannot change", () => {
  const found = new Diagnosis()
  const operations = [
    { op: 'replace', path: 'members[value eq "1"].display', value: 'x' },
    { op: 'add', path: 'members.display', value: 'x' },
    { op: 'replace', path: 'members[value eq "1"].colour', value: 'x' },
  ]
  const { document, membership: changes } = splitPatch(
    parsePatch({ schemas: [patchSchema], Operations: operations }),
    found,
  )
  expect([document, changes]).toEqual([[], []])
  expect(found.deviations.map(({ code, pointer }) => [code, pointer])).toEqual([
    ...[0, 1].map((index) => ['read-only-attribute', `/Operations/${index}/path`]),
    ['unknown-attribute', '/Operations/2/path'],
  ])
  for (const operation of [
    { op: 'replace', path: 'members[value eq "1"].value', value: '2' },
    { op: 'remove', path: 'members.value' },
    { op: 'remove', path: 'members[value eq "1"].type' },
    { op: 'remove', path: 'members.Display' },
    { op: 'replace', path: 'members[value eq "1"].$ref', value: null },
    { op: 'replace', path: 'members[value eq "1"]', value: { Type: null } },
    { op: 'replace', path: 'members[value eq "1"]', value: { value: '2' } },
    { op: 'replace', path: 'members[value eq "1"]', value: '2' },
    { op: 'add', path: 'members[value eq "1" or value eq "2"]', value: { Value: '3' } },
    { op: 'add', path: 'members[type eq "User"]', value: [{ value: '3' }] },
  ]) {
    expect(() => split(operation)).toThrow(expect.objectContaining({ scimType: 'mutability' }))
  }
  expect(membership({ op: 'add', path: 'members[value eq "1"]', value: { display: 'x' } })).toEqual([
    { kind: 'add', values: ['1'] },
  ])
})

test('what is said of the type or the address of members is a claim about whom it is said of', () => {
  expect(membership({ op: 'replace', path: 'members[value eq "1"].type', value: 'Group' })).toMatchObject([
    { kind: 'claim', part: 'type', value: 'Group', filter: { kind: 'compare' } },
  ])
  expect(membership({ op: 'add', path: 'members.$REF', value: '/Users/1' })).toEqual([
    { kind: 'claim', part: '$ref', value: '/Users/1' },
  ])
  expect(membership({ op: 'replace', path: 'members[value eq "1"]', value: [{ type: 'User' }] })).toMatchObject([
    { kind: 'claim', part: 'type', value: 'User' },
    { kind: 'add', values: ['1'] },
  ])
  const found = new Diagnosis()
  for (const value of [{ Type: 'User' }, [{ $ref: '/Users/1', display: 'x' }]]) {
    splitPatch(
      parsePatch({ schemas: [patchSchema], Operations: [{ op: 'add', path: 'members[value eq 1]', value }] }),
      found,
    )
  }
  expect(found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual(
    ['Type', '0/$ref', '0/display'].map((key) => `read-only-attribute /Operations/0/value/${key}`),
  )
  expect(() => split({ op: 'replace', path: 'members.type', value: 7 })).toThrow(
    expect.objectContaining({ scimType: 'invalidValue' }),
  )
})

test('members below the URN of the schema as a key are members too', () => {
  const inner = { members: ['1'], displayName: 'h' }
  const { document, membership: changes } = split({ op: 'add', value: { [Group.schema.id.toUpperCase()]: inner } })
  expect(changes).toEqual([{ kind: 'add', values: ['1'] }])
  expect(applyPatch(Group, group, document).resource).toEqual({ ...group, displayName: 'h' })
  expect(split({ op: 'replace', value: { [Group.schema.id]: { [`${Group.schema.id}:members`]: [] } } })).toEqual({
    document: [],
    membership: [{ kind: 'removeAll' }],
  })
  const found = new Diagnosis()
  const unknown = split({ op: 'add', value: { [Group.schema.id]: { colour: 'red' } } })
  applyPatch(Group, group, unknown.document, found)
  expect(found.deviations).toMatchObject([{ pointer: `/Operations/0/value/${Group.schema.id}/colour` }])
})

test('the whole group cannot be removed, and so none of its members are', () => {
  for (const value of [undefined, { members: [{ value: '1' }] }]) {
    const { document, membership: changes } = split({ op: 'remove', path: Group.schema.id, value })
    expect(changes).toEqual([])
    expect(() => applyPatch(Group, group, document)).toThrow(expect.objectContaining({ scimType: 'mutability' }))
  }
})

test('members are selected by value and type, and by nothing else that a member shows', () => {
  for (const filter of [
    'display eq "Ada"',
    '$ref eq "https://example.com/Users/1"',
    'value eq "1" and not (display co "A")',
    'urn:x:value eq "1"',
    'type.value eq "User"',
    'value[type eq "User"]',
    'colour pr',
  ]) {
    for (const operation of [
      { op: 'remove', path: `members[${filter}]` },
      { op: 'add', path: `members[${filter}]`, value: { display: 'x' } },
    ]) {
      expect(() => split(operation)).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }))
    }
  }
})

test('a member that names one field twice, spelt differently, is refused', () => {
  expect(() => split({ op: 'add', path: 'members', value: [{ value: '1', Value: '2' }] })).toThrow(
    expect.objectContaining({ scimType: 'invalidSyntax' }),
  )
})

test('the order of operations is kept on both sides', () => {
  const { document, membership: changes } = split(
    { op: 'remove', path: 'members' },
    { op: 'replace', path: 'displayName', value: 'h' },
    { op: 'add', path: 'members', value: ['1'] },
    { op: 'replace', path: 'externalId', value: 'e' },
  )
  expect(document.map(({ pointer }) => pointer)).toEqual(['/Operations/1', '/Operations/3'])
  expect(changes.map(({ kind }) => kind)).toEqual(['removeAll', 'add'])
})

test('a member without an id is refused', () => {
  for (const value of [[{ display: 'x' }], [''], [[]], [true], ['\u0000']]) {
    expect(() => split({ op: 'add', path: 'members', value })).toThrow(
      expect.objectContaining({ scimType: 'invalidValue' }),
    )
  }
})
