import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'

/** What a client proved to hold the private key of. */
export interface ClientCertificate {
  /** SHA-256 of the whole certificate, in lower-case hexadecimal digits. */
  readonly thumbprint: string
  readonly validFrom: Date
  readonly validTo: Date
}

/** Of the connection itself; absent where none was shown, and over plain HTTP. */
export function certificateOf(socket: IncomingMessage['socket']): ClientCertificate | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : factsOf(certificate)
}

/** A proxy told of a certificate in a form that is none, or of several. */
export type Unreadable = 'unreadable'

/** Of what a listed proxy says that its client proved, RFC 9440 section 2.2: base64 of DER between colons, once. */
export function certificateTold(header: string | string[]): ClientCertificate | Unreadable {
  const [, encoded] = typeof header === 'string' ? (/^ *:([A-Za-z0-9+/]+={0,2}): *$/.exec(header) ?? []) : []
  if (encoded === undefined) return 'unreadable'
  try {
    return factsOf(new X509Certificate(Buffer.from(encoded, 'base64')))
  } catch {
    return 'unreadable'
  }
}

function factsOf({ fingerprint256, validFromDate, validToDate }: X509Certificate): ClientCertificate {
  return {
    thumbprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    validFrom: validFromDate,
    validTo: validToDate,
  }
}
