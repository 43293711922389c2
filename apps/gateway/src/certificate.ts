import { refusals } from './refusals.ts'
import type { Passage } from './way-in.ts'

/**
 * Mutual TLS (RFC 8705 section 3, in spirit): the client proved to hold the private key of a certificate that is named in the key's policy. Which authority
 * signed it says nothing here; its time does.
 */
export function certificate({ arrival }: Passage, certificates: readonly string[], now: Date): void {
  const shown = arrival.caller.certificate?.()
  if (shown === undefined) {
    throw refusals.unauthorized(
      'certificate-missing',
      'This key is taken with a client certificate alone, and none was shown. Have the client connect with its certificate, or the proxy tell of it in Client-Cert (RFC 9440).',
    )
  }
  if (shown === 'unreadable') {
    throw refusals.unauthorized(
      'certificate-unreadable',
      'The proxy told of a client certificate in a form that cannot be read, or of several. Have it write the one of its client into Client-Cert (RFC 9440), and take out what the client sent there.',
    )
  }
  if (!certificates.includes(shown.thumbprint)) {
    throw refusals.unauthorized(
      'certificate-unknown',
      'The client certificate that was shown is none of those that this key is taken with. Connect with one of those, or let its operator add the SHA-256 thumbprint of this one to the policy of the key.',
    )
  }
  if (now < shown.validFrom) {
    throw refusals.unauthorized(
      'certificate-not-yet',
      'The client certificate that was shown is not good yet. Wait until it is, or set the clock of whoever issued it.',
    )
  }
  if (now > shown.validTo) {
    throw refusals.unauthorized(
      'certificate-expired',
      'The client certificate that was shown has expired. Renew it, and add the thumbprint of the new one to the policy of the key first.',
    )
  }
}
