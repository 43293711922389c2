import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { standard } from '../quirks/dialect.ts'
import { applyPatch } from './apply.ts'
import { maximumOperations, parsePatch, patchSchema } from './operation.ts'
import { ada, core, message, patch, patched, refusal, refused, User } from '../test/patched-user.ts'

test('point 12: op is taken in any letter case, an unknown one is refused', () => {
  expect(patched({ op: 'REPLACE', path: 'title', value: 'x' })['title']).toBe('x')
  for (const op of ['move', '', undefined, 7]) expect(refused({ op, path: 'title', value: 'x' })).toBe('invalidSyntax')
})

test('point 12: schemas holds PatchOp, which is tolerated when missing inside bulk', () => {
  const body = { Operations: [{ op: 'remove', path: 'title' }] }
  expect(() => parsePatch(body)).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  const found = new Diagnosis()
  expect(parsePatch(body, found, { insideBulk: true })).toHaveLength(1)
  expect(found.deviations).toMatchObject([{ code: 'missing-schema', pointer: '/schemas' }])
  expect(() => parsePatch({ ...body, schemas: [core] })).toThrow(ScimError)
})

test('inside bulk the operations may come as a bare array, and every place is one of the whole body', () => {
  const place = '/Operations/3/data'
  const operation = { op: 'add', path: 'titel', value: 'x' }
  const found = new Diagnosis(standard, place)
  const bare = parsePatch([operation], found, { insideBulk: true })
  expect(bare.map(({ pointer }) => pointer)).toEqual([`${place}/0`])
  applyPatch(User, ada, parsePatch({ operations: [operation] }, found, { insideBulk: true }), found.attempt())
  expect(found.deviations.map(({ pointer }) => pointer)).toEqual([`${place}/schemas`, `${place}/Operations/0/path`])
  expect(() => parsePatch({ operations: [{ op: 'move' }] }, found, { insideBulk: true })).toThrow(
    expect.objectContaining({ detail: expect.stringContaining(`${place}/Operations/0`) }),
  )
})

test('decision 8: no operations succeed, change nothing and are marked', () => {
  const found = new Diagnosis()
  const operations = parsePatch(message([]), found)
  expect(applyPatch(User, ada, operations)).toEqual({ resource: ada, changes: [] })
  expect(found.deviations).toMatchObject([{ code: 'empty-operations', pointer: '/Operations' }])
})

test('a body that is no PATCH, an operation without a value and too many operations are refused', () => {
  for (const body of [null, [], 'x', message([]).schemas, { schemas: [patchSchema] }, message([7])]) {
    expect(() => parsePatch(body)).toThrow(expect.objectContaining({ scimType: 'invalidSyntax' }))
  }
  expect(refused({ op: 'add', path: 'title' })).toBe('invalidValue')
  expect(refused(...Array(maximumOperations + 1).fill({ op: 'remove', path: 'title' }))).toBe('tooMany')
})

test('a deviation points to where it stands in the body', () => {
  const { deviations } = patch([
    { op: 'ADD', path: 'roles', value: [{ value: 'a' }, { value: '{"value":"b"}' }] },
    { op: 'add', path: 'colour', value: 'red' },
    { op: 'add', path: 'phoneNumbers[type eq work].value', value: '7' },
    { op: 'add', value: { active: 'true', 'urn:x:a': 1 } },
  ])
  expect(deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'operation-letter-case /Operations/0/op',
    'unquoted-literal /Operations/2/path',
    'json-in-string /Operations/0/value/1',
    'unknown-attribute /Operations/1/path',
    'created-by-filter /Operations/2/path',
    'boolean-as-string /Operations/3/value/active',
    'unknown-attribute /Operations/3/value/urn:x:a',
  ])
})

test('a PATCH that would look at too many values is refused', () => {
  const emails = Array.from({ length: 400 }, (_, index) => ({ value: `${index}@example.com` }))
  const replace = { op: 'replace', path: 'emails[value eq "7@example.com"].display', value: 'D' }
  const { scimType } = refusal(Array(60).fill(replace), standard, { ...ada, emails })
  expect(scimType).toBe('tooMany')
  expect(patch(Array(40).fill(replace), standard, { ...ada, emails }).changed).toEqual(['emails'])
})

test('an operation or a message that has a field twice, spelt differently, is refused', () => {
  expect(refused({ op: 'add', OP: 'remove', path: 'title', value: 'x' })).toBe('invalidSyntax')
  expect(() => parsePatch({ ...message([]), operations: [] })).toThrow(
    expect.objectContaining({ scimType: 'invalidSyntax' }),
  )
  expect(refused({ op: 'replace', path: 'name', value: { givenName: 'A', GIVENNAME: 'B' } })).toBe('invalidValue')
})

test('a refusal names its attribute and never shows the value', () => {
  const { detail } = refusal([{ op: 'replace', path: 'emails[value eq "eve@example.com"].value', value: 'x' }])
  expect(detail).toContain('"emails"')
  expect(detail).not.toContain('eve')
})

test('who sends no value is told of null only where it clears', () => {
  const clears = expect.stringContaining('null clears')
  expect(refusal([{ op: 'replace', path: 'title' }]).detail).toEqual(clears)
  expect(refusal([{ op: 'add', path: 'title' }]).detail).not.toEqual(clears)
  expect(patch([{ op: 'add', path: 'title', value: null }]).changed).toEqual([])
})

test('what a client wrote where "op" belongs is not shown back', () => {
  const { scimType, detail } = refusal([{ op: 'ada@example.com', path: 'title' }])
  expect({ scimType, detail }).toEqual({ scimType: 'invalidSyntax', detail: expect.not.stringContaining('ada') })
})
