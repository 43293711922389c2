import { parseFilter } from '#libs/scim/index'
import { checkClaim, foldMembership, isNoEdit, noEdit, replacement } from './membership.ts'

const none = (): readonly string[] => []

test('a later change of a member overrules an earlier one', () => {
  const edit = foldMembership(
    [
      { kind: 'add', values: ['a', 'b'] },
      { kind: 'remove', values: ['a'] },
      { kind: 'add', values: ['c'] },
    ],
    none,
  )
  expect(edit).toEqual({ clear: false, add: new Set(['b', 'c']), remove: new Set(['a']) })
})

test('a member removed and added again stays', () => {
  const edit = foldMembership(
    [
      { kind: 'remove', values: ['a'] },
      { kind: 'add', values: ['a'] },
    ],
    none,
  )
  expect(edit).toEqual({ clear: false, add: new Set(['a']), remove: new Set() })
})

test('a replacement forgets what was said before it and clears everyone else', () => {
  const edit = foldMembership(
    [
      { kind: 'add', values: ['a'] },
      { kind: 'remove', values: ['b'] },
      { kind: 'replace', values: ['c'] },
      { kind: 'add', values: ['d'] },
    ],
    none,
  )
  expect(edit).toEqual({ clear: true, add: new Set(['c', 'd']), remove: new Set() })
})

test('a filter removes those it selects', () => {
  const edit = foldMembership([{ kind: 'removeMatching', filter: parseFilter('type eq "Group"') }], () => ['g1', 'g2'])
  expect(edit.remove).toEqual(new Set(['g1', 'g2']))
})

test('only an edit that can change nothing is no edit', () => {
  expect(isNoEdit(noEdit)).toBe(true)
  expect(isNoEdit(replacement([]))).toBe(false)
})

test('a member may be said to be what it is, and nothing else; of one that nobody knows anything may be said', () => {
  const claim = (part: 'type' | '$ref', value: string) => ({ kind: 'claim' as const, part, value })
  const member = { value: '1', type: 'User' }
  for (const so of [claim('type', 'user'), claim('$ref', 'https://example.com/scim/v2/c/Users/1')]) {
    expect(() => checkClaim(so, member)).not.toThrow()
  }
  for (const otherwise of [
    claim('type', 'Group'),
    claim('type', ''),
    claim('$ref', 'https://example.com/scim/v2/c/Groups/1'),
    claim('$ref', 'https://example.com/scim/v2/c/Users/11'),
  ]) {
    expect(() => checkClaim(otherwise, member)).toThrow(expect.objectContaining({ scimType: 'mutability' }))
    expect(() => checkClaim(otherwise, { value: '1', type: null })).not.toThrow()
  }
})
