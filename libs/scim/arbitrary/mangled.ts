import fc from 'fast-check'
import type { JsonValue } from '../json.ts'
import { anyCodePoints } from './text.ts'

const odd: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u0000',
  '\\ud800',
  '\u0000',
  '\u2028',
  '\ufeff',
  'null',
  'true',
  '-',
  '1e999',
  '9'.repeat(400),
  '1e-99999999999',
  '{"value":null}',
  '[[[[]]]]',
  '"__proto__":{"x":1},',
  '"emails":[null,[],{}],',
  '"members":{"value":["x"]},',
  '"path":"emails[type eq \\"work\\"",',
  '"path":"emails[",',
  `"path":"${'a'.repeat(9000)}",`,
  '['.repeat(300),
  '{"a":'.repeat(300),
  '\u{1f600}',
]

/** A text that is like one of these, and broken in some places. */
export function mangled(originals: readonly string[]): fc.Arbitrary<string> {
  const place = fc.double({ min: 0, max: 1, noNaN: true })
  const edit = fc.record({
    at: place,
    length: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(60)),
    put: fc.oneof(fc.constantFrom('', ...odd), anyCodePoints),
  })
  const shuffle = fc.record({ from: place, to: place, length: fc.nat(40) })
  return fc
    .record({
      original: fc.constantFrom(...originals),
      edits: fc.array(edit, { maxLength: 4 }),
      shuffles: fc.array(shuffle, { maxLength: 2 }),
    })
    .map(({ original, edits, shuffles }) => {
      const moved = shuffles.reduce((text, { from, to, length }) => {
        const start = Math.floor(from * text.length)
        const piece = text.slice(start, start + length)
        const rest = text.slice(0, start) + text.slice(start + length)
        const end = Math.floor(to * rest.length)
        return rest.slice(0, end) + piece + rest.slice(end)
      }, original)
      return edits.reduce((text, { at, length, put }) => {
        const start = Math.floor(at * text.length)
        return text.slice(0, start) + put + text.slice(start + length)
      }, moved)
    })
}

/** Any JSON value whose keys and texts are words of the protocol, in wrong places. */
export function anyJson(words: readonly string[]): fc.Arbitrary<JsonValue> {
  const word = fc.constantFrom(...words)
  return fc.letrec<{ json: JsonValue }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 6, depthSize: 'small' },
      fc.constantFrom<JsonValue[]>(
        null,
        true,
        false,
        'True',
        '',
        'x',
        0,
        7,
        -1.5,
        1e300,
        '{"value":"v"}',
        '\u0000',
        '\ud800',
      ),
      word,
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(word, tie('json'), { maxKeys: 5 }),
    ),
  })).json
}
