import fc from 'fast-check'
import { anyCodePoints, runs } from '../arbitrary/index.ts'
import { ScimError } from '../error.ts'
import { matches } from '../filter/matches.ts'
import { parseFilter } from '../filter/parse.ts'
import { readResource } from '../resource.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { enforceUserName, userNameFault } from './user-name.ts'

const { User } = resourceTypes
const refused = (userName: string) => {
  try {
    readResource(User, { userName })
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('point 21: names that differ in case, width, normal form or spaces around them are one name', () => {
  for (const [one, other] of [
    ['ada@example.com', 'ADA@Example.COM'],
    ['ａｄａ', 'Ada'],
    ['jos\u00e9', 'JOSE\u0301'],
    [' ada ', 'ada'],
    ['ada\u00a0king', 'Ada  King'],
    ['\u3000ada', 'ada'],
  ] as const) {
    expect(enforceUserName(one)).toBe(enforceUserName(other))
  }
  for (const [one, other] of [
    ['straße', 'strasse'],
    ['ada king', 'adaking'],
    ['σ', 'ς'],
  ] as const) {
    expect(enforceUserName(one)).not.toBe(enforceUserName(other))
  }
})

test('what identity providers send is taken and kept as it came', () => {
  for (const userName of [
    'Ada.King@example.com',
    'CORP\\ada',
    'ada king',
    ' ada ',
    'o’brien@example.com',
    "o'brien",
    'ada+test@例え.jp',
    'Łukasz_Żółć',
    'müller#EXT#@x.onmicrosoft.com',
    '田中 太郎',
    'henryⅣ',
    '∞',
    '🦊',
    'דוד',
    'דוד123@example.com',
    'user@דוגמה.com',
    'علی\u200cرضا',
    'क्\u200dष',
    '١٢٣٤',
    '00u1a2b3',
    '{}<>"|^`',
  ]) {
    expect(readResource(User, { userName }).resource['userName']).toBe(userName)
  }
})

test('a name with what nobody sees is refused, and the code point is told', () => {
  for (const [userName, told] of [
    ['ada\u200b', 'U+200B'],
    ['\ufeffada', 'U+FEFF'],
    ['ad\u00ada', 'U+00AD'],
    ['ada\u202egnp.exe', 'U+202E'],
    ['ada\u2066', 'U+2066'],
    ['ada\n', 'U+000A'],
    ['a\u007fda', 'U+007F'],
    ['ada\u2028', 'U+2028'],
    ['ada\ue000', 'U+E000'],
    ['ada\u0378', 'U+0378'],
    ['ada\ufffe', 'U+FFFE'],
    ['ada\ufe0f', 'U+FE0F'],
    ['ada\u{e0041}', 'U+E0041'],
    ['ada\u3164', 'U+3164'],
    ['a\u200dda', 'U+200D'],
    ['a\u200cda', 'U+200C'],
  ] as const) {
    const { status, scimType, detail } = refused(userName)
    expect([status, scimType]).toEqual([400, 'invalidValue'])
    expect(detail).toContain(`"userName" holds ${told}`)
    expect(detail).not.toContain('ada')
  }
})

test('a word that is written in both directions is refused, an address of several is not', () => {
  for (const userName of ['דוד-ada', 'adaדוד', '1דוד', 'דוד-', 'دaود', 'user٣', 'ad١2', '٣4']) {
    expect(refused(userName).detail).toContain('scripts written from the right')
  }
  for (const userName of ['ada דוד', 'ada.דוד@example.com', 'דָּוִד', 'داود٣', 'דוד3', '٣', 'a.٣@x']) {
    expect(userNameFault(userName)).toBeUndefined()
  }
})

test('an empty name is refused, whatever spaces it is of', () => {
  for (const userName of ['', ' ', '\u00a0', '\u3000 \u2003']) expect(refused(userName).detail).toContain('required')
})

test('a filter compares names in the enforced form, and finds parts of them', () => {
  const found = (userName: string, filter: string) => matches(User, parseFilter(filter), { userName })
  expect(found('Ada  King ', 'userName eq "ada king"')).toBe(true)
  expect(found('ada king', 'userName eq " ADA\u00a0KING "')).toBe(true)
  expect(found('ada king', 'userName ne "Ada King"')).toBe(false)
  expect(found('ａｄａ king', 'userName sw "ada "')).toBe(true)
  expect(found('adam', 'userName sw "ada "')).toBe(false)
  expect(found('ada king', 'userName ew " king" and userName co "A K"')).toBe(true)
  expect(found('ada', 'userName eq "ada\u200b"')).toBe(false)
})

test('an enforced name stays as it is when it is enforced again, and no name but a sound one is taken', () => {
  fc.assert(
    fc.property(anyCodePoints, (userName) => {
      const enforced = enforceUserName(userName)
      expect(enforceUserName(enforced)).toBe(enforced)
      if (userNameFault(userName) === undefined) expect(userName).not.toMatch(/[\p{Cc}\p{Cs}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u)
    }),
    runs(1000),
  )
})
