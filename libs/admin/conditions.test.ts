import { Problem } from '#libs/http/index'
import { checkConditions, isUnmodified, stateOf, tagOf } from './conditions.ts'

const check =
  (ifMatch: string | undefined, ifNoneMatch: string | undefined, state: number | string | undefined) => () =>
    checkConditions({ ifMatch, ifNoneMatch }, state)

function refusalOf(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Problem ? error.code : String(error)
  }
}

test.each<[string | undefined, string | undefined, number | string | undefined, boolean]>([
  [undefined, undefined, 3, true],
  ['"3"', undefined, 3, true],
  ['"2"', undefined, 3, false],
  ['"2", "3"', undefined, 3, true],
  ['"3.abc"', undefined, 3, true],
  ['W/"3"', undefined, 3, false],
  ['*', undefined, 3, true],
  ['*', undefined, undefined, false],
  ['"3"', undefined, undefined, false],
  ['"33"', undefined, 3, false],
  ['"3"', undefined, '3', true],
  [undefined, '*', undefined, true],
  [undefined, '*', 3, false],
  [undefined, '"3"', 3, false],
  [undefined, '"2"', 3, true],
])(
  'a write with If-Match %s and If-None-Match %s on what is at %s goes through: %s',
  (ifMatch, ifNoneMatch, state, goes) => {
    const refused = goes ? undefined : 'preconditionFailed'
    expect(refusalOf(check(ifMatch, ifNoneMatch, state))).toBe(refused)
  },
)

test.each(['3', '"3', '"3" "4"', 'W/3', '"a"b'])('If-Match %s cannot be read and is told so', (header) => {
  expect(check(header, undefined, 3)).toThrow(expect.objectContaining({ code: 'badRequest' }))
})

test('a read is unmodified for the same tag, weak or not, and for no other', () => {
  const tag = tagOf(3, { at: 'noon' })
  expect([tag, `W/${tag}`, `"x", ${tag}`, '*'].map((header) => isUnmodified(header, tag))).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(['"3"', tagOf(3, { at: 'one' }), 'no quotes', undefined].map((header) => isUnmodified(header, tag))).toEqual([
    false,
    false,
    false,
    false,
  ])
})

test('a state of what has no version holds what a tag may', () => {
  expect(tagOf(stateOf({ any: 'thing' }), true)).toMatch(/^"[\w-]{22}\.[\w-]{22}"$/)
})

test('the state of a thing is the same however its properties are ordered, as a store may do', () => {
  expect(stateOf({ a: 1, b: { c: [1, 2], d: new Date(0) } })).toBe(stateOf({ b: { d: new Date(0), c: [1, 2] }, a: 1 }))
  expect(stateOf({ at: new Date(0) })).not.toBe(stateOf({ at: new Date(1) }))
  expect(stateOf([1, 2])).not.toBe(stateOf([2, 1]))
})
