import { isAddressIn, isWithin, readAddressRange } from './index.ts'

test.each([
  ['192.0.2.1', ['192.0.2.1'], true],
  ['192.0.2.1', ['192.0.2.0/24'], true],
  ['192.0.3.1', ['192.0.2.0/24'], false],
  ['192.0.3.1', ['192.0.2.0/24', '192.0.3.0/24'], true],
  ['203.0.113.9', ['0.0.0.0/0'], true],
  ['2001:db8::1', ['0.0.0.0/0'], false],
  ['2001:db8::1', ['2001:db8::/32'], true],
  ['2001:DB8:0:0:0:0:0:1', ['2001:db8::1'], true],
  ['2001:db9::1', ['2001:db8::/32'], false],
  ['::ffff:192.0.2.1', ['192.0.2.0/24'], true],
  ['192.0.2.1', ['::ffff:192.0.2.1'], true],
  ['fe80::1%eth0', ['fe80::/10'], true],
  ['::1', ['::/0'], true],
  ['', ['0.0.0.0/0', '::/0'], false],
  ['not an address', ['0.0.0.0/0', '::/0'], false],
  ['192.0.2.1', [], false],
])('%s is in %j: %s', (address, ranges, held) => {
  expect(isAddressIn(address, ranges)).toBe(held)
})

test.each([
  '',
  '10.0.0.1/8',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0',
  '2001:db8::/129',
  '2001:db8::1/32',
  'fe80::1%eth0',
  'acme.example',
  '10.0.0.0/-1',
])('%j is no range', (text) => {
  expect(readAddressRange(text)).toBeUndefined()
})

test('a range is within itself and within a wider one of its family, and in no narrower one', () => {
  const within = (inner: string, outer: string): boolean => {
    const [one, other] = [readAddressRange(inner), readAddressRange(outer)]
    if (one === undefined || other === undefined) throw new Error('not a range')
    return isWithin(one, other)
  }
  expect(within('10.1.0.0/16', '10.1.0.0/16')).toBe(true)
  expect(within('10.1.0.0/16', '10.0.0.0/8')).toBe(true)
  expect(within('10.0.0.0/8', '10.1.0.0/16')).toBe(false)
  expect(within('::/128', '0.0.0.0/0')).toBe(false)
})
