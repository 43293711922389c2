import { standard } from '../quirks/dialect.ts'
import { ada, core, enterprise, home, patch, patched, refusal, refused, work } from '../test/patched-user.ts'

test('decision 4: unknown attributes and extensions are ignored and reported', () => {
  const operations = [
    { op: 'add', path: 'favouriteColour', value: 'red' },
    { op: 'add', path: 'urn:example:2.0:X:colour', value: 'red' },
    { op: 'add', path: 'name.colour', value: 'red' },
    { op: 'add', path: 'emails[type eq "work"].colour', value: 'red' },
    { op: 'remove', path: 'favouriteColour[a eq 1].b' },
    { op: 'add', value: { 'no path at all': 1, colour: 1 } },
  ]
  const { changed, deviations } = patch(operations)
  expect(changed).toEqual([])
  expect(deviations.map(({ code }) => code)).toEqual(Array(7).fill('unknown-attribute'))
})

test('point 11: a path with a URN adds the URN to schemas, and the last attribute removed takes it away', () => {
  const { resource, changed } = patch([{ op: 'add', path: `${enterprise}:department`, value: 'd' }])
  expect(resource).toEqual({ ...ada, schemas: [core, enterprise], [enterprise]: { department: 'd' } })
  expect(changed).toEqual([`${enterprise}:department`])
  for (const path of [`${enterprise}:department`, enterprise]) {
    expect(patch([{ op: 'remove', path }], standard, resource).resource).toEqual(ada)
  }
  expect(patched({ op: 'replace', path: `${core}:name.givenName`, value: 'B' })['name']).toMatchObject({
    givenName: 'B',
  })
  expect(patched({ op: 'replace', path: `${core}:emails[type eq "home"].value`, value: 'b' })['emails']).toEqual([
    work,
    { ...home, value: 'b' },
  ])
})

test('an extension can be set whole, by path and without', () => {
  const value = { department: 'd', displayName: 'no', manager: 'm' }
  for (const operation of [
    { op: 'replace', path: enterprise, value },
    { op: 'add', value: { [enterprise]: value } },
  ]) {
    expect(patched(operation)[enterprise]).toEqual({ department: 'd', manager: { value: 'm' } })
  }
  expect(refused({ op: 'add', path: enterprise, value: 'x' })).toBe('invalidValue')
})

test('point 17: a manager as a string, an object or an array of one, with and without its URN, means its value', () => {
  for (const path of ['manager', `${enterprise}:manager`, 'manager.value']) {
    for (const value of path === 'manager.value' ? ['m'] : ['m', { value: 'm' }, [{ value: 'm' }]]) {
      expect(patched({ op: 'Add', path, value })[enterprise]).toEqual({ manager: { value: 'm' } })
    }
  }
})

test('point 17: a new manager does not keep the address of the one before', () => {
  const managed = patch([{ op: 'add', path: 'manager', value: { value: 'm1', $ref: 'Users/m1' } }]).resource
  const manager = (value: unknown, op = 'replace') =>
    patch([{ op, path: 'manager', value }], standard, managed).resource[enterprise]
  for (const op of ['add', 'replace']) {
    expect(manager('m2', op)).toEqual({ manager: { value: 'm2' } })
    expect(manager({ value: 'm2', $ref: 'Users/m2' }, op)).toEqual({ manager: { value: 'm2', $ref: 'Users/m2' } })
    expect(manager('m1', op)).toEqual({ manager: { value: 'm1', $ref: 'Users/m1' } })
  }
  expect(manager(null)).toBeUndefined()
})

test('point 11: schemas follows from what a resource has; a PATCH of it is told of and changes nothing', () => {
  const { resource } = patch([{ op: 'add', path: `${enterprise}:department`, value: 'd' }])
  for (const operation of [
    { op: 'replace', path: 'schemas', value: [core] },
    { op: 'remove', path: `schemas[value eq "${enterprise}"]` },
  ]) {
    const after = patch([operation], standard, resource)
    expect(after.resource).toEqual(resource)
    expect(after.deviations).toMatchObject([{ code: 'read-only-attribute', pointer: '/Operations/0/path' }])
  }
  expect(refusal([{ op: 'remove', path: 'schemas' }]).scimType).toBe('mutability')
})
