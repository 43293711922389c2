import { standard } from '../quirks/dialect.ts'
import { ada, codes, core, enterprise, home, patch, patched, refusal, refused, work } from '../test/patched-user.ts'

test('point 1: add and replace without a path merge, and never replace the whole', () => {
  for (const op of ['add', 'replace']) {
    expect(patched({ op, value: { title: 'Dr.', name: { givenName: 'Augusta' } } })).toEqual({
      ...ada,
      title: 'Dr.',
      name: { givenName: 'Augusta', familyName: 'L' },
    })
  }
  expect(patched({ op: 'add', value: { emails: [{ value: 'x' }] } })['emails']).toEqual([work, home, { value: 'x' }])
  expect(patched({ op: 'replace', value: { emails: [{ value: 'x' }] } })['emails']).toEqual([{ value: 'x' }])
  expect(refused({ op: 'add', value: 'x' })).toBe('invalidValue')
})

test('point 2: remove without a path is noTarget', () => {
  expect(refused({ op: 'remove' })).toBe('noTarget')
  expect(refused({ op: 'remove', value: { title: 'x' } })).toBe('noTarget')
})

test('point 3: remove on a multi-valued attribute removes all its values', () => {
  expect(patched({ op: 'remove', path: 'emails' })).not.toHaveProperty('emails')
  expect(patched({ op: 'remove', path: 'emails[type eq "home"]' })['emails']).toEqual([work])
  expect(patched({ op: 'remove', path: 'emails[value pr]' })).not.toHaveProperty('emails')
})

test('point 5: replace of an attribute without a value acts as add', () => {
  expect(patched({ op: 'replace', path: 'nickName', value: 'A' })['nickName']).toBe('A')
  expect(patched({ op: 'replace', path: 'phoneNumbers', value: [{ value: '1' }] })['phoneNumbers']).toEqual([
    { value: '1' },
  ])
  expect(patched({ op: 'replace', path: 'phoneNumbers.value', value: '1' })['phoneNumbers']).toEqual([{ value: '1' }])
})

test('point 6: replace of a complex attribute leaves unnamed sub-attributes alone', () => {
  expect(patched({ op: 'replace', path: 'name', value: { givenName: 'B' } })['name']).toEqual({
    givenName: 'B',
    familyName: 'L',
  })
  expect(patched({ op: 'replace', path: 'emails[type eq "work"]', value: { value: 'b' } })['emails']).toEqual([
    { ...work, value: 'b' },
    home,
  ])
  expect(patched({ op: 'replace', path: 'name.givenName', value: 'B' })['name']).toEqual({
    givenName: 'B',
    familyName: 'L',
  })
  expect(patched({ op: 'remove', path: 'name.givenName' })['name']).toEqual({ familyName: 'L' })
})

test('point 8: adding what is there and removing what is not changes nothing', () => {
  const same = [
    { op: 'add', path: 'emails', value: [home, { ...work, value: 'ADA@work.example' }] },
    { op: 'add', path: 'title', value: 'Countess' },
    { op: 'replace', path: 'emails', value: [home, work] },
    { op: 'remove', path: 'nickName' },
    { op: 'remove', path: 'emails[type eq "other"]' },
    { op: 'remove', path: 'emails', value: [{ value: 'nobody' }] },
    { op: 'remove', path: `${enterprise}:manager` },
    { op: 'add', path: 'nickName', value: null },
    { op: 'add', path: 'emails', value: [] },
    { op: 'replace', path: 'active', value: 'True' },
  ]
  for (const operation of same) expect(patch([operation]).changed).toEqual([])
})

test('point 10: each operation sees what the one before left', () => {
  const { resource, changed } = patch([
    { op: 'add', path: 'phoneNumbers', value: [{ type: 'work', value: '1' }] },
    { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '2' },
    { op: 'replace', path: 'title', value: 'x' },
    { op: 'replace', path: 'title', value: 'Countess' },
  ])
  expect(resource['phoneNumbers']).toEqual([{ type: 'work', value: '2' }])
  expect(changed).toEqual(['phoneNumbers'])
})

test('point 10: when an operation fails the resource is as it was', () => {
  const before = structuredClone(ada)
  refusal([
    { op: 'replace', path: 'name.givenName', value: 'X' },
    { op: 'remove', path: 'userName' },
  ])
  expect(ada).toEqual(before)
})

test('point 14: a malformed path is invalidPath, a bad filter in it invalidFilter', () => {
  for (const path of ['a b', '/title', 'name.a.b', 7, 'name[givenName eq "x"]', 'title[value eq "x"]']) {
    expect(refused({ op: 'replace', path, value: 'x' })).toBe('invalidPath')
  }
  for (const path of ['emails[', 'emails[type is "x"].value', 'emails[primary gt true].value']) {
    expect(refused({ op: 'replace', path, value: 'x' })).toBe('invalidFilter')
  }
})

test('point 16: keys without a path may be dotted, have a URN or a filter', () => {
  const value = { 'name.givenName': 'B', [`${enterprise}:employeeNumber`]: '7', 'emails[type eq "home"].value': 'b' }
  expect(patched({ op: 'replace', value })).toEqual({
    ...ada,
    schemas: [core, enterprise],
    name: { givenName: 'B', familyName: 'L' },
    emails: [work, { ...home, value: 'b' }],
    [enterprise]: { employeeNumber: '7' },
  })
  expect(codes({ op: 'replace', value })).toEqual(['flattened-key', 'flattened-key', 'flattened-key'])
})

test('decision 7: booleans in strings are booleans', () => {
  expect(patched({ op: 'Replace', path: 'active', value: 'False' })['active']).toBe(false)
  expect(refused({ op: 'Replace', path: 'active', value: 'perhaps' })).toBe('invalidValue')
})

test('point 20: replacing by null or [] removes', () => {
  for (const [path, value] of [
    ['title', null],
    ['emails', []],
    ['emails', null],
    ['name', null],
    ['name', { givenName: null, familyName: null }],
  ] as const) {
    expect(patched({ op: 'replace', path, value })).not.toHaveProperty(path)
  }
  expect(patched({ op: 'replace', path: 'emails[type eq "home"]', value: null })['emails']).toEqual([work])
})

test('point 20: a sub-attribute that is null is taken away by a replace, and left alone by an add', () => {
  const value = { givenName: null, middleName: 'K' }
  expect(patched({ op: 'replace', path: 'name', value })['name']).toEqual({ middleName: 'K', familyName: 'L' })
  expect(patched({ op: 'replace', value: { name: value } })['name']).toEqual({ middleName: 'K', familyName: 'L' })
  expect(patched({ op: 'add', path: 'name', value })['name']).toEqual({ ...Object(ada['name']), middleName: 'K' })
  expect(patched({ op: 'replace', path: 'name.givenName', value: null })['name']).toEqual({ familyName: 'L' })
  expect(patched({ op: 'replace', path: 'name', value: {} })).toEqual(ada)
  const path = 'emails[type eq "work"]'
  expect(patched({ op: 'replace', path, value: { primary: null } })['emails']).toEqual([
    { type: 'work', value: work.value },
    home,
  ])
  expect(patched({ op: 'add', path, value: { primary: null } })).toEqual(ada)
  expect(patched({ op: 'replace', path, value: { type: null, value: null, primary: null } })['emails']).toEqual([home])
  expect(patched({ op: 'replace', path: `${path}.primary`, value: null })['emails']).toEqual([
    { type: 'work', value: work.value },
    home,
  ])
  expect(patched({ op: 'replace', path: 'emails', value: [{ value: 'x', type: null }] })['emails']).toEqual([
    { value: 'x' },
  ])
  const { resource } = patch([{ op: 'add', path: enterprise, value: { department: 'd', division: 'v' } }])
  expect(
    patch([{ op: 'replace', path: enterprise, value: { department: null } }], standard, resource).resource,
  ).toMatchObject({
    [enterprise]: { division: 'v' },
  })
})

test('point 26: a password is checked, and changes nothing', () => {
  for (const operation of [
    { op: 'replace', path: 'password', value: 's3cret' },
    { op: 'add', value: { password: 's3cret' } },
    { op: 'replace', path: 'password', value: null },
    { op: 'remove', path: 'password' },
  ]) {
    expect(patch([operation])).toEqual({ resource: ada, changed: [], deviations: [] })
  }
  expect(refused({ op: 'replace', path: 'password', value: { secret: 's3cret' } })).toBe('invalidValue')
})
