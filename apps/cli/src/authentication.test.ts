import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certified, selfSigned, thumbprintOf } from '#test/certificates'
import { authenticationOf, type AuthenticationOptions } from './authentication.ts'
import { Failure } from './failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-authentication-'))
const warned: string[] = []
const quiet = { folder, warn: (text: string) => void warned.push(text) }
const day = 86_400_000
const [one, other] = [selfSigned('one'), selfSigned('other')]
beforeAll(() => {
  writeFileSync(join(folder, 'one.pem'), one.cert)
  writeFileSync(join(folder, 'chain.pem'), `${one.cert}${other.cert}`)
  writeFileSync(join(folder, 'other.der'), new X509Certificate(other.cert).raw)
  writeFileSync(join(folder, 'key.pem'), one.key)
})
beforeEach(() => void warned.splice(0))
afterAll(() => rmSync(folder, { recursive: true }))

test('a key is a bearer unless told, is exchanged with --oauth, and is taken with certificates of which the thumbprints are sent', async () => {
  expect(await authenticationOf({}, quiet)).toEqual({ authentication: undefined })
  expect(await authenticationOf({ oauth: true }, quiet)).toEqual({ authentication: { method: 'oauth' } })
  const certificate = ['one.pem', join(folder, 'other.der'), 'chain.pem']
  const certificates = [one, other, one].map((each) => thumbprintOf(each))
  expect(await authenticationOf({ certificate }, quiet)).toEqual({ authentication: { method: 'mtls', certificates } })
  expect(warned).toEqual([])
})

test.each([
  [-2, -1, /late\.pem expired on \d{4}-.*no request with it is accepted/],
  [1, 2, /late\.pem is not valid before \d{4}-/],
])('a certificate from day %i to day %i is taken, and warned of', async (from, to, told) => {
  const late = certified('late', { from: Date.now() + from * day, to: Date.now() + to * day })
  writeFileSync(join(folder, 'late.pem'), late.cert)
  const { authentication } = await authenticationOf({ certificate: ['late.pem'] }, quiet)
  expect(authentication).toEqual({ method: 'mtls', certificates: [thumbprintOf(late)] })
  expect(warned).toEqual([expect.stringMatching(told)])
})

const wrong: readonly (readonly [AuthenticationOptions, RegExp])[] = [
  [{ oauth: true, signed: 'hmac-sha256' }, /one way.*--signed, --oauth and --certificate/],
  [{ oauth: true, certificate: ['one.pem'] }, /one way/],
  [{ oauth: true, save: 'x.json' }, /--save goes with --signed/],
  [{ certificate: ['one.pem'], publicKey: 'key.pem' }, /--public-key goes with/],
  [{ certificate: ['missing.pem'] }, /missing\.pem cannot be read \(ENOENT\)\. Give the PEM or DER/],
  [{ certificate: ['key.pem'] }, /key\.pem holds no certificate.*not its private key/],
]

test.each(wrong)('%j is told with cause and fix', async (options, told) => {
  const failure = await authenticationOf(options, quiet).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect(failure).toMatchObject({ kind: 'usage', message: expect.stringMatching(told) })
})
