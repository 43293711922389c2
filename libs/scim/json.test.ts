import fc from 'fast-check'
import { ScimError } from './error.ts'
import { ExactNumber } from './exact-number.ts'
import { maximumDepth, parseJson } from './json.ts'

function refusal(text: string): ScimError {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('a key that stands twice in one object is refused, wherever it is and however it is written', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"x":[{"b":1,"b":1}]}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
  ]) {
    expect(refusal(text)).toMatchObject({ status: 400, scimType: 'invalidSyntax' })
  }
  expect(parseJson('{"a":{"a":1},"b":[{"a":1},{"a":2}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] })
})

test('nesting is taken to the limit and refused beyond it', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(parseJson(nested(maximumDepth))).toEqual(expect.any(Array))
  expect(refusal(nested(maximumDepth + 1)).detail).toContain('column 33')
  for (const depth of [200, 100_000]) expect(refusal(nested(depth)).scimType).toBe('invalidSyntax')
  expect(refusal(`{"a":1e400,"b":${nested(200)}}`).scimType).toBe('invalidSyntax')
})

test('a number keeps every digit, and is a JavaScript number where that writes it the same', () => {
  for (const text of [
    '9007199254740993',
    '-9223372036854775808',
    '18446744073709551615',
    '0.1000000000000000055',
    '1.10',
    '7.0',
    '1e400',
    '-1E-400',
    `1${'0'.repeat(999)}`,
  ]) {
    const [number, inside] = Object.values(Object(parseJson(`{"a": ${text},"b":[{"c":"1e5"},${text}]}`)))
    expect(number).toEqual(new ExactNumber(text))
    expect(JSON.stringify(inside)).toBe(`[{"c":"1e5"},${text}]`)
  }
  expect(parseJson('[0,-0,7,-1.5,0.1,123456789012345,9007199254740991]')).toEqual([
    0, -0, 7, -1.5, 0.1, 123456789012345, 9007199254740991,
  ])
})

test('"__proto__" is a key like any other and changes no prototype', () => {
  const value = parseJson('{"__proto__":{"admin":true}}')
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(Object.keys(Object(value))).toEqual(['__proto__'])
})

test('a broken text is refused with its place, cause and fix, and without its content', () => {
  const text = '{"userName":"ada@example.com",\n"active":tru}'
  const { detail } = refusal(text)
  expect(detail).toBe(
    'The body is not acceptable JSON: at line 2, column 10, something else stands where a value should be. Send valid JSON.',
  )
  expect(refusal('').detail).toContain('empty')
  expect(refusal('{"secret-key":"never-shown"').detail).not.toMatch(/secret|never/)
})

test('quotes, brackets and colons inside strings count for nothing', () => {
  const value = { 'a"b\\': '[[[{{{:::"\\', c: ['\\\\"', ':'] }
  expect(parseJson(JSON.stringify(value))).toEqual(value)
})

test('whatever JSON can write without repeating a key is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('no text makes it throw anything but a SCIM error', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    '"a"',
    '1',
    'true',
    'null',
    ' ',
    '-',
    'e',
    '\u0000',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('')
      let native: unknown = 'invalid'
      try {
        native = JSON.parse(text)
      } catch {
        expect(refusal(text).scimType).toBe('invalidSyntax')
        return
      }
      try {
        expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(native)
      } catch (error) {
        expect(error).toMatchObject({ detail: expect.stringMatching(/twice/) })
      }
    }),
    { numRuns: 2000 },
  )
})
