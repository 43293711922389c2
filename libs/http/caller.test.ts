import type { IncomingMessage } from 'node:http'
import { AddressRanges } from '#libs/addresses/index'
import { type CallerRules, Callers, directCallers } from './caller.ts'

const proxied: CallerRules = { ...directCallers, proxies: AddressRanges.reading(['10.0.0.0/8', 'fd00::/8']) }
const standard: CallerRules = { ...proxied, headers: 'forwarded' }

const from = (remoteAddress: string | undefined, headers: IncomingMessage['headers'] = {}, encrypted = false) =>
  ({ socket: { remoteAddress, encrypted }, headers }) as unknown as IncomingMessage
const client = (request: IncomingMessage, rules = proxied): [string, string | undefined, string] => {
  const { text, address, link } = new Callers(rules).of(request)
  return [text, address?.text, link]
}
const https = { 'x-forwarded-proto': 'https' }

test('headers of anyone but a listed proxy have no effect', () => {
  const forged = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1;proto=https', ...https }
  for (const rules of [directCallers, proxied, standard]) {
    expect(client(from('192.0.2.7', forged), rules)).toEqual(['192.0.2.7', '192.0.2.7', 'clear'])
    expect(client(from('192.0.2.7', { 'x-forwarded-for': 'nonsense' }), rules)[1]).toBe('192.0.2.7')
  }
})

test('of a Forwarded in which a quote is not closed nothing is read, however long it is', () => {
  for (const forwarded of ['proto=https;for="203.0.113.9', `proto=https;for="${'\\"'.repeat(8_000)}`]) {
    const [, address, link] = client(from('10.0.0.1', { forwarded }), standard)
    expect([address, link]).toEqual([undefined, 'clear'])
  }
  const told = `proto=https;for="203.0.113.9";ext="${'\\"'.repeat(8_000)}"`
  expect(client(from('10.0.0.1', { forwarded: told }), standard)[2]).toBe('tls')
})

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['127.0.0.1, 203.0.113.9', '203.0.113.9'],
  ['203.0.113.9, 10.1.1.1, 10.2.2.2', '203.0.113.9'],
  ['nonsense, 203.0.113.9, 10.1.1.1', '203.0.113.9'],
  ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
  ['203.0.113.9:4711', '203.0.113.9'],
  ['[2001:DB8::1]:4711', '2001:db8::1'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['203.0.113.9, ::ffff:10.1.1.1', '203.0.113.9'],
])('X-Forwarded-For: %s comes from %s', (told, address) => {
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', 'fd00::1']) {
    expect(client(from(peer, { 'x-forwarded-for': told, ...https }))).toEqual([address, address, 'tls'])
  }
})

test('a header that came twice is read as one list', () => {
  const twice = { 'x-forwarded-for': ['127.0.0.1', '203.0.113.9'] } as unknown as IncomingMessage['headers']
  expect(client(from('10.0.0.1', { ...twice, ...https }))[0]).toBe('203.0.113.9')
})

test.each([
  ['for=203.0.113.9;proto=https', '203.0.113.9', 'tls'],
  ['For="[2001:db8::1]:4711"; Proto=HTTPS; by=10.0.0.1', '2001:db8::1', 'tls'],
  ['for=127.0.0.1;host="a,b;c", for=203.0.113.9;proto=https', '203.0.113.9', 'tls'],
  ['for=203.0.113.9;proto=http, for=10.1.1.1;proto=https', '203.0.113.9', 'clear'],
  ['for=203.0.113.9', '203.0.113.9', 'clear'],
  ['for=10.1.1.1;proto=https, for=203.0.113.9', '203.0.113.9', 'clear'],
  ['proto=https, for=203.0.113.9', '203.0.113.9', 'clear'],
  ['for=203.0.113.9, for=10.1.1.1;proto=https', '203.0.113.9', 'clear'],
  ['for=203.0.113.9;proto=https, for=10.1.1.1', '203.0.113.9', 'clear'],
  ['for=203.0.113.9;proto=https, for=10.1.1.1;proto=https', '203.0.113.9', 'tls'],
  ['proto=http, for=203.0.113.9;proto=https', '203.0.113.9', 'tls'],
  ['for=127.0.0.1;for=127.0.0.2;proto=http, for=203.0.113.9;proto=https', '203.0.113.9', 'tls'],
])('Forwarded: %s comes from %s, %s', (forwarded, address, link) => {
  const ignored = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' }
  expect(client(from('10.0.0.1', { forwarded, ...ignored }), standard)).toEqual([address, address, link])
})

test.each([
  'for=10.1.1.1;for=203.0.113.9;proto=https',
  'for=203.0.113.9;proto=http;proto=https',
  'for=203.0.113.9;For=203.0.113.9;proto=https',
  'for=203.0.113.9;proto=https, for=10.1.1.1;proto=https;proto=https',
])('an element of Forwarded that has a parameter twice cannot be read: %s', (forwarded) => {
  const [text, address, link] = client(from('10.0.0.1', { forwarded }), standard)
  expect([text, address, link]).toEqual(['10.0.0.1', undefined, 'clear'])
})

test.each([
  ['x-forwarded', { 'x-forwarded-for': 'unknown' }],
  ['x-forwarded', { 'x-forwarded-for': '203.0.113.9, ' }],
  ['x-forwarded', { 'x-forwarded-proto': 'https' }],
  ['x-forwarded', { 'x-forwarded-for': '203.0.113.9, nonsense, 10.1.1.1' }],
  ['forwarded', { forwarded: 'for=_hidden;proto=https' }],
  ['forwarded', { forwarded: 'proto=https' }],
  ['forwarded', { forwarded: 'for="203.0.113.9' }],
] as const)('%s: an address of a listed proxy that is none is nobody: %j', (headers, sent) => {
  const caller = new Callers({ ...proxied, headers }).of(from('10.0.0.1', { ...sent }))
  expect([caller.text, caller.address]).toEqual(['10.0.0.1', undefined])
})

test.each([
  [{ 'x-forwarded-for': '203.0.113.9' }, 'clear'],
  [{ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http' }, 'clear'],
  [{ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http, https' }, 'clear'],
  [{ 'x-forwarded-for': '127.0.0.1' }, 'clear'],
  [{ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https, https' }, 'tls'],
])('what a listed proxy tells decides, also over its own TLS: %j is %s', (headers, link) => {
  expect(client(from('10.0.0.1', headers))[2]).toBe(link)
  expect(client(from('10.0.0.1', headers, true))[2]).toBe(link)
})

test('a listed proxy that passes something on by the other kind of header is no caller, and exempt from nothing, be it on this machine', () => {
  const here = AddressRanges.reading(['127.0.0.1'])
  const [ours, other] = [
    { ...proxied, proxies: here },
    { ...standard, proxies: here },
  ]
  for (const headers of [{ 'x-forwarded-for': '203.0.113.9' }, { 'x-forwarded-proto': 'http' }, https])
    expect(client(from('127.0.0.1', headers), other)).toEqual(['127.0.0.1', undefined, 'clear'])
  expect(client(from('127.0.0.1', { forwarded: 'for=203.0.113.9;proto=https' }), ours)).toEqual([
    '127.0.0.1',
    undefined,
    'clear',
  ])
  for (const rules of [ours, other]) {
    expect(client(from('127.0.0.1', {}), rules)).toEqual(['127.0.0.1', '127.0.0.1', 'exempt'])
    expect(client(from('127.0.0.1', { forwarded: ' ', 'x-forwarded-for': '' }), rules)[2]).toBe('exempt')
  }
})

test('plain HTTP is exempt from this machine alone, and TLS never needs to be', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map((peer) => client(from(peer))[2])).toEqual([
    'exempt',
    'exempt',
    'exempt',
    'exempt',
  ])
  expect(client(from('192.0.2.7'))[2]).toBe('clear')
  expect(client(from('192.0.2.7', {}, true))[2]).toBe('tls')
})

test('of a caller that has hung up nothing is known', () => {
  expect(new Callers(proxied).of(from(undefined))).toEqual({
    text: '',
    address: undefined,
    link: 'clear',
    isProxied: false,
  })
})
