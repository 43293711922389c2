import fc from 'fast-check'
import { soundText } from '../arbitrary/index.ts'
import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { entra } from '../quirks/entra.ts'
import type { ComparisonOperator, Filter } from './filter.ts'
import { filterLimits } from './limits.ts'
import { parseAttributePath, parseFilter } from './parse.ts'
import { printFilter } from './print.ts'

/** How a filter was understood, as the text that says the same without tolerance. */
const understood = (text: string) => printFilter(parseFilter(text))

function refusal(text: string): ScimError {
  try {
    parseFilter(text)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

test('every example of RFC 7644 section 3.4.2.2 is read', () => {
  const examples = [
    'userName eq "bjensen"',
    'name.familyName co "O\'Malley"',
    'userName sw "J"',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
    'title pr',
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    'title pr and userType eq "Employee"',
    'title pr or userType eq "Intern"',
    'schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"',
    'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
    'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
    'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
  ]
  for (const text of examples) expect(understood(text)).toBe(text)
})

test('point 30: not binds before and, and before or; parentheses bind first; operators are caseless', () => {
  expect(parseFilter('a pr OR b pr AND NOT (c PR)')).toMatchObject({
    kind: 'or',
    terms: [{ kind: 'present' }, { kind: 'and', terms: [{ kind: 'present' }, { kind: 'not' }] }],
  })
  expect(parseFilter('(a pr or b pr) and c pr')).toMatchObject({ kind: 'and', terms: [{ kind: 'or' }, {}] })
  expect(understood('a Eq "x" aNd not(b pr)')).toBe('a eq "x" and not (b pr)')
})

test('point 30: not without parentheses is refused', () => {
  expect(refusal('not title pr')).toMatchObject({ status: 400, scimType: 'invalidFilter' })
})

test('point 34: an unknown operator is refused and its place told', () => {
  expect(refusal('userName like "x"').detail).toContain('At character 10 of the filter, there is no operator')
  expect(refusal('userName').scimType).toBe('invalidFilter')
})

test('a value is in no refusal, wherever it stands', () => {
  for (const filter of [
    'userName "ada@example.com"',
    'userName ada@example.com',
    'ada@example.com',
    'userName eq "ada@example.com',
    "userName eq 'ada@example.com'",
    'userName eq ada"@example.com',
    'userName eq ada @example.com',
    'userName eq "ada" "@example.com"',
    'emails[value ada@example.com]',
  ]) {
    expect(refusal(filter).detail).not.toMatch(/ada|example/)
  }
})

test('point 35: JSON escapes in literals work', () => {
  expect(parseFilter(String.raw`title eq "a\"b\\c\u00e9\n]"`)).toMatchObject({ value: 'a"b\\c\u00e9\n]' })
})

test('decision 9: a literal without quotes is a string, unless it is a number, a boolean or null', () => {
  expect(parseFilter('externalId eq jyoung')).toMatchObject({ value: 'jyoung' })
  expect(parseFilter('active eq True')).toMatchObject({ value: true })
  expect(parseFilter('title eq null')).toMatchObject({ value: null })
  expect(parseFilter('x gt -1.5')).toMatchObject({ value: -1.5 })
  expect(parseFilter('(meta.created gt 2026-01-01T00:00:00+01:00)')).toMatchObject({
    value: '2026-01-01T00:00:00+01:00',
  })
  // Nothing of a number-like text is lost.
  for (const word of ['007', '12345678901234567890', '1e5']) {
    expect(parseFilter(`externalId eq ${word}`)).toMatchObject({ value: word })
  }
})

test('a value path with a comparison behind it is taken from Entra alone: one element satisfies both', () => {
  const byEntra = (text: string) => printFilter(parseFilter(text, new Diagnosis(entra.dialects[0])))
  const text = 'emails[type eq "work"].value eq "a@example.com"'
  expect(byEntra(text)).toBe('emails[type eq "work" and value eq "a@example.com"]')
  expect(byEntra('emails[type eq "work"].value pr and active eq true')).toBe(
    'emails[type eq "work" and value pr] and active eq true',
  )
  expect(() => parseFilter(text)).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }))
})

test('what a filter deviates in is told with its place', () => {
  const found = new Diagnosis(entra.dialects[0])
  parseFilter('emails[type eq work].value eq "x"', found, '/filter')
  expect(found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'unquoted-literal /filter',
    'compared-value-path /filter',
  ])
})

test('value paths may lie in each other, in parentheses and under not', () => {
  expect(understood('not (a[b[c eq 1] or (d pr)])')).toBe('not (a[b[c eq 1] or d pr])')
})

test('what is no filter is refused', () => {
  const texts = [
    '',
    ' ',
    '()',
    'a',
    'a eq',
    'a eq "',
    'a eq "x',
    'a eq "x" and',
    'and a pr',
    'a pr b pr',
    '(a pr',
    'a pr)',
    'a[b pr',
    'a]b pr',
    'a.b.c pr',
    'a eq "\\q"',
    "a eq 'x'",
    'a eq x"y"',
    '"a" eq "b"',
    'a.b[c pr]',
    '1a pr',
    'a[b pr].',
    'not',
    'not (',
    'a eq (x)',
    'a pr or or b pr',
  ]
  for (const text of texts) expect(refusal(text).scimType).toBe('invalidFilter')
})

test('a refusal names the place and never the value', () => {
  const { detail } = refusal('userName eq "ada@example.com" nonsense')
  expect(detail).toContain('character 31')
  expect(detail).not.toContain('ada')
})

test('hostile filters are refused at the limits: length, depth, number of terms', () => {
  expect(refusal('a'.repeat(filterLimits.length + 1)).scimType).toBe('invalidFilter')
  expect(refusal('('.repeat(8000)).detail).toContain('lie in each other')
  expect(refusal('not ('.repeat(1600)).detail).toContain('lie in each other')
  expect(refusal('a['.repeat(4000)).detail).toContain('lie in each other')
  expect(
    refusal(
      Array(filterLimits.terms + 1)
        .fill('a pr')
        .join(' or '),
    ).scimType,
  ).toBe('tooMany')
  expect(parseFilter(Array(filterLimits.terms).fill('a pr').join(' or '))).toMatchObject({ kind: 'or' })
})

test('a path longer than a filter may be is refused, whatever is in it', () => {
  for (const path of [
    'a'.repeat(10_000),
    `emails[${'a pr or '.repeat(1_250)}a pr]`,
    'a:'.repeat(5_000),
    'a.'.repeat(5_000),
  ]) {
    expect(() => parseAttributePath(path)).toThrow(expect.objectContaining({ scimType: 'invalidPath' }))
  }
})

test('point 11: a path splits at its last colon', () => {
  expect(parseAttributePath('urn:ietf:params:scim:schemas:core:2.0:User:name.givenName').path).toEqual({
    schema: 'urn:ietf:params:scim:schemas:core:2.0:User',
    name: 'name',
    sub: 'givenName',
  })
})

test('point 14: a malformed path is invalidPath, a bad filter inside it invalidFilter', () => {
  for (const path of [
    'a.b.c',
    '/members',
    'a b',
    'emails[type pr].',
    'emails[type pr]x',
    'emails.value[type pr]',
    '',
    '[a pr]',
    'a..b',
  ]) {
    expect(() => parseAttributePath(path)).toThrow(expect.objectContaining({ scimType: 'invalidPath' }))
  }
  for (const path of ['emails[', 'emails[]', 'emails[type]', 'emails[type xx "w"]', 'emails[type eq "w"']) {
    expect(() => parseAttributePath(path)).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }))
  }
})

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/).filter((word) => word.toLowerCase() !== 'not')
const path = fc
  .record({ schema: fc.constantFrom(undefined, 'urn:x:2.0:User'), name, sub: fc.option(name, { nil: undefined }) })
  .map(({ schema, name: own, sub }) => ({ ...(schema ? { schema } : {}), name: own, ...(sub ? { sub } : {}) }))
const operator = fc.constantFrom<ComparisonOperator[]>('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le')
const literal = fc.oneof(
  soundText,
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
)
const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.record({ kind: fc.constant<'present'>('present'), path }),
    fc.record({ kind: fc.constant<'compare'>('compare'), path, operator, value: literal }),
    fc.record({
      kind: fc.constantFrom<('and' | 'or')[]>('and', 'or'),
      terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant<'not'>('not'), term: tie('filter') }),
    fc.record({
      kind: fc.constant<'valuePath'>('valuePath'),
      path: name.map((own) => ({ name: own })),
      filter: tie('filter'),
    }),
  ),
})).filter

test('a printed filter is read back to an equal filter', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const text = printFilter(filter)
      fc.pre(text.length <= filterLimits.length)
      expect(parseFilter(text)).toEqual(filter)
    }),
    { numRuns: 1000 },
  )
})

test('no text makes the parsers throw anything but a SCIM error', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    '[',
    ']',
    '"',
    '\\',
    '.',
    ':',
    ' ',
    'not',
    ' and ',
    ' or ',
    ' eq ',
    ' pr',
    'a',
    'urn:x',
    '1',
    'null',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
      ),
      (text) => {
        for (const parse of [parseFilter, parseAttributePath]) {
          try {
            parse(text)
          } catch (error) {
            expect(error).toBeInstanceOf(ScimError)
          }
        }
      },
    ),
    { numRuns: 3000 },
  )
})
