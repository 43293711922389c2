import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned, thumbprintOf } from '#test/certificates'
import { authenticationOf, type AuthenticationOptions } from './authentication.ts'
import { Failure } from './failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-authentication-'))
const [one, other] = [selfSigned('one'), selfSigned('other')]
beforeAll(() => {
  writeFileSync(join(folder, 'one.pem'), one.cert)
  writeFileSync(join(folder, 'chain.pem'), `${one.cert}${other.cert}`)
  writeFileSync(join(folder, 'other.der'), new X509Certificate(other.cert).raw)
  writeFileSync(join(folder, 'key.pem'), one.key)
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a key is a bearer unless told, is exchanged with --oauth, and is taken with certificates of which the thumbprints are sent', async () => {
  expect(await authenticationOf({}, folder)).toEqual({ authentication: undefined })
  expect(await authenticationOf({ oauth: true }, folder)).toEqual({ authentication: { method: 'oauth' } })
  const certificate = ['one.pem', join(folder, 'other.der'), 'chain.pem']
  const certificates = [one, other, one].map((each) => thumbprintOf(each))
  expect(await authenticationOf({ certificate }, folder)).toEqual({ authentication: { method: 'mtls', certificates } })
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
  const failure = await authenticationOf(options, folder).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect(failure).toMatchObject({ kind: 'usage', message: expect.stringMatching(told) })
})
