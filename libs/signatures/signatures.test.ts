import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { SignatureFault } from './faults.ts'
import { readSigningKey, readVerifyingKey, type SigningKey, type VerifyingKey, writtenPublicKey } from './keys.ts'
import { type Message, messageOf } from './message.ts'
import { type RequestToSign, signRequest } from './sign.ts'
import { type Expected, isProvedBy, readSignature } from './verify.ts'

const now = new Date('2026-03-01T10:00:00.400Z')
const seconds = Math.floor(now.getTime() / 1000)
const kid = 'aB3dE5gH7jK9'
const nonce = 'nonce-of-at-least-16'
const url = new URL("https://SCIM.example.com:443/scim/v2/c1/Users?filter=userName%20eq%20%22a%22&x=y'z")
const body = Buffer.from('{"userName":"a"}')
const post: RequestToSign = { method: 'POST', url, contentType: 'application/scim+json', body }

interface Pair {
  readonly signing: SigningKey
  readonly verifying: VerifyingKey
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}

function hmacPair(): Pair {
  const secret = randomBytes(32).toString('base64url')
  return {
    signing: present(readSigningKey('hmac-sha256', secret)),
    verifying: present(readVerifyingKey('hmac-sha256', secret)),
  }
}

function ed25519Pair(): Pair {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    signing: present(readSigningKey('ed25519', pem)),
    verifying: present(readVerifyingKey('ed25519', present(writtenPublicKey(pem)))),
  }
}

/** The request as it arrives, with its signature. */
function signedBy(pair: Pair, request: RequestToSign = post, at = now): Message {
  const signed = signRequest(request, { keyid: kid, key: pair.signing }, { now: at, nonce })
  const headers = Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value])
  return messageOf(request.method, request.url, { 'content-type': request.contentType, ...Object.fromEntries(headers) })
}

const pairs = { 'hmac-sha256': hmacPair(), ed25519: ed25519Pair() } as const

function outcome(
  message: Message,
  change: Partial<Expected> = {},
  pair: Pair = pairs['hmac-sha256'],
): SignatureFault | 'proved' {
  const expected = { keyid: kid, algorithm: pair.verifying.algorithm, hasBody: true, now, ...change }
  const read = readSignature(message, expected)
  if (read.kind === 'fault') return read.fault
  return isProvedBy(pair.verifying, read) ? 'proved' : 'wrong'
}

for (const [algorithm, pair] of Object.entries(pairs)) {
  describe(`signed by ${algorithm}`, () => {
    test('what one signs the other proves, with a body and without', () => {
      expect(outcome(signedBy(pair), {}, pair)).toBe('proved')
      const get = signedBy(pair, { method: 'GET', url: new URL('http://127.0.0.1:8080/scim/v2/c1/Users') })
      expect(outcome(get, { hasBody: false }, pair)).toBe('proved')
    })

    test('nothing that it covers can be changed', () => {
      const message = signedBy(pair)
      const { headers } = message
      const changed: Message[] = [
        { ...message, method: 'PUT' },
        { ...message, authority: 'scim.example.com:8443' },
        { ...message, path: '/scim/v2/c2/Users' },
        { ...message, query: '?' },
        { ...message, query: message.query.replace('%20', '+') },
        { ...message, headers: { ...headers, 'content-type': 'application/json' } },
        { ...message, headers: { ...headers, 'content-digest': 'sha-256=:AAAA:' } },
        {
          ...message,
          headers: { ...headers, 'signature-input': headers['signature-input']?.replace(nonce, `${nonce}x`) },
        },
        {
          ...message,
          headers: {
            ...headers,
            'signature-input': headers['signature-input']?.replace(
              `expires=${seconds + 300}`,
              `expires=${seconds + 301}`,
            ),
          },
        },
        {
          ...message,
          headers: {
            ...headers,
            'signature-input': headers['signature-input']?.replace('"@method" "@authority"', '"@authority" "@method"'),
          },
        },
      ]
      for (const one of changed) expect(outcome(one, {}, pair)).toBe('wrong')
    })

    test('it is not proved by the key of another, nor when a part of it is missing', () => {
      const message = signedBy(pair)
      expect(
        outcome(
          message,
          {},
          { ...pair, verifying: algorithm === 'ed25519' ? ed25519Pair().verifying : hmacPair().verifying },
        ),
      ).toBe('wrong')
      for (const truncated of [
        'latchkey=::',
        'latchkey=:AAAA:',
        message.headers['signature']?.replace(/.{8}:$/, ':'),
      ]) {
        expect(outcome({ ...message, headers: { ...message.headers, signature: truncated } }, {}, pair)).toBe('wrong')
      }
    })
  })
}

test('a key of one algorithm does not pass as one of the other', () => {
  expect(outcome(signedBy(pairs.ed25519), { algorithm: 'hmac-sha256' })).toBe('wrong-algorithm')
  const message = signedBy(pairs.ed25519)
  const input = message.headers['signature-input']?.replace('"ed25519"', '"hmac-sha256"')
  expect(outcome({ ...message, headers: { ...message.headers, 'signature-input': input } })).toBe('wrong')
})

describe('the profile', () => {
  const message = signedBy(pairs['hmac-sha256'])
  const { 'signature-input': input = '', signature = '' } = message.headers
  const withHeaders = (headers: Message['headers']): Message => ({
    ...message,
    headers: { ...message.headers, ...headers },
  })
  const withInput = (change: (text: string) => string): Message => withHeaders({ 'signature-input': change(input) })

  const refused: readonly [name: string, message: Message, fault: SignatureFault][] = [
    ['no signature', withHeaders({ signature: undefined }), 'missing'],
    ['no input', withHeaders({ 'signature-input': undefined }), 'missing'],
    ['empty headers', withHeaders({ 'signature-input': '', signature: '' }), 'several'],
    [
      'a second label',
      withHeaders({
        'signature-input': `${input}, other=${input.slice(9)}`,
        signature: `${signature}, other=${signature.slice(9)}`,
      }),
      'several',
    ],
    ['a second signature', withHeaders({ signature: `${signature}, other=:AAAA:` }), 'several'],
    ['the label twice in the input', withHeaders({ 'signature-input': `${input}, ${input}` }), 'malformed'],
    ['the label twice in the signature', withHeaders({ signature: `latchkey=:AAAA:, ${signature}` }), 'malformed'],
    ['another label', withHeaders({ signature: signature.replace('latchkey=', 'other=') }), 'relabelled'],
    ['another label in capitals', withHeaders({ signature: signature.replace('latchkey=', 'Latchkey=') }), 'malformed'],
    ['a signature that is no byte sequence', withHeaders({ signature: 'latchkey="AAAA"' }), 'malformed'],
    ['a signature with a parameter', withHeaders({ signature: `${signature};x=1` }), 'malformed'],
    ['an input that is no list', withHeaders({ 'signature-input': 'latchkey=1' }), 'malformed'],
    ['an input that breaks off', withInput((text) => text.slice(0, 40)), 'malformed'],
    ['a character beyond ASCII', withInput((text) => text.replace(nonce, `${nonce}\u00e9`)), 'malformed'],
    ['a NUL', withInput((text) => text.replace(nonce, `${nonce}\0`)), 'malformed'],
    ['a line break', withInput((text) => text.replace(nonce, `${nonce}\n`)), 'malformed'],
    ['other spaces', withInput((text) => text.replace(' "@path"', '  "@path"')), 'malformed'],
    ['a parameter twice', withInput((text) => `${text};alg="hmac-sha256"`), 'malformed'],
    ['a component twice', withInput((text) => text.replace('"@path"', '"@path" "@path"')), 'malformed'],
    ['a component with a parameter', withInput((text) => text.replace('"@path"', '"@path";req')), 'malformed'],
    ['a component in capitals', withInput((text) => text.replace('"content-type"', '"Content-Type"')), 'malformed'],
    ['a component that is a token', withInput((text) => text.replace('"@path"', 'path')), 'malformed'],
    ...['@method', '@authority', '@path', '@query', 'content-type', 'content-digest'].map(
      (name): [string, Message, SignatureFault] => [
        `no ${name}`,
        withInput((text) => text.replace(new RegExp(` ?"${name}"`), '').replace('( ', '(')),
        'components',
      ],
    ),
    ['a component that is not there', withInput((text) => text.replace('"@path"', '"@path" "date"')), 'components'],
    ['a dry run that it does not cover', withHeaders({ 'latchkey-dry-run': 'true' }), 'components'],
    [
      'a component that is unknown',
      withInput((text) => text.replace('"@path"', '"@path" "@target-uri"')),
      'components',
    ],
    ...['created', 'expires', 'keyid', 'nonce', 'alg', 'tag'].map((name): [string, Message, SignatureFault] => [
      `no ${name}`,
      withInput((text) => text.replace(new RegExp(`;${name}=[^;]*`), '')),
      'parameters',
    ]),
    ['an unknown parameter', withInput((text) => `${text};more=1`), 'parameters'],
    ['a created that is text', withInput((text) => text.replace(/created=\d+/, 'created="1"')), 'parameters'],
    ['a created that is a fraction', withInput((text) => text.replace(/created=(\d+)/, 'created=$1.5')), 'parameters'],
    [
      'an end before its beginning',
      withInput((text) =>
        text.replace(
          /expires=\d+/,
          (expires) => text.match(/created=\d+/)?.[0].replace('created', 'expires') ?? expires,
        ),
      ),
      'parameters',
    ],
    ['a nonce too short', withInput((text) => text.replace(nonce, 'short')), 'parameters'],
    ['a nonce too long', withInput((text) => text.replace(nonce, 'x'.repeat(129))), 'parameters'],
    ['another tag', withInput((text) => text.replace('tag="latchkey"', 'tag="other"')), 'wrong-tag'],
    ['another keyid', withInput((text) => text.replace(kid, 'bbbbbbbbbbbb')), 'of-another-key'],
    ['another algorithm', withInput((text) => text.replace('"hmac-sha256"', '"ed25519"')), 'wrong-algorithm'],
    ['an unknown algorithm', withInput((text) => text.replace('"hmac-sha256"', '"none"')), 'wrong-algorithm'],
    [
      'a long life',
      withInput((text) => text.replace(`expires=${seconds + 300}`, `expires=${seconds + 601}`)),
      'too-long',
    ],
  ]
  for (const [name, one, fault] of refused) {
    test(`${name}: ${fault}`, () => {
      expect(outcome(one)).toBe(fault)
    })
  }

  test('what is signed otherwise than the profile has it is refused though it is genuine', () => {
    const noBody = signedBy(pairs['hmac-sha256'], { method: 'DELETE', url })
    expect(outcome(noBody, { hasBody: false })).toBe('proved')
    expect(outcome(noBody, { hasBody: true })).toBe('components')
  })

  test('a dry run is covered, and can be neither changed nor taken away', () => {
    const request = { ...post, dryRun: 'true' }
    const signed = signedBy(pairs['hmac-sha256'], request)
    const dry = (value: string | undefined): Message => ({
      ...signed,
      headers: { ...signed.headers, 'latchkey-dry-run': value },
    })
    expect([outcome(dry('true')), outcome(dry('false')), outcome(dry(undefined))]).toEqual([
      'proved',
      'wrong',
      'components',
    ])
  })

  test('a body without a Content-Type is not signed', () => {
    expect(() => signedBy(pairs['hmac-sha256'], { method: 'POST', url, body })).toThrow(TypeError)
  })
})

describe('the time of a signature', () => {
  const at = (offset: number): Message => signedBy(pairs['hmac-sha256'], post, new Date(now.getTime() + offset * 1000))

  test('it is taken from 300 seconds before it was created until it expires', () => {
    expect(outcome(at(299))).toBe('proved')
    expect(outcome(at(300))).toBe('proved')
    expect(outcome(at(302))).toBe('not-yet')
    expect(outcome(at(3600))).toBe('not-yet')
    expect(outcome(at(-299))).toBe('proved')
    expect(outcome(at(-300))).toBe('expired')
    expect(outcome(at(-3600))).toBe('expired')
  })

  test('however long it lives, it is not taken 300 seconds after it was created', () => {
    const message = at(-310)
    const created = seconds - 310
    const input = message.headers['signature-input']?.replace(`expires=${created + 300}`, `expires=${created + 600}`)
    expect(outcome({ ...message, headers: { ...message.headers, 'signature-input': input } })).toBe('too-old')
  })
})

test('keys that are not of the algorithm, or not whole, are not read', () => {
  const secret = randomBytes(32).toString('base64url')
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { privateKey: other } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const foreign = other.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const text of ['', secret.slice(1), `${secret}A`, `${secret}=`, pem, 'é'.repeat(43)]) {
    expect(readSigningKey('hmac-sha256', text)).toBeUndefined()
    expect(readVerifyingKey('hmac-sha256', text)).toBeUndefined()
    if (text !== pem) expect(readSigningKey('ed25519', text)).toBeUndefined()
    expect(readVerifyingKey('ed25519', text)).toBeUndefined()
  }
  expect(readSigningKey('ed25519', foreign)).toBeUndefined()
  expect(writtenPublicKey(foreign)).toBeUndefined()
})
