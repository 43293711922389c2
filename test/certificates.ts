import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'

/** Certificates made on the spot, X.509 (RFC 5280): no program beside Node is needed. Both as PEM. */
export interface CertifiedKey {
  readonly cert: string
  readonly key: string
}

/** What a certificate is made of in place of a new pair of keys, itself as authority, and a day before and after now. */
export interface CertificateChoice {
  readonly key?: string
  readonly authority?: { readonly name: string; readonly key: string }
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
}

const day = 86_400_000

/** For 127.0.0.1 and localhost, signed by its own key. `name` tells one from another. */
export function selfSigned(name: string): CertifiedKey {
  return certified(name)
}

/** `name` is the subject, and nothing else tells one from another at a glance. */
export function certified(name: string, choice: CertificateChoice = {}): CertifiedKey {
  const { from = Date.now() - day, to = Date.now() + day } = choice
  const privateKey =
    choice.key === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
      : createPrivateKey(choice.key)
  const authority = choice.authority ?? { name, key: privateKey }
  const algorithm = sequence(oid('2a8648ce3d040302'))
  const alternatives = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))
  const content = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    called(authority.name),
    sequence(time(from), time(to)),
    called(name),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(oid('551d11'), der(0x04, alternatives)),
        // It is its own authority.
        sequence(oid('551d13'), der(0x04, sequence(der(0x01, Buffer.from([0xff]))))),
      ),
    ),
  )
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', content, authority.key)]))
  const whole = sequence(content, algorithm, signature).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${whole.replaceAll(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

/** As the policy of a key names it. */
export function thumbprintOf({ cert }: CertifiedKey): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()
}

function called(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...bytes]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(hexadecimal: string): Buffer {
  return der(0x06, Buffer.from(hexadecimal, 'hex'))
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes)
}

/** GeneralizedTime. */
function time(instant: number): Buffer {
  const digits = new Date(instant).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(0x18, Buffer.from(digits))
}
