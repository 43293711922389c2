import { createHmac, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { addPepper, derivedSecret, generatePeppers, mintKey } from '#libs/credentials/index'
import { keyPolicy } from '#libs/events/index'
import { AccessTokens, tokenIn } from './access-token.ts'

const peppers = generatePeppers()
const issuer = 'https://scim.example.com'
const tokens = new AccessTokens(peppers, issuer)
const now = new Date('2026-03-01T10:00:00.500Z')
const seconds = Math.floor(now.getTime() / 1_000)
const later = (by: number): Date => new Date(now.getTime() + by * 1_000)

const minted = mintKey('live')
const keyUntil = (expiresAt: string | null) => ({
  kid: minted.kid,
  connection: 'c1',
  policy: keyPolicy.parse({ authentication: { method: 'oauth' }, expiresAt }),
})
const key = keyUntil(null)

const good = { iss: issuer, aud: `${issuer}/scim/v2`, sub: minted.kid, exp: seconds + 600 }
const header = { alg: 'HS256', typ: 'at+jwt', kid: '1' }
const secret = derivedSecret(peppers, 'access tokens')
const made = (claims: object, told: object = {}, signedBy: Parameters<SignJWT['sign']>[0] = secret): Promise<string> =>
  new SignJWT({ ...good, ...claims }).setProtectedHeader({ ...header, ...told }).sign(signedBy)

test('a token says which key it was given for, by the profile of RFC 9068, and holds nothing of the secret of the key', async () => {
  const { text, expiresIn } = await tokens.issue(key, now)
  expect(expiresIn).toBe(600)
  expect(decodeProtectedHeader(text)).toEqual(header)
  expect(decodeJwt(text)).toEqual({
    ...good,
    client_id: 'c1',
    iat: seconds,
    jti: expect.stringMatching(/^[\da-f-]{36}$/),
  })
  const parts = text.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  expect([text, ...parts].some((part) => part.includes(minted.secret))).toBe(false)
  expect(tokens.read(text, now)).toEqual({ kind: 'token', kid: minted.kid })
  expect(tokenIn(`bearer ${text}`)).toBe(text)
})

test('a token is good until it expires, or its key does, whichever is sooner', async () => {
  const { text } = await tokens.issue(key, now)
  expect(tokens.read(text, later(599))).toMatchObject({ kind: 'token' })
  expect(tokens.read(text, later(600))).toEqual({ kind: 'fault', fault: 'token-expired' })
  const short = await tokens.issue(keyUntil(later(60).toISOString()), now)
  expect(short.expiresIn).toBe(60)
  expect(tokens.read(short.text, later(60))).toEqual({ kind: 'fault', fault: 'token-expired' })
  expect((await tokens.issue(keyUntil(later(6_000).toISOString()), now)).expiresIn).toBe(600)
})

test('a gateway whose clock is behind takes what another has just issued', async () => {
  const { text } = await tokens.issue(key, later(3_600))
  expect(tokens.read(text, now)).toMatchObject({ kind: 'token' })
})

test('what was issued before a pepper was added is read after it; that of peppers which are gone, or of others, is not', async () => {
  const { text } = await tokens.issue(key, now)
  const added = addPepper(peppers)
  const after = new AccessTokens(added, issuer)
  expect(after.read(text, now)).toMatchObject({ kind: 'token' })
  const next = (await after.issue(key, now)).text
  expect(decodeProtectedHeader(next).kid).toBe('2')
  expect(after.read(next, now)).toMatchObject({ kind: 'token' })
  const dropped = { current: 2, keys: new Map([...added.keys].filter(([version]) => version === 2)) }
  const others = [new AccessTokens(dropped, issuer), new AccessTokens(generatePeppers(), issuer)]
  for (const other of others) expect(other.read(text, now)).toEqual({ kind: 'fault', fault: 'token-invalid' })
})

test('one of a gateway with another public address is told as such, and is taken for no other fault', async () => {
  const elsewhere = new AccessTokens(peppers, 'https://elsewhere.example.com')
  const { text } = await elsewhere.issue(key, now)
  expect(elsewhere.read(text, now)).toEqual({ kind: 'token', kid: minted.kid })
  expect(tokens.read(text, now)).toEqual({ kind: 'fault', fault: 'token-of-another-address' })
  expect(tokens.read(`${text.slice(0, -6)}AAAAAA`, now)).toEqual({ kind: 'fault', fault: 'token-invalid' })
})

test('of the texts that are read as the same signature, only the one that was written is taken', async () => {
  const { text } = await tokens.issue(key, now)
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const bytes = (token: string): string => Buffer.from(token.split('.')[2] ?? '', 'base64url').toString('hex')
  const alike = letters
    .split('')
    .map((last) => text.slice(0, -1) + last)
    .filter((other) => bytes(other) === bytes(text))
  expect(alike.length).toBeGreaterThan(1)
  expect(alike.filter((other) => tokens.read(other, now).kind === 'token')).toEqual([text])
})

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
const ed25519 = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
/** Signed with the secret, whatever the header says. */
function byHand(told: object, hash: 'sha256' | 'sha512'): string {
  const content = `${encoded(told)}.${encoded(good)}`
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`
}
const hs256 = (bytes: Buffer): Promise<string> => made({}, {}, createSecretKey(bytes))

test('the claims and the header that the other tests change make a token that is taken as they are', async () => {
  for (const token of [await made({}), byHand(header, 'sha256')])
    expect(tokens.read(token, now)).toEqual({ kind: 'token', kid: minted.kid })
})

const forged: Readonly<Record<string, () => string | Promise<string>>> = {
  'that is not signed': () => `${encoded({ ...header, alg: 'none' })}.${encoded(good)}.`,
  'that is not signed, in other letters': () => `${encoded({ ...header, alg: 'nOnE' })}.${encoded(good)}.`,
  'signed by HS512 with the very secret': () => byHand({ ...header, alg: 'HS512' }, 'sha512'),
  'signed by a key pair of somebody': () => made({}, { alg: 'EdDSA' }, ed25519.privateKey),
  'signed by RSA': () => made({}, { alg: 'RS256' }, rsa.privateKey),
  'signed with the public half of a pair as if it were a secret': () =>
    hs256(ed25519.publicKey.export({ type: 'spki', format: 'der' })),
  'that brings its key along': () => made({}, { jwk: ed25519.publicKey.export({ format: 'jwk' }) }, Buffer.alloc(32)),
  'signed with the pepper itself': () => hs256(peppers.keys.get(1)?.export() ?? Buffer.alloc(0)),
  'signed with the secret for something else': () => hs256(derivedSecret(peppers, 'pseudonyms')),
  'of a pepper that is not there': () => made({}, { kid: '2' }),
  'whose pepper is no version': () => made({}, { kid: '__proto__' }),
  'that names no pepper': () => made({}, { kid: undefined }),
  'of another type': () => made({}, { typ: 'JWT' }),
  'of no type': () => made({}, { typ: undefined }),
  'that asks for what is not understood': () => byHand({ ...header, crit: ['x'], x: 1 }, 'sha256'),
  'for another audience': () => made({ aud: issuer }),
  'for no audience': () => made({ aud: undefined }),
  'without an end': () => made({ exp: undefined }),
  'for no key': () => made({ sub: undefined }),
  'for what is no key': () => made({ sub: `${minted.kid}'--` }),
}

test.each(Object.entries(forged))('a token %s is none', async (_what, make) => {
  expect(tokens.read(await make(), now)).toEqual({ kind: 'fault', fault: 'token-invalid' })
})
