import { changedAttributes, differences } from './diff.ts'
import type { JsonObject } from './json.ts'

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

test('each attribute that differs is named, those of an extension with its URN', () => {
  const before = { schemas: ['a'], title: 'x', nickName: 'n', [enterprise]: { department: 'd', division: 'v' } }
  const after = { schemas: ['b'], title: 'y', displayName: 'D', [enterprise]: { department: 'e', division: 'v' } }
  expect(changedAttributes(before, after)).toEqual(['title', 'nickName', `${enterprise}:department`, 'displayName'])
  const { [enterprise]: _block, ...without } = before
  for (const after of [without, { ...before, [enterprise]: null }])
    expect(changedAttributes(before, after)).toEqual([`${enterprise}:department`, `${enterprise}:division`])
})

test('the order of keys and of elements is no difference', () => {
  const before: JsonObject = {
    name: { givenName: 'A', familyName: 'B' },
    emails: [{ value: '1', type: 'a' }, { value: '2' }],
  }
  const after: JsonObject = {
    emails: [{ value: '2' }, { type: 'a', value: '1' }],
    name: { familyName: 'B', givenName: 'A' },
  }
  expect(changedAttributes(before, after)).toEqual([])
  expect(changedAttributes(before, { ...after, emails: [{ value: '2' }] })).toEqual(['emails'])
  expect(
    changedAttributes(
      { emails: [{ value: '1' }, { value: '1' }, { value: '2' }] },
      { emails: [{ value: '1' }, { value: '2' }, { value: '2' }] },
    ),
  ).toEqual(['emails'])
})

test('a difference holds both values, and none for an attribute that has none', () => {
  const before: JsonObject = { title: 'x', [enterprise]: { department: 'd' } }
  const after: JsonObject = { title: null, emails: [{ value: '1' }], [enterprise]: { department: 'e' } }
  expect(differences(before, after)).toEqual([
    { attribute: 'title', before: 'x', after: undefined },
    { attribute: `${enterprise}:department`, before: 'd', after: 'e' },
    { attribute: 'emails', before: undefined, after: [{ value: '1' }] },
  ])
})
