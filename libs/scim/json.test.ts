import fc from 'fast-check'
import { ScimError } from './error.ts'
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
  expect(refusal(nested(100_000)).scimType).toBe('invalidSyntax')
})

test('a number too large for a double is refused, and not read as Infinity', () => {
  for (const text of ['1e400', '{"userName":-1e400}', '[[{"a":1e309}]]', `[${'9'.repeat(400)}]`]) {
    expect(refusal(text)).toMatchObject({
      scimType: 'invalidSyntax',
      detail: expect.stringContaining('a number is too large'),
    })
  }
  expect(parseJson('[1.7976931348623157e308,1e-400]')).toEqual([Number.MAX_VALUE, 0])
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
        expect(parseJson(text)).toEqual(native)
      } catch (error) {
        expect(error).toMatchObject({ detail: expect.stringMatching(/twice|too large/) })
      }
    }),
    { numRuns: 2000 },
  )
})
