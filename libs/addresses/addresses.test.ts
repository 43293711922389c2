import { AddressRanges, isLoopback, isWithin, networkIn, networkOf, readAddress, readRange, siteOf } from './index.ts'

const read = (text: string) => {
  const address = readAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

test.each([
  ['10.0.0.1', '10.0.0.1', 'ipv4'],
  ['::ffff:10.0.0.1', '10.0.0.1', 'ipv4'],
  ['::FFFF:a00:1', '10.0.0.1', 'ipv4'],
  ['0:0:0:0:0:ffff:0a00:0001', '10.0.0.1', 'ipv4'],
  ['2001:DB8:0:0::1', '2001:db8::1', 'ipv6'],
  ['fe80::1%eth0', 'fe80::1', 'ipv6'],
])('%s is read as %s', (text, address, family) => {
  expect(readAddress(text)).toEqual({ text: address, family })
})

test.each(['', 'unknown', '_hidden', '10.0.0', '010.0.0.1', '10.0.0.1:80', '[::1]', '10.0.0.0/8', 'a'.repeat(99)])(
  '%j is no address',
  (text) => expect(readAddress(text)).toBeUndefined(),
)

test.each([
  ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
  ['10.0.0.0/8', '::ffff:10.1.1.1', '::ffff:11.1.1.1'],
  ['::ffff:10.0.0.0/104', '10.1.1.1', '11.1.1.1'],
  ['10.0.0.1/8', '10.1.1.1', '11.1.1.1'],
  ['fe80::/10', 'fe80::1%eth0', 'fd00::1'],
  ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
  ['2001:db8::/32', '2001:db8:1::1', '2001:db9::1'],
  ['::1', '::1', '127.0.0.1'],
  ['0.0.0.0/0', '8.8.8.8', '2001:db8::1'],
  ['::/0', '2001:db8::1', '::ffff:8.8.8.8'],
])('the range %s has %s and not %s', (range, inside, outside) => {
  const ranges = AddressRanges.reading([range])
  expect([ranges.has(read(inside)), ranges.has(read(outside))]).toEqual([true, false])
})

test.each([
  '',
  '10.0.0.0/33',
  '2001:db8::/129',
  '::ffff:10.0.0.0/8',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0',
  'fe80::1%eth0',
  'example.com',
  '/8',
])('%j is no range, and adds nothing to a list', (text) => {
  expect(readRange(text)).toBeUndefined()
  expect(AddressRanges.reading([text]).has(read('10.0.0.1'))).toBe(false)
})

test.each(['10.0.0.1/8', '0.0.0.1/0', '::ffff:10.0.0.1/104', '2001:db8::1/32', '::1.2.3.4/112'])(
  '%s has bits beyond its length, and is no range',
  (text) => expect(readRange(text)).toBeUndefined(),
)

test('a range is within itself and within a wider one of its family, and in no narrower one', () => {
  const within = (inner: string, outer: string): boolean => {
    const [one, other] = [readRange(inner), readRange(outer)]
    if (one === undefined || other === undefined) throw new Error('not a range')
    return isWithin(one, other)
  }
  expect(within('10.1.0.0/16', '10.1.0.0/16')).toBe(true)
  expect(within('10.1.0.0/16', '10.0.0.0/8')).toBe(true)
  expect(within('10.0.0.0/8', '10.1.0.0/16')).toBe(false)
  expect(within('2001:db8::/32', '2001:db8::/31')).toBe(true)
  expect(within('::ffff:10.0.0.0/104', '10.0.0.0/8')).toBe(true)
  expect(within('::/128', '0.0.0.0/0')).toBe(false)
  expect(within('10.0.0.0/8', '::/0')).toBe(false)
})

test.each([
  ['192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
  ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
  ['2001:db8::7', '2001:db8:0:0::/64', '2001:db8:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
  ['::1', '0:0:0:0::/64', '0:0:0::/48'],
  ['::1.2.3.4', '0:0:0:0::/64', '0:0:0::/48'],
])('%s is of the network %s, and of the site %s', (text, network, site) => {
  const address = read(text)
  expect([networkOf(address), networkIn(text), siteOf(address)]).toEqual([network, network, site])
})

test('callers whose address cannot be read are of one network', () => {
  expect([networkIn('nobody'), networkIn('')]).toEqual(['unknown', 'unknown'])
})

test.each(['127.0.0.1', '127.1.2.3', '[::1]', '::1', '::ffff:127.0.0.1', 'localhost', 'LOCALHOST'])(
  '%s is this machine',
  (host) => expect(isLoopback(host)).toBe(true),
)

test.each(['', '0.0.0.0', '[::]', '128.0.0.1', '10.0.0.1', 'localhost.example', '127.0.0.1.example', '[::1'])(
  '%j is not',
  (host) => expect(isLoopback(host)).toBe(false),
)
