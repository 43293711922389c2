import { generateKeyPairSync, sign } from 'node:crypto'
import { type Ed25519, libsodium, openssl } from './ed25519.ts'
import { isPublicKey } from './keys.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

/** RFC 8032 section 7.1: public key, message, signature. */
const vectors = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

/** Of the group that signatures are in. */
const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n

/** The same signature in another form: its second half counts from one turn of the group on. */
function oneTurnOn(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order
  return Buffer.concat([signature.subarray(0, 32), bytes(s.toString(16).padStart(64, '0')).reverse()])
}

function present(implementation: Ed25519 | undefined): Ed25519 {
  if (implementation === undefined) throw new Error('sodium-native has no build for this machine')
  return implementation
}

describe('a public key', () => {
  const isKey = (hex: string): boolean => isPublicKey(bytes(hex).toString('base64url'))

  test.each(vectors)('of RFC 8032 proves: %s', (publicKey) => {
    expect(isKey(publicKey)).toBe(true)
  })

  test.each([
    ['32 bytes of zero, of order 4', '00'.repeat(32)],
    ['the identity', `01${'00'.repeat(31)}`],
    ['the point of order 2', `ec${'ff'.repeat(30)}7f`],
    ['a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['the identity in another form', `ee${'ff'.repeat(30)}7f`],
    ['no point of the curve', `02${'00'.repeat(31)}`],
    ['31 bytes', '01'.repeat(31)],
  ])('that is %s proves nothing', (_what, hex) => {
    expect(isKey(hex)).toBe(false)
  })
})

describe.each([
  ['libsodium', () => present(libsodium())],
  ['OpenSSL', () => openssl],
])('Ed25519 by %s', (_, implementation) => {
  test.each(vectors)('takes the signature of RFC 8032 by %s', (publicKey, message, signature) => {
    expect(implementation()(bytes(publicKey))(bytes(message), bytes(signature))).toBe(true)
  })

  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'raw-public' })
  const message = Buffer.from('"@method": POST')
  const signature = sign(null, message, privateKey)

  test('refuses it with any one bit changed, of the message, the signature or the key', () => {
    const verify = implementation()
    const changed = (whole: Buffer, bit: number): Buffer =>
      Buffer.from(whole.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)))
    expect(verify(raw)(message, signature)).toBe(true)
    for (let bit = 0; bit < message.length * 8; bit++) expect(verify(raw)(changed(message, bit), signature)).toBe(false)
    for (let bit = 0; bit < signature.length * 8; bit++)
      expect(verify(raw)(message, changed(signature, bit))).toBe(false)
    for (let bit = 0; bit < raw.length * 8; bit++) expect(verify(changed(raw, bit))(message, signature)).toBe(false)
  })

  test('refuses what is not 64 bytes long, also where the first 64 are the signature', () => {
    const verify = implementation()(raw)
    for (const other of [Buffer.alloc(0), signature.subarray(0, 63), Buffer.concat([signature, Buffer.alloc(1)])])
      expect(verify(message, other)).toBe(false)
  })

  test('refuses the same signature in another form', () => {
    expect(implementation()(raw)(message, oneTurnOn(signature))).toBe(false)
  })
})
