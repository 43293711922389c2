import { createHmac } from 'node:crypto'
import { contentDigest, digestFault } from './content-digest.ts'
import { readSigningKey, readVerifyingKey, writtenPublicKey } from './keys.ts'
import { signatureBase } from './message.ts'

/** Appendix B of RFC 9421, what of it is by the two algorithms; and of RFC 9530. Requests of B.2 are all the same one. */
const request = {
  method: 'POST',
  authority: 'example.com',
  path: '/foo',
  query: '?param=Value&Pet=dog',
  headers: {
    host: 'example.com',
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'content-length': '18',
  },
}
const body = Buffer.from('{"hello": "world"}')

/** Of 64 bytes, where ours have 32. */
const sharedSecret = Buffer.from(
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  'base64',
)
const signing = readSigningKey(
  'ed25519',
  '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n',
)
const publicKey =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n'
const verifying = readVerifyingKey('ed25519', writtenPublicKey(publicKey) ?? '')

test('RFC 9421 B.2.5: the base and the signature by hmac-sha256 are those of the RFC', () => {
  const parameters = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
  const base = signatureBase(request, ['date', '@authority', 'content-type'], parameters)
  expect(base).toBe(
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@authority": example.com',
      '"content-type": application/json',
      `"@signature-params": ${parameters}`,
    ].join('\n'),
  )
  const signedBy = (secret: Buffer) =>
    createHmac('sha256', secret)
      .update(base ?? '')
      .digest()
  expect(signedBy(sharedSecret).toString('base64')).toBe('pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=')
  const half = sharedSecret.subarray(0, 32)
  const [ours, theirs] = [
    readSigningKey('hmac-sha256', half.toString('base64url')),
    readVerifyingKey('hmac-sha256', half.toString('base64url')),
  ]
  expect(ours?.sign(base ?? '')).toEqual(signedBy(half))
  expect(theirs?.verify(base ?? '', signedBy(half))).toBe(true)
})

test('RFC 9421 B.2.6: the base and the signature by ed25519 are those of the RFC', () => {
  const components = ['date', '@method', '@path', '@authority', 'content-type', 'content-length']
  const parameters =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'
  const base = signatureBase(request, components, parameters) ?? ''
  const expected = 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=='
  expect(signing?.sign(base).toString('base64')).toBe(expected)
  expect(verifying?.verify(base, Buffer.from(expected, 'base64'))).toBe(true)
})

test('RFC 9421 B.4: a signature holds for what was changed on the way without changing what it covers, and for nothing else', () => {
  const parameters = '("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"'
  const signature = Buffer.from(
    'ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==',
    'base64',
  )
  const holds = (message: Parameters<typeof signatureBase>[0]): boolean => {
    const base = signatureBase(message, ['@method', '@path', '@authority', 'accept'], parameters)
    return base !== undefined && verifying?.verify(base, signature) === true
  }
  const accept = { accept: 'application/json, */*' }
  const sent = {
    method: 'GET',
    authority: 'example.org',
    path: '/demo',
    query: '?name1=Value1&Name2=value2',
    headers: accept,
  }
  expect(holds(sent)).toBe(true)
  expect(holds({ ...sent, query: '?name1=Value1&Name2=value2&param=added' })).toBe(true)
  expect(holds({ ...sent, headers: { ...accept, 'accept-language': 'en-US,en;q=0.5' } })).toBe(true)
  expect(holds({ ...sent, method: 'POST' })).toBe(false)
  expect(holds({ ...sent, authority: 'example.com' })).toBe(false)
  expect(holds({ ...sent, headers: { accept: 'application/json,text/html' } })).toBe(false)
  expect(holds({ ...sent, headers: {} })).toBe(false)
})

test('RFC 9530: the digests of a body are those of the RFC, and fit no other body', () => {
  const sha256 = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
  const sha512 = request.headers['content-digest']
  expect(contentDigest(body)).toBe(sha256)
  for (const header of [sha256, sha512, `${sha256}, ${sha512}`, `md5=:AAAA:, ${sha256}`]) {
    expect(digestFault(header, body)).toBeUndefined()
    expect(digestFault(header, Buffer.from('{"hello": "World"}'))).toBe('digest-mismatch')
  }
})

test('of several digests each must fit, one that is known must be there, and none may be there twice', () => {
  const sha256 = contentDigest(body)
  const wrong = sha256.replace('X48E', 'X48F')
  expect(digestFault(`${wrong}, ${request.headers['content-digest']}`, body)).toBe('digest-mismatch')
  expect(digestFault('md5=:AAAA:', body)).toBe('digest-unsupported')
  expect(digestFault('sha-256=:AAAA:', body)).toBe('digest-mismatch')
  for (const header of [
    '',
    'sha-256=abc',
    'sha-256=:é:',
    'sha-256',
    `${wrong}, ${sha256}`,
    `${sha256},`,
    'sha-256=:A A:',
  ]) {
    expect([header, digestFault(header, body)]).not.toEqual([header, undefined])
  }
  expect(digestFault(`${wrong}, ${sha256}`, body)).toBe('digest-malformed')
})
