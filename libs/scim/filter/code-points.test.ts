import fc from 'fast-check'
import { compareCodePoints } from './code-points.ts'

test('texts are in the order of their UTF-8 bytes, as a database with the collation "C" has them', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, (one, other) => {
      expect(Math.sign(compareCodePoints(one, other))).toBe(Buffer.compare(Buffer.from(one), Buffer.from(other)))
    }),
  )
  expect(compareCodePoints('\u{1f600}', '\uffee')).toBeGreaterThan(0)
  expect(compareCodePoints('a', 'ab')).toBeLessThan(0)
})
