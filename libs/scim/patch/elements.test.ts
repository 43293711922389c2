import { standard } from '../quirks/dialect.ts'
import { entra } from '../quirks/entra.ts'
import { onelogin } from '../quirks/onelogin.ts'
import { ada, codes, home, patch, patched, refusal, refused, work } from '../test/patched-user.ts'

test('point 7: a replace on a value path hits every element that matches', () => {
  expect(patched({ op: 'replace', path: 'emails[value co "example"].display', value: 'D' })['emails']).toEqual([
    { ...work, display: 'D' },
    { ...home, display: 'D' },
  ])
  expect(patched({ op: 'remove', path: 'emails.type' })['emails']).toEqual([
    { value: work.value, primary: true },
    { value: home.value },
  ])
})

test('addresses that differ in case alone are two: neither is merged into the other, nor removed with it', () => {
  const [upper, lower] = [{ value: 'http://a.example/B' }, { value: 'http://a.example/b' }]
  expect(patch([{ op: 'add', path: 'photos', value: [upper, lower] }])).toMatchObject({
    resource: { photos: [upper, lower] },
    deviations: [],
  })
  const both = { ...ada, photos: [upper, lower] }
  expect(patch([{ op: 'add', path: 'photos', value: [lower] }], standard, both).changed).toEqual([])
  for (const operation of [
    { op: 'remove', path: `photos[value eq "${upper.value}"]` },
    { op: 'remove', path: 'photos', value: [upper] },
  ]) {
    expect(patch([operation], standard, both).resource['photos']).toEqual([lower])
  }
})

test('point 9: a newly primary element takes the mark from the others', () => {
  const marked = [
    { ...work, primary: false },
    { ...home, primary: true },
  ]
  expect(patched({ op: 'replace', path: 'emails[type eq "home"].primary', value: true })['emails']).toEqual(marked)
  expect(patched({ op: 'add', path: 'emails', value: [{ ...home, primary: true }] })['emails']).toEqual(marked)
  expect(patched({ op: 'add', path: 'emails[type eq "home"]', value: { primary: 'True' } })['emails']).toEqual(marked)
  expect(refused({ op: 'replace', path: 'emails.primary', value: true })).toBe('invalidValue')
})

test('decision 12: a value with two primary elements is refused', () => {
  const value = [
    { value: 'a', primary: true },
    { value: 'b', primary: true },
  ]
  expect(refused({ op: 'add', path: 'emails', value })).toBe('invalidValue')
})

test('decision 12: of a caller known for it, the last primary element keeps the mark', () => {
  const value = [
    { value: 'a', primary: true },
    { value: 'b', primary: true },
  ]
  const after = patch([{ op: 'add', path: 'emails', value }], entra.dialects[0])
  expect(after.resource['emails']).toEqual([
    { ...work, primary: false },
    home,
    { value: 'a', primary: false },
    value[1],
  ])
  expect(after.deviations.map(({ code }) => code)).toEqual(['several-primaries'])
  const all = patch([{ op: 'replace', path: 'emails.primary', value: true }], entra.dialects[0])
  expect(all.resource['emails']).toEqual([
    { ...work, primary: false },
    { ...home, primary: true },
  ])
})

test('point 18: roles that are JSON in a string are parsed', () => {
  const value = [{ value: '{"id":"1","value":"Admin","displayName":"Administrator"}' }]
  expect(patched({ op: 'add', path: 'roles', value })['roles']).toEqual([{ value: 'Admin' }])
  const [entraWithoutFlag] = entra.dialects
  expect(patch([{ op: 'add', path: 'roles', value }], entraWithoutFlag).resource['roles']).toEqual([
    { value: 'Admin', display: 'Administrator' },
  ])
})

test('decision 5: a replace that matches nothing is noTarget, and creates the element for Entra when the filter is of eqs', () => {
  const operation = { op: 'replace', path: 'phoneNumbers[type eq "work" and primary eq "True"].value', value: '1' }
  expect(refused(operation)).toBe('noTarget')
  expect(patch([operation], entra.dialects[0]).resource['phoneNumbers']).toEqual([
    { type: 'work', primary: true, value: '1' },
  ])
  for (const path of [
    'emails[type eq "x" or type eq "y"].value',
    'emails[type sw "x"].value',
    'emails[not (type pr)].value',
    'emails[type eq "x" and type eq "y"].value',
  ]) {
    expect(refusal([{ op: 'replace', path, value: '1' }], entra.dialects[0]).scimType).toBe('noTarget')
    expect(refused({ op: 'add', path, value: '1' })).toBe('noTarget')
  }
})

test('decision 5: an add that matches nothing creates the element for every caller', () => {
  expect(patched({ op: 'add', path: 'emails[type eq "other"].value', value: 'o' })['emails']).toEqual([
    work,
    home,
    { type: 'other', value: 'o' },
  ])
  expect(patched({ op: 'add', path: 'roles[primary eq "True"]', value: { value: 'Admin' } })['roles']).toEqual([
    { primary: true, value: 'Admin' },
  ])
  expect(patched({ op: 'add', path: 'emails[type eq "work"].value', value: 'o' })['emails']).toEqual([
    { ...work, value: 'o' },
    home,
  ])
})

test('decision 6: a remove with a list removes only what it lists', () => {
  expect(patched({ op: 'Remove', path: 'emails', value: [{ value: 'ADA@home.example' }] })['emails']).toEqual([work])
  expect(patched({ op: 'Remove', path: 'emails', value: [{ value: home.value, type: 'work' }] })['emails']).toEqual([
    work,
    home,
  ])
  expect(patched({ op: 'remove', path: 'emails', value: home })['emails']).toEqual([work])
  expect(codes({ op: 'remove', path: 'emails', value: [home] })).toEqual(['value-on-remove'])
  expect(patched({ op: 'Remove', path: 'title', value: 'anything' })).not.toHaveProperty('title')
})

test('one value may be added without an array by every caller, and replace an array by those alone whose dialect has it so', () => {
  const value = { type: 'other', value: 'o' }
  expect(patched({ op: 'add', path: 'emails', value })['emails']).toEqual([work, home, value])
  expect(codes({ op: 'add', path: 'emails', value })).toEqual([])
  expect(refused({ op: 'replace', path: 'emails', value })).toBe('invalidValue')
  const replaced = patch([{ op: 'replace', path: 'emails', value }], onelogin.dialects[0])
  expect(replaced.resource['emails']).toEqual([value])
  expect(replaced.deviations).toMatchObject([{ code: 'single-as-many', pointer: '/Operations/0/value' }])
})

test('point 29: a change that makes two elements the same leaves one', () => {
  expect(
    patched({ op: 'replace', path: 'emails[type eq "home"]', value: { type: 'work', value: work.value } })['emails'],
  ).toEqual([work])
})
