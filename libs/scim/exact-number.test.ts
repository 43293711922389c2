import fc from 'fast-check'
import { compareNumbers, ExactNumber, exactNumber, longestNumber } from './exact-number.ts'
import { parseStored } from './json.ts'

const written = (text: string) => {
  const number = exactNumber(text)
  return number === undefined ? undefined : JSON.stringify(number)
}

test('a number has one form, whatever way it was written in, without exponent and needless zeros', () => {
  expect(['1.10', '1.1', '110e-2', '0.011E2'].map(exactNumber)).toEqual([1.1, 1.1, 1.1, 1.1])
  expect(['0', '-0', '0.000', '-0e9', '0e-999999999'].map(exactNumber)).toEqual([0, 0, 0, 0, 0])
  expect(exactNumber('7.0')).toBe(7)
  expect(exactNumber('9007199254740993')).toEqual(new ExactNumber('9007199254740993'))
  expect(written('90071992547409930e-1')).toBe('9007199254740993')
  expect(written('1e400')).toBe(`1${'0'.repeat(400)}`)
  expect(written('-12.5e-8')).toBe('-0.000000125')
  expect(written('1e21')).toBe('1000000000000000000000')
})

test('what is no JSON number, or too long when written out, is none', () => {
  for (const text of [
    '',
    ' 1',
    '+1',
    '01',
    '.5',
    '5.',
    '1e',
    '0x10',
    'NaN',
    'Infinity',
    '1_0',
    '\u0661',
    '1e9999999999',
  ]) {
    expect(exactNumber(text)).toBeUndefined()
  }
  for (const text of ['1e1000', '1e-1001', '9'.repeat(longestNumber + 1), '1e999999999', '-1e-999999999']) {
    expect(exactNumber(text)).toBeUndefined()
  }
  expect(written('9'.repeat(longestNumber))).toHaveLength(longestNumber)
})

const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -25, max: 25 }))
  .map(([digits, exponent]) => `${digits}e${exponent}`)

test('numbers compare by their value, however many digits they have', () => {
  const scaled = (text: string) => {
    const [digits = '', exponent] = text.split('e')
    return BigInt(digits) * 10n ** BigInt(Number(exponent) + 25)
  }
  fc.assert(
    fc.property(decimal, decimal, (one, other) => {
      const [left, right] = [exactNumber(one) ?? 0, exactNumber(other) ?? 0]
      const difference = scaled(one) - scaled(other)
      expect(Math.sign(compareNumbers(left, right))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0)
      expect(compareNumbers(left, left)).toBe(0)
    }),
  )
})

test('what was written is read back the same', () => {
  fc.assert(
    fc.property(fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)), (text) => {
      const number = exactNumber(text.replace('e+', 'e'))
      expect(parseStored(JSON.stringify({ number }))).toEqual({ number })
    }),
  )
})
