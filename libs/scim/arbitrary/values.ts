import fc from 'fast-check'
import { ExactNumber } from '../exact-number.ts'
import type { JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import { soundText } from './text.ts'

/** Few words in many spellings, so that values meet: letter case, width, normal form, quotes, beyond ASCII and the first plane. */
const texts = [
  'ada',
  'Ada',
  'ADA@Example.com',
  'ada@example.com',
  'ａｄａ',
  'jos\u00e9',
  'JOSE\u0301',
  'Straße',
  'strasse',
  'ΟΔΟΣ',
  'οδος',
  'İ',
  'i\u0307',
  '\u212b',
  'work',
  'Home',
  'quote " and \\ back',
  "o'brien",
  'per%cent_',
  '\u{1f600}',
  '\uff5e\u{10400}',
  ' ',
  '',
  'true',
  '7',
  'x'.repeat(300),
]

export const anyText = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...texts) }, soundText)

const integers = [
  '0',
  '1',
  '7',
  '-7',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9223372036854775808',
]
const decimals = ['-0', '0.1', '1.50', '15e-1', '0.1000000000000000055', '1e21', '1e400', '-25e-9', '0.0000001']

const days = ['2026-01-31', '2024-02-29', '0001-01-02', '9999-12-30']
const times = [
  '00:00:00',
  '12:00:00',
  '12:00:00.5',
  '12:00:00.500000',
  '12:00:00.1234567',
  '12:00:00.123456789012',
  '24:00:00',
]
const zones = ['Z', '', '+00:00', '+01:00', '-05:30', '+14:00']
const dateTimes = fc
  .tuple(fc.constantFrom(...days), fc.constantFrom(...times), fc.constantFrom(...zones))
  .map(([day, time, zone]) => `${day}T${time}${zone}`)

const number = (text: string): JsonValue => (String(Number(text)) === text ? Number(text) : new ExactNumber(text))

/** One simple value of the attribute's type, as a client may send it. */
export function valueOf({ name, type, profile }: Attribute): fc.Arbitrary<JsonValue> {
  switch (type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.constantFrom(...integers).map(number)
    case 'decimal':
      return fc.constantFrom(...integers, ...decimals).map(number)
    case 'dateTime':
      return dateTimes
    case 'binary':
      return fc.constantFrom('', 'AA==', 'aa==', 'AAAA', '-_-_', 'Zm9v')
    case 'reference':
      return fc.constantFrom('https://example.com/A?b=c', 'https://example.com/a?b=c', '../Users/1', 'urn:x:y')
    default:
      if (profile !== undefined) return fc.constantFrom(...texts.filter((text) => text.trim() !== ''))
      return name === 'type' ? fc.constantFrom('work', 'WORK', 'home', 'other') : anyText
  }
}
