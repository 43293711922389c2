import { errors } from '#libs/scim/index'
import type { Passage } from '../way-in.ts'

/**
 * Mutual TLS (RFC 8705 section 3, in spirit): the client proved to hold the private key of a certificate that is named in the key's policy. Which authority
 * signed it says nothing here; its time does.
 */
export function certificate({ arrival }: Passage, certificates: readonly string[]): void {
  const { certificate: shown } = arrival.caller
  if (shown === undefined) {
    throw errors.unauthorized(
      'certificate-missing',
      'This key is taken with a client certificate alone, and none was shown. Have the client connect with its certificate, or the proxy tell of it in Client-Cert (RFC 9440).',
    )
  }
  if (!certificates.includes(shown.thumbprint)) {
    throw errors.unauthorized(
      'certificate-unknown',
      'The client certificate that was shown is none of those that this key is taken with. Connect with one of those, or let its operator add the SHA-256 thumbprint of this one to the policy of the key.',
    )
  }
  const now = arrival.receivedAt
  if (now < shown.validFrom || now > shown.validTo) {
    throw errors.unauthorized(
      'certificate-expired',
      'The client certificate that was shown is not good at this time. Renew it, and add the thumbprint of the new one to the policy of the key first.',
    )
  }
}
