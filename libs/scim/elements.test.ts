import { codes, enterprise, entraWithoutFlag, oneLogin, read, refusal, stored } from './test/read-user.ts'

test('decision 12: two primary elements are refused, or the last keeps the mark for callers whose dialect has it so', () => {
  const emails = [
    { value: 'a', primary: true },
    { value: 'b', primary: 'true' },
    { value: 'c', primary: false },
  ]
  expect(refusal({ emails })).toMatchObject({ status: 400, scimType: 'invalidValue' })
  expect(refusal({ emails }, oneLogin)).toMatchObject({ status: 400, scimType: 'invalidValue' })
  expect(stored({ emails }, entraWithoutFlag)).toEqual({
    emails: [
      { value: 'a', primary: false },
      { value: 'b', primary: true },
      { value: 'c', primary: false },
    ],
  })
  expect(codes({ emails }, entraWithoutFlag)).toContain('several-primaries /emails')
})

test('point 17: a manager that is a string, an object or an array of one means its value', () => {
  for (const manager of ['m', { value: 'm' }, [{ value: 'm', $ref: null }]]) {
    expect(stored({ [enterprise]: { manager } })).toEqual({ [enterprise]: { manager: { value: 'm' } } })
  }
})

test('a managerId means the value of a manager for callers alone whose dialect has it so', () => {
  const manager = { managerId: 'm', displayName: 'A B' }
  expect(stored({ [enterprise]: { manager } }, oneLogin)).toEqual({ [enterprise]: { manager: { value: 'm' } } })
  expect(stored({ [enterprise]: { manager } })).toEqual({})
  expect(stored({ [enterprise]: { manager: { value: 'm', managerId: 'other' } } }, oneLogin)).toEqual({
    [enterprise]: { manager: { value: 'm' } },
  })
})

test('point 18: roles that are JSON in a string are parsed', () => {
  const inner = JSON.stringify({ id: '1', value: 'Admin', displayName: 'Administrator' })
  for (const roles of [[{ value: inner }], [inner], inner]) {
    expect(stored({ roles })).toEqual({ roles: [{ value: 'Admin' }] })
    expect(stored({ roles }, entraWithoutFlag)).toEqual({ roles: [{ value: 'Admin', display: 'Administrator' }] })
  }
  expect(stored({ roles: [{ value: '{not json' }] })).toEqual({ roles: [{ value: '{not json' }] })
  expect(stored({ title: '{"value":"x"}' })).toEqual({ title: '{"value":"x"}' })
})

test('point 29: one (type, value) pair is stored once', () => {
  const emails = [
    { value: 'A', type: 'work' },
    { value: 'a', type: 'Work', primary: true },
    { value: 'a', type: 'home' },
  ]
  expect(stored({ emails })).toEqual({
    emails: [
      { value: 'A', type: 'work', primary: true },
      { value: 'a', type: 'home' },
    ],
  })
  expect(codes({ emails })).toEqual(['duplicate-value /emails'])
})

test('one value where an array belongs is an array of one for callers alone whose dialect has it so', () => {
  const emails = { value: 'a' }
  expect(refusal({ emails }).detail).toContain('"emails" takes an array')
  expect(refusal({ emails }, entraWithoutFlag).scimType).toBe('invalidValue')
  expect(stored({ emails }, oneLogin)).toEqual({ emails: [{ value: 'a' }] })
  expect(read({ emails }, oneLogin).deviations).toMatchObject([
    { code: 'single-as-many', pointer: '/emails', quirk: 'onelogin-one-for-many', setting: expect.any(String) },
  ])
})
